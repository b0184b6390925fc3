package engine_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/wal"
)

func TestWhatValidateRefuses(t *testing.T) {
	good := func() engine.Config { return newWorld(t, 2, nil).config(1) }
	if c := good(); c.Validate() != nil {
		t.Fatal(c.Validate())
	}
	partition := func(c *engine.Config) *engine.Partition { return &c.Topology.Partitions[0] }
	for word, spoil := range map[string]func(c *engine.Config){
		"Cluster is 0":            func(c *engine.Config) { c.Cluster = 0 },
		"Node is 0":               func(c *engine.Config) { c.Node = 0 },
		"ElectionTicks 1":         func(c *engine.Config) { c.ElectionTicks = 1 },
		"ISRLag":                  func(c *engine.Config) { c.ISRLag = c.Tick - 1 },
		"MaxBatchBytes 0":         func(c *engine.Config) { c.MaxBatchBytes = 0 },
		"Journal.MaxBatchBytes":   func(c *engine.Config) { c.Journal.MaxBatchBytes = c.MaxBatchBytes },
		"Log.MaxBatchBytes 65535": func(c *engine.Config) { c.Log.MaxBatchBytes = int64(c.MaxBatchBytes) - 1 },
		"MaxInflightByte 1048575": func(c *engine.Config) { c.MaxInflightByte = 1<<20 - 1 },
		"CheckpointFiles 0":       func(c *engine.Config) { c.CheckpointFiles = 0 },
		"limit is 0":              func(c *engine.Config) { c.MaxWaiters = 0 },
		"WindowBytes":             func(c *engine.Config) { c.Journal.WindowBytes = 0 },
		"segment bytes 0":         func(c *engine.Config) { c.Log.SegmentBytes = 0 },
		"node id 1":               func(c *engine.Config) { c.Topology.Nodes[1].ID = 1 },
		"node 3 is not":           func(c *engine.Config) { c.Node = 3 },
		"group id 1":              func(c *engine.Config) { partitions(c, 2); c.Topology.Partitions[1].Group = 1 },
		"t/0 is listed twice":     func(c *engine.Config) { partitions(c, 2); c.Topology.Partitions[1].Partition = 0 },
		"min ISR 3":               func(c *engine.Config) { partition(c).MinISR = 3 },
		"on node 9":               func(c *engine.Config) { partition(c).Replicas[1].Node = 9 },
		"replica 101 on node 2":   func(c *engine.Config) { partition(c).Replicas[1].ID = 101 },
	} {
		c := good()
		spoil(&c)
		if err := c.Validate(); !errors.Is(err, engine.ErrConfig) || !strings.Contains(err.Error(), word) {
			t.Errorf("%v: it is to name %q", err, word)
		}
	}
}

func TestHugeTimeoutsWait(t *testing.T) {
	w := newWorld(t, 3, func(c *engine.Config) { c.Topology.Partitions[0].MinISR = 3 })
	w.formatAndStart()
	l := w.leader()
	w.sleep(time.Second)
	w.eachOther(l, func(h *host) { h.disk.SetSlow(300 * time.Millisecond) })
	for _, timeout := range []time.Duration{time.Hour, math.MaxInt64} {
		r := ask(t, l, func(done func(engine.ProduceResponse)) {
			l.node.Produce(engine.ProduceRequest{Topic: "t", Batch: batch("x"), LeaderEpoch: -1, Timeout: timeout}, done)
		})
		if r.Err != engine.None {
			t.Errorf("produce with timeout %v: %v", timeout, r.Err)
		}
		var end engine.ListOffsetsResponse
		end.Err = engine.UnknownServerError
		l.do(func() {
			l.node.ListOffsets(engine.ListOffsetsRequest{Topic: "t", Timestamp: engine.Latest, LeaderEpoch: -1, Timeout: timeout},
				func(r engine.ListOffsetsResponse) { end = r })
		})
		w.sleep(time.Second)
		if end.Err != engine.None {
			t.Errorf("list offsets with timeout %v: %v", timeout, end.Err)
		}
	}
}

func TestATurnsProposalsAreBoundedInBytes(t *testing.T) {
	const size, limit = 60_000, 1 << 20
	w := newWorld(t, 3, func(c *engine.Config) { c.MaxUncommitted = limit })
	w.formatAndStart()
	l := w.leader()
	b := batch(strings.Repeat("x", size))
	for turn := range 2 {
		acked, refused, asked := 0, 0, 0
		l.do(func() {
			for range 100 {
				l.node.Produce(engine.ProduceRequest{Topic: "t", Batch: b, LeaderEpoch: -1}, func(r engine.ProduceResponse) {
					switch {
					case r.Err == engine.None:
						acked++
					case r.Err == engine.ThrottlingQuotaExceeded && !r.Unknown:
						refused++
					default:
						t.Errorf("answered %v, unknown %v", r.Err, r.Unknown)
					}
				})
			}
			asked = refused
		})
		w.sleep(5 * time.Second)
		if asked != 100-limit/(size+100) || refused != asked || acked != 100-refused {
			t.Fatalf("turn %d: of 100 x 60 KB with a limit of 1 MiB %d are refused at once, %d later, %d acknowledged", turn, asked, refused-asked, acked)
		}
	}
}

func TestABatchAboveTheLimitOfUncommittedBytesIsTakenAlone(t *testing.T) {
	w := newWorld(t, 1, func(c *engine.Config) { c.MaxUncommitted = 100 })
	w.formatAndStart()
	l := w.leader()
	for range 2 {
		if r := l.produce(t, batch(strings.Repeat("x", 1000))); r.Err != engine.None {
			t.Fatal(r.Err)
		}
	}
}

// behind is a log whose disk does not follow.
type behind struct {
	*wal.Log
	bytes *int64
}

func (b behind) Backlog() int64 { return *b.bytes }

func TestAppliedBytesThatTheDiskDoesNotTakeAreBounded(t *testing.T) {
	var backlog int64
	w := newWorld(t, 1, func(c *engine.Config) {
		made := *c
		c.NewMachine = func(s engine.MachineSpec) machine.StateMachine { return behind{newLog(&made, s), &backlog} }
	})
	w.formatAndStart()
	l := w.leader()
	limit := int64(w.config(1).MaxUncommitted)
	for _, c := range []struct {
		backlog int64
		want    engine.Code
	}{{limit, engine.None}, {limit + 1, engine.ThrottlingQuotaExceeded}, {0, engine.None}} {
		backlog = c.backlog
		if r := l.produce(t, batch("x")); r.Err != c.want || r.Unknown {
			t.Errorf("%d bytes behind, limit %d: %v, unknown %v", c.backlog, limit, r.Err, r.Unknown)
		}
	}
}

// Fetches that read the disk have a budget of bytes, all partitions together.
func TestFetchesFromTheDiskAreBounded(t *testing.T) {
	w := newWorld(t, 1, func(c *engine.Config) {
		smallFiles(c)
		c.LogTailBytes, c.MaxFetchBytes, c.FetchBytes = 1<<10, 8<<10, 16<<10
	})
	w.formatAndStart()
	w.fill(t, 0, 40)
	h := w.nodes[0]
	answers := map[engine.Code]int{}
	h.do(func() {
		for range 5 {
			h.node.Fetch(engine.FetchRequest{Topic: "t", LeaderEpoch: -1}, func(r engine.FetchResponse) { answers[r.Err]++ })
		}
	})
	w.sleep(time.Second)
	if answers[engine.None] != 2 || answers[engine.ThrottlingQuotaExceeded] != 3 {
		t.Fatalf("five fetches of 8 KiB within 16 KiB: %v", answers)
	}
	if r := h.fetch(t, engine.FetchRequest{}); r.Err != engine.None {
		t.Fatalf("later: %v", r.Err)
	}
}

// What one turn sends to a peer is bounded: chunks go first, then appends.
func TestTheOutboxIsBounded(t *testing.T) {
	turn := map[[2]env.NodeID]int{} // bytes at the instant
	at, most := int64(0), 0
	w := newWorld(t, 3, func(c *engine.Config) { c.OutboxBytes = 32 << 10; partitions(c, 24) })
	w.watch = func(from, to env.NodeID, lane env.Lane, frame []byte) {
		if now := w.k.Now(); now != at {
			clear(turn)
			at = now
		}
		if lane == env.Append {
			turn[[2]env.NodeID{from, to}] += len(frame)
			most = max(most, turn[[2]env.NodeID{from, to}])
		}
	}
	w.formatAndStart()
	l := w.leaderOf(24)
	acked, led := 0, l.led()
	l.do(func() {
		for _, g := range led {
			l.node.Produce(engine.ProduceRequest{Topic: "t", Partition: int32(g - 1), Batch: batch(strings.Repeat("x", 10<<10)), LeaderEpoch: -1}, func(r engine.ProduceResponse) {
				if r.Err == engine.None {
					acked++
				}
			})
		}
	})
	w.until(func() bool { return acked == len(led) }, "acknowledgement of all")
	if len(led) < 6 {
		t.Fatalf("the node leads %d groups only: nothing is crowded out", len(led))
	}
	if most > 40<<10 {
		t.Fatalf("%d bytes of appends in one turn", most)
	}
}
