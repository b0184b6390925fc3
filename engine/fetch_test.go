package engine_test

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/diskmodel"
	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/wal"
	"github.com/lockstep-log/lockstep/engine/wire"
)

// readTime is how long a cold world's disk takes for one read.
const readTime = 20 * time.Millisecond

// coldWorld has ten batches of 4 KB in its log, the first of them on disk only.
// It is led by the host it returns.
func coldWorld(t *testing.T, nodes int, tune func(*engine.Config)) (*world, *host) {
	t.Helper()
	disks := diskmodel.DefaultConfig()
	disks.Read.Base = readTime
	w := newWorldOn(t, nodes, disks, func(c *engine.Config) {
		c.LogTailBytes = 16 << 10
		if tune != nil {
			tune(c)
		}
	})
	w.formatAndStart()
	l := w.leader()
	for range 10 {
		if r := l.produce(t, batch(strings.Repeat("x", 4000))); r.Err != engine.None {
			t.Fatal(r.Err)
		}
	}
	w.sleep(time.Second)
	return w, l
}

// polled is a fetch that may still wait.
type polled struct {
	answers  int
	response engine.FetchResponse
	took     time.Duration
}

// poll begins a fetch of topic "t".
func (h *host) poll(r engine.FetchRequest) *polled {
	r.Topic, r.LeaderEpoch = "t", -1
	p := &polled{}
	began := h.w.k.Now()
	h.do(func() {
		h.node.Fetch(r, func(answer engine.FetchResponse) {
			p.answers++
			p.response, p.took = answer, time.Duration(h.w.k.Now()-began)
		})
	})
	return p
}

// moreThanThereIs is more than a cold world's log holds, and less than what it
// holds with one batch more.
const moreThanThereIs = 44_000

func TestAPollNoticesRecordsThatCameWhileItReadTheDisk(t *testing.T) {
	w, l := coldWorld(t, 3, nil)
	p := l.poll(engine.FetchRequest{MinBytes: moreThanThereIs, MaxWait: 50 * time.Second})
	if r := l.produce(t, batch(strings.Repeat("x", 4000))); r.Err != engine.None || p.answers != 0 {
		t.Fatalf("%v, and the poll has %d answers: the read is to be under way still", r.Err, p.answers)
	}
	w.sleep(time.Second)
	if p.answers != 1 || p.response.Err != engine.None || len(p.response.Batches) < moreThanThereIs {
		t.Fatalf("%d answers, %v with %d bytes", p.answers, p.response.Err, len(p.response.Batches))
	}
}

func TestAPollNoticesLostLeadershipWhileItReadsTheDisk(t *testing.T) {
	w, l := coldWorld(t, 3, nil)
	p := l.poll(engine.FetchRequest{MinBytes: moreThanThereIs, MaxWait: 50 * time.Second})
	w.eachOther(l, func(h *host) { h.do(func() { h.node.PeerDown(l.id) }) })
	w.sleep(readTime / 2)
	if l.node.Metadata(nil).Partitions[0].Leader == l.id || p.answers != 0 {
		t.Fatalf("%d answers; leadership is to be lost before the read ends", p.answers)
	}
	w.sleep(time.Second)
	if p.answers != 1 || p.response.Err != engine.NotLeaderOrFollower {
		t.Fatalf("%d answers, %v", p.answers, p.response.Err)
	}
}

// poisonable is a log that panics on a record "poison", as a bug would.
type poisonable struct{ *wal.Log }

func (p poisonable) Apply(e machine.Entry) machine.Result {
	if bytes.Contains(e.Data, []byte("poison")) {
		panic("a bug of the machine")
	}
	return p.Log.Apply(e)
}

func newLog(c *engine.Config, s engine.MachineSpec) *wal.Log {
	return wal.New(s.Env, s.Tasks, wal.Config{Dir: s.Dir, Genesis: c.Log, TailBytes: c.LogTailBytes}, s.Fail)
}

// withPoison makes poisonable logs.
func withPoison(c *engine.Config) {
	made := *c
	c.NewMachine = func(s engine.MachineSpec) machine.StateMachine { return poisonable{newLog(&made, s)} }
}

func TestAPollIsAnsweredWhenItsReplicaIsFencedWhileItReadsTheDisk(t *testing.T) {
	w, l := coldWorld(t, 1, withPoison)
	p := l.poll(engine.FetchRequest{MinBytes: moreThanThereIs, MaxWait: 50 * time.Second})
	waits := l.poll(engine.FetchRequest{Offset: 10, MaxWait: 50 * time.Second})
	if r := l.produce(t, batch("poison")); r.Err != engine.KafkaStorageError || !r.Unknown {
		t.Fatalf("the poison is answered %v, unknown %v", r.Err, r.Unknown)
	}
	for _, p := range []*polled{p, waits} {
		if p.answers != 1 || p.response.Err != engine.KafkaStorageError || p.took >= readTime {
			t.Fatalf("%d answers, %v after %v", p.answers, p.response.Err, p.took)
		}
	}
	w.sleep(time.Second)
	if p.answers != 1 {
		t.Fatalf("%d answers once the disk had been read", p.answers)
	}
}

func TestAPollForMoreThanFitsIsAnsweredWithWhatFits(t *testing.T) {
	for name, r := range map[string]engine.FetchRequest{
		"above MaxBytes":      {MaxBytes: 9000, MinBytes: 10_000},
		"no whole batch more": {MaxBytes: 9000, MinBytes: 8500},
		"one batch too large": {MaxBytes: 100, MinBytes: 100},
		"the last, too large": {Offset: 9, MaxBytes: 100, MinBytes: 5000},
		"above MaxFetchBytes": {MinBytes: 1 << 30},
	} {
		w, l := coldWorld(t, 1, func(c *engine.Config) { c.MaxFetchBytes = 20_000 })
		r.MaxWait = 50 * time.Second
		p := l.poll(r)
		w.sleep(time.Second)
		if p.answers != 1 || p.response.Err != engine.None || len(p.response.Batches) == 0 {
			t.Errorf("%s: %d answers within a second, %v with %d bytes", name, p.answers, p.response.Err, len(p.response.Batches))
		}
	}
}

func TestAPollForMoreThanThereIsWaits(t *testing.T) {
	w, l := coldWorld(t, 1, nil)
	p := l.poll(engine.FetchRequest{MinBytes: moreThanThereIs, MaxWait: 3 * time.Second})
	w.sleep(2900 * time.Millisecond)
	if p.answers != 0 {
		t.Fatalf("answered after %v with %d bytes", p.took, len(p.response.Batches))
	}
	w.sleep(time.Second)
	if p.answers != 1 || p.response.Err != engine.None || len(values(t, p.response.Batches)) != 10 {
		t.Fatalf("%d answers, %v with %d bytes: it is to give what is there", p.answers, p.response.Err, len(p.response.Batches))
	}
}

func TestAPollWithoutEndWaits(t *testing.T) {
	w := newWorld(t, 1, nil)
	w.formatAndStart()
	l := w.leader()
	for _, linearizable := range []bool{false, true} {
		end := l.end(t).Offset
		p := l.poll(engine.FetchRequest{Offset: end, MaxWait: math.MaxInt64, Linearizable: linearizable})
		w.sleep(time.Second)
		if p.answers != 0 {
			t.Fatalf("linearizable %v: answered %v after %v", linearizable, p.response.Err, p.took)
		}
		l.produce(t, batch("news"))
		w.sleep(time.Second)
		if p.answers != 1 || !slices.Equal(values(t, p.response.Batches), []string{"news"}) {
			t.Fatalf("linearizable %v: %d answers, %v", linearizable, p.answers, p.response.Err)
		}
	}
}

func TestFetchesThatReadTheDiskAreBounded(t *testing.T) {
	w, l := coldWorld(t, 1, func(c *engine.Config) { c.MaxWaiters = 3 })
	var polls []*polled
	for range 5 {
		polls = append(polls, l.poll(engine.FetchRequest{MaxBytes: 100}))
	}
	w.sleep(time.Second)
	var got []engine.Code
	for _, p := range polls {
		if p.answers != 1 {
			t.Fatalf("%d answers", p.answers)
		}
		got = append(got, p.response.Err)
	}
	if want := []engine.Code{0, 0, 0, engine.ThrottlingQuotaExceeded, engine.ThrottlingQuotaExceeded}; !slices.Equal(got, want) {
		t.Fatalf("answers %v, want %v", got, want)
	}
}

// Node.Wake keeps the order: what a turn proposes leaves in the order in which
// the groups were woken, so that a run repeats.
func TestGroupsAreServedInTheOrderTheyWereWoken(t *testing.T) {
	w := newWorld(t, 3, func(c *engine.Config) { partitions(c, 7) })
	w.formatAndStart()
	w.sleep(5 * time.Second)
	l := w.nodes[0]
	for _, h := range w.nodes {
		if len(h.led()) > len(l.led()) {
			l = h
		}
	}
	g := l.led()
	for _, order := range [][]env.GroupID{{g[0], g[1], g[2]}, {g[2], g[0], g[1]}, {g[1], g[2], g[0]}} {
		var sent []env.GroupID
		peer := w.nodes[0]
		w.eachOther(l, func(h *host) { peer = h })
		w.watch = func(from, to env.NodeID, _ env.Lane, frame []byte) {
			if from == l.id && to == peer.id {
				sent = append(sent, appends(t, frame)...)
			}
		}
		answers := 0
		l.do(func() {
			for _, g := range append(slices.Clone(order), order[0]) { // woken twice, served once
				l.node.Produce(engine.ProduceRequest{Topic: "t", Partition: int32(g - 1), Batch: batch("x"), LeaderEpoch: -1}, func(engine.ProduceResponse) { answers++ })
			}
		})
		first := slices.Clone(sent)
		w.until(func() bool { return answers == 4 }, "answers")
		if !slices.Equal(first, order) {
			t.Fatalf("woken %v, sent %v", order, first)
		}
	}
}

// appends lists the groups whose entries a frame carries.
func appends(t *testing.T, b []byte) []env.GroupID {
	t.Helper()
	frame, err := wire.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	var groups []env.GroupID
	for _, m := range frame.Messages {
		if len(m.Raft.Entries) > 0 {
			groups = append(groups, m.Group)
		}
	}
	return groups
}
