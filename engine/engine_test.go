package engine_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/membership"
	"github.com/lockstep-log/lockstep/engine/record"
	"github.com/lockstep-log/lockstep/engine/replica"
)

func batch(values ...string) []byte {
	b := record.NewBuilder(1000)
	for _, v := range values {
		b.Add(1000, nil, []byte(v))
	}
	return b.Build()
}

func (h *host) produce(t *testing.T, b []byte) engine.ProduceResponse {
	t.Helper()
	return ask(t, h, func(done func(engine.ProduceResponse)) {
		h.node.Produce(engine.ProduceRequest{Topic: "t", Batch: b, LeaderEpoch: -1, Timeout: time.Second}, done)
	})
}

// ask runs one request to its answer and checks that there is exactly one.
func ask[R any](t *testing.T, h *host, request func(done func(R))) R {
	t.Helper()
	var got R
	answers := 0
	h.do(func() { request(func(r R) { got = r; answers++ }) })
	h.w.until(func() bool { return answers > 0 }, "answer")
	if answers != 1 {
		t.Fatalf("%d answers", answers)
	}
	return got
}

func (h *host) fetch(t *testing.T, r engine.FetchRequest) engine.FetchResponse {
	t.Helper()
	r.Topic, r.LeaderEpoch = "t", -1
	return ask(t, h, func(done func(engine.FetchResponse)) { h.node.Fetch(r, done) })
}

func (h *host) end(t *testing.T) engine.ListOffsetsResponse {
	t.Helper()
	return ask(t, h, func(done func(engine.ListOffsetsResponse)) {
		h.node.ListOffsets(engine.ListOffsetsRequest{Topic: "t", Timestamp: engine.Latest, LeaderEpoch: -1, Timeout: time.Second}, done)
	})
}

func values(t *testing.T, batches []byte) []string {
	t.Helper()
	var got []string
	for b, err := range record.Batches(batches) {
		if err != nil {
			t.Fatal(err)
		}
		for r, err := range record.Records(b) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, string(r.Value))
		}
	}
	return got
}

func TestProduceFetchListOffsets(t *testing.T) {
	for _, nodes := range []int{1, 2, 3} {
		w := newWorld(t, nodes, nil)
		w.formatAndStart()
		l := w.leader()
		for i, b := range [][]byte{batch("a"), batch("b", "c")} {
			if r := l.produce(t, b); r.Err != engine.None || r.BaseOffset != int64(i) || r.Leader != l.id {
				t.Fatalf("%d nodes: produce %d answers %+v", nodes, i, r)
			}
		}
		if r := l.end(t); r.Err != engine.None || r.Offset != 3 {
			t.Fatalf("%d nodes: the end is %+v, want 3", nodes, r)
		}
		r := l.fetch(t, engine.FetchRequest{Offset: 1, Linearizable: true, MaxWait: time.Second})
		if got := values(t, r.Batches); r.Err != engine.None || !slices.Equal(got, []string{"b", "c"}) || r.HighWatermark != 3 {
			t.Fatalf("%d nodes: fetch from 1 gives %q, %+v", nodes, got, r.Err)
		}
	}
}

func TestFollowersRefuseAndNameTheLeader(t *testing.T) {
	w := newWorld(t, 3, nil)
	w.formatAndStart()
	l := w.leader()
	w.sleep(time.Second)
	for _, h := range w.nodes {
		if h == l {
			continue
		}
		if r := h.produce(t, batch("x")); r.Err != engine.NotLeaderOrFollower || r.Unknown || r.Leader != l.id {
			t.Errorf("node %d answers a produce with %+v", h.id, r)
		}
		if r := h.fetch(t, engine.FetchRequest{}); r.Err != engine.NotLeaderOrFollower || r.Leader != l.id {
			t.Errorf("node %d answers a fetch with %v, leader %d", h.id, r.Err, r.Leader)
		}
		if r := h.end(t); r.Err != engine.NotLeaderOrFollower {
			t.Errorf("node %d answers list-offsets with %+v", h.id, r)
		}
		if s := h.node.Metadata(nil).Partitions[0]; s.Leader != l.id || !slices.Equal(s.ISR, []env.NodeID{1, 2, 3}) {
			t.Errorf("node %d knows leader %d, in sync %v", h.id, s.Leader, s.ISR)
		}
	}
}

func TestBadRequestsAreNamed(t *testing.T) {
	w := newWorld(t, 1, nil)
	w.formatAndStart()
	l := w.leader()
	flipped := batch("x")
	flipped[len(flipped)-1] ^= 1
	based := batch("x")
	based[7] = 9
	for name, c := range map[string]struct {
		r    engine.ProduceRequest
		want engine.Code
	}{
		"topic":     {engine.ProduceRequest{Topic: "no", Batch: batch("x"), LeaderEpoch: -1}, engine.UnknownTopicOrPartition},
		"partition": {engine.ProduceRequest{Topic: "t", Partition: 1, Batch: batch("x"), LeaderEpoch: -1}, engine.UnknownTopicOrPartition},
		"checksum":  {engine.ProduceRequest{Topic: "t", Batch: flipped, LeaderEpoch: -1}, engine.CorruptMessage},
		"base":      {engine.ProduceRequest{Topic: "t", Batch: based, LeaderEpoch: -1}, engine.InvalidRecord},
		"empty":     {engine.ProduceRequest{Topic: "t", LeaderEpoch: -1}, engine.InvalidRecord},
		"size":      {engine.ProduceRequest{Topic: "t", Batch: batch(strings.Repeat("x", 70<<10)), LeaderEpoch: -1}, engine.MessageTooLarge},
		"old epoch": {engine.ProduceRequest{Topic: "t", Batch: batch("x"), LeaderEpoch: 0}, engine.FencedLeaderEpoch},
		"new epoch": {engine.ProduceRequest{Topic: "t", Batch: batch("x"), LeaderEpoch: 99}, engine.UnknownLeaderEpoch},
	} {
		got := ask(t, l, func(done func(engine.ProduceResponse)) { l.node.Produce(c.r, done) })
		if got.Err != c.want || got.Unknown {
			t.Errorf("%s: %v (unknown %v), want %v", name, got.Err, got.Unknown, c.want)
		}
	}
	if r := l.end(t); r.Offset != 0 {
		t.Errorf("refused batches moved the end to %d", r.Offset)
	}
	if r := l.fetch(t, engine.FetchRequest{Offset: 1}); r.Err != engine.OffsetOutOfRange {
		t.Errorf("fetch beyond the end answers %v", r.Err)
	}
}

func TestLongPoll(t *testing.T) {
	w := newWorld(t, 3, nil)
	w.formatAndStart()
	l := w.leader()
	began := w.k.Now()
	if r := l.fetch(t, engine.FetchRequest{MaxWait: 300 * time.Millisecond}); r.Err != engine.None || len(r.Batches) != 0 {
		t.Fatalf("an empty log answers %v with %d bytes", r.Err, len(r.Batches))
	}
	if waited := time.Duration(w.k.Now() - began); waited < 300*time.Millisecond || waited > 400*time.Millisecond {
		t.Fatalf("it waited %v, want about 300 ms", waited)
	}
	var got *engine.FetchResponse
	l.do(func() {
		l.node.Fetch(engine.FetchRequest{Topic: "t", LeaderEpoch: -1, MaxWait: 10 * time.Second, MinBytes: 1}, func(r engine.FetchResponse) { got = &r })
	})
	w.sleep(time.Second)
	if got != nil {
		t.Fatal("the poll was answered before there was anything")
	}
	l.produce(t, batch("news"))
	w.until(func() bool { return got != nil }, "answer to the poll")
	if v := values(t, got.Batches); !slices.Equal(v, []string{"news"}) {
		t.Fatalf("the poll brought %q", v)
	}
}

func TestMinISRIsCheckedBeforeAnythingIsWritten(t *testing.T) {
	w := newWorld(t, 3, func(c *engine.Config) { c.Topology.Partitions[0].MinISR = 3 })
	w.formatAndStart()
	l := w.leader()
	for _, h := range w.nodes {
		if h != l {
			h.crash()
			break
		}
	}
	// Within the lag limit the lost follower counts as in sync: written, and the
	// outcome unknown. Past it nothing is written.
	if r := l.produce(t, batch("a")); r.Err != engine.NotEnoughReplicasAfterAppend || !r.Unknown {
		t.Fatalf("within the lag limit: %+v", r)
	}
	w.sleep(2 * time.Second)
	if r := l.produce(t, batch("b")); r.Err != engine.NotEnoughReplicas || r.Unknown {
		t.Fatalf("past the lag limit: %+v", r)
	}
	if r := l.end(t); r.Err != engine.None || r.Offset != 1 {
		t.Fatalf("the end is %+v, want 1: high watermark does not depend on min ISR", r)
	}
}

func TestACleanStopAnswersWhoWaitsAndKeepsTheData(t *testing.T) {
	w := newWorld(t, 1, nil)
	w.formatAndStart()
	l := w.leader()
	l.produce(t, batch("kept"))
	waiting := 0
	l.do(func() {
		l.node.Fetch(engine.FetchRequest{Topic: "t", Offset: 1, LeaderEpoch: -1, MaxWait: time.Hour}, func(engine.FetchResponse) { waiting++ })
	})
	stopped := false
	l.do(func() { l.node.Stop(func(err error) { stopped = err == nil }) })
	w.until(func() bool { return stopped }, "end of the stop")
	if waiting != 1 {
		t.Fatalf("the waiting fetch was answered %d times", waiting)
	}
	*l.alive = false
	l.start()
	l = w.leader()
	if got := values(t, l.fetch(t, engine.FetchRequest{}).Batches); !slices.Equal(got, []string{"kept"}) {
		t.Fatalf("after the restart: %q", got)
	}
}

func TestWhatStartRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		format bool
		tune   func(*engine.Config)
		want   error
	}{
		"unformatted": {false, func(*engine.Config) {}, journal.ErrNotFormatted},
		"foreign":     {true, func(c *engine.Config) { c.Cluster = 8 }, journal.ErrForeign},
		"topology":    {true, func(c *engine.Config) { c.Topology.Partitions[0].Group = 2 }, engine.ErrTopology},
		"config":      {true, func(c *engine.Config) { c.Tick = 0 }, engine.ErrConfig},
	} {
		w := newWorld(t, 1, nil)
		h := w.nodes[0]
		if c.format {
			if err := h.format(); err != nil {
				t.Fatal(err)
			}
		}
		w.tune = c.tune
		h.start()
		w.until(func() bool { return h.failed != nil }, "refusal")
		if !errors.Is(h.failed, c.want) {
			t.Errorf("%s: %v, want %v", name, h.failed, c.want)
		}
	}
}

func TestFormatNeverWritesOverANode(t *testing.T) {
	w := newWorld(t, 1, nil)
	w.formatAndStart()
	l := w.leader()
	l.produce(t, batch("kept"))
	l.crash()
	if err := l.format(); !errors.Is(err, engine.ErrFormatted) {
		t.Fatalf("a second format: %v, want ErrFormatted", err)
	}
	l.start()
	l = w.leader()
	if got := values(t, l.fetch(t, engine.FetchRequest{}).Batches); !slices.Equal(got, []string{"kept"}) {
		t.Fatalf("after the refused format: %q", got)
	}
}

func TestAFailedSyncStopsTheNodeUnanswered(t *testing.T) {
	w := newWorld(t, 1, nil)
	w.formatAndStart()
	l := w.leader()
	w.sleep(time.Second)
	l.disk.FailNextSync(1)
	answered := false
	l.do(func() {
		l.node.Produce(engine.ProduceRequest{Topic: "t", Batch: batch("x"), LeaderEpoch: -1}, func(engine.ProduceResponse) { answered = true })
	})
	w.until(func() bool { return l.failed != nil }, "stop of the node")
	if answered || l.traced(env.EventStopped) != 1 || l.node.Ready() {
		t.Fatalf("answered %v, stopped %d times, ready %v", answered, l.traced(env.EventStopped), l.node.Ready())
	}
}

// sum is a user's own state machine.
type sum struct {
	total uint64
	index uint64
	meta  []byte
}

func (s *sum) Open(done func(machine.Checkpoint, error)) { done(machine.Checkpoint{Meta: s.meta}, nil) }

func (s *sum) Apply(e machine.Entry) machine.Result {
	s.index = e.Index
	for _, b := range e.Data {
		s.total += uint64(b)
	}
	return machine.Result{Offset: -1, Data: []byte{byte(s.total)}}
}

func (s *sum) Checkpoint([]byte, func(machine.Checkpoint, error)) {
	panic("the test applies too little for one")
}
func (s *sum) Snapshot() (machine.Manifest, error) { return machine.Manifest{}, nil }
func (s *sum) Restore(machine.Manifest, machine.Source, func(machine.Checkpoint, error)) {
	panic("nothing restores in this test")
}
func (s *sum) Fingerprint() uint64 { return s.total }
func (s *sum) Close()              {}

func TestAUsersOwnStateMachine(t *testing.T) {
	w := newWorld(t, 3, func(c *engine.Config) {
		members := replica.GenesisMeta([]membership.Member{{ID: 101, Node: 1}, {ID: 102, Node: 2}, {ID: 103, Node: 3}})
		c.NewMachine = func(engine.MachineSpec) machine.StateMachine { return &sum{meta: members} }
	})
	w.formatAndStart()
	l := w.leader()
	r := ask(t, l, func(done func(engine.ProposeResponse)) { l.node.Propose(1, []byte{3, 4}, time.Second, done) })
	if r.Err != engine.None || r.Result.Data[0] != 7 {
		t.Fatalf("proposal: %+v", r)
	}
	if code := ask(t, l, func(done func(engine.Code)) { l.node.ReadBarrier(1, time.Second, done) }); code != engine.None {
		t.Fatalf("read barrier: %v", code)
	}
	w.sleep(time.Second)
	for _, h := range w.nodes {
		if got := h.node.Machine(1).Fingerprint(); got != 7 {
			t.Errorf("node %d has %d, want 7", h.id, got)
		}
	}
	if p := ask(t, l, func(done func(engine.ProduceResponse)) {
		l.node.Produce(engine.ProduceRequest{Topic: "t", Batch: batch("x"), LeaderEpoch: -1}, done)
	}); p.Err != engine.UnknownTopicOrPartition {
		t.Errorf("a produce to a machine that is no log: %v", p.Err)
	}
}

// A follower that is lost between an election and the term's first commit,
// which slow disks keep apart, is out of the in-sync set one lag limit after it
// was lost, not one after the commit.
func TestALeaderFollowsItsFollowersFromItsElectionOn(t *testing.T) {
	w := newWorld(t, 5, nil)
	w.formatAndStart()
	old := w.leader()
	w.sleep(time.Second)
	old.crash()
	var l, lost *host
	w.until(func() bool {
		for _, h := range w.nodes {
			if h != old && h.node.Metadata(nil).Partitions[0].Leader == h.id {
				l = h
			}
		}
		return l != nil
	}, "election")
	for _, h := range w.nodes {
		h.disk.SetSlow(800 * time.Millisecond)
		if h != old && h != l {
			lost = h
		}
	}
	lost.crash()
	if got := w.leader(); got != l {
		t.Fatalf("node %d leads, not %d", got.id, l.id)
	}
	w.sleep(100 * time.Millisecond)
	if isr := l.node.Metadata(nil).Partitions[0].ISR; slices.Contains(isr, lost.id) {
		t.Fatalf("node %d was lost more than the lag limit ago and is still in sync: %v", lost.id, isr)
	}
}

// Replica ids are any 64 bits but 0.
func TestReplicaIDsFarApart(t *testing.T) {
	w := newWorld(t, 3, func(c *engine.Config) {
		for i, id := range []env.ReplicaID{1, 1<<63 + 5, 1<<63 - 5} {
			c.Topology.Partitions[0].Replicas[i].ID = id
		}
	})
	w.formatAndStart()
	if r := w.leader().produce(t, batch("x")); r.Err != engine.None {
		t.Fatalf("produce: %v", r.Err)
	}
}
