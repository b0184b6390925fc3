package memstate_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/memstate"
	"github.com/lockstep-log/lockstep/engine/wal"
	"github.com/lockstep-log/lockstep/sim"
	"github.com/lockstep-log/lockstep/sim/cluster"
)

func newMachine(s engine.MachineSpec) machine.StateMachine {
	return memstate.New(s.Env, s.Tasks, memstate.Config[*tally]{
		Dir: s.Dir, New: newTally,
		OnRepaired: func(r wal.Repaired) {
			s.Env.Tracer.Trace(env.Event{Kind: env.EventRepaired, Group: s.Partition.Group, File: r.File, Length: r.Bytes, Text: r.Kind})
		},
	}, s.Fail)
}

// talker sends each word once, to whatever node it takes for the leader.
type talker struct {
	w       cluster.World
	next    uint64
	acked   []string
	pending int
	closed  bool
	node    env.NodeID
}

func (a *talker) Start()                   { a.w.Kernel().After(50*time.Millisecond, a.say) }
func (a *talker) Close()                   { a.closed = true }
func (a *talker) Pending() int             { return a.pending }
func (a *talker) Stuck() string            { return "a word" }
func (a *talker) Operations() []checker.Op { return nil }

// word is 500 bytes of their own.
func word(n uint64) string {
	var b strings.Builder
	for i := range uint64(25) {
		fmt.Fprintf(&b, "%020d", sim.Mix(n, i))
	}
	return b.String()
}

func (a *talker) say() {
	if a.closed {
		return
	}
	if a.node == 0 {
		a.node = 1 + env.NodeID(a.next%3)
	}
	a.next++
	said, over := word(a.next), false
	once := func(r engine.ProposeResponse) {
		if over {
			return
		}
		over = true
		a.pending--
		if a.node = r.Leader; r.Err == engine.None {
			a.acked = append(a.acked, said)
			if n, _ := binary.Uvarint(r.Result.Data); n != 1 {
				panic("a word that was said once was answered with another count")
			}
		}
	}
	a.pending++
	a.w.Call(0, a.node, 600, func(node *engine.Node, reply func(int, func())) {
		node.Propose(1, []byte(said), time.Second, func(r engine.ProposeResponse) {
			reply(64, func() { once(r) })
		})
	}, func(error) { once(engine.ProposeResponse{Err: engine.RequestTimedOut}) })
	a.w.Kernel().After(2*time.Second, func() { once(engine.ProposeResponse{Err: engine.RequestTimedOut}) })
	a.w.Kernel().After(25*time.Millisecond, a.say)
}

// Judge: what was acknowledged was said, and nothing twice.
func (a *talker) Judge() (found []checker.Violation) {
	bad := func(format string, args ...any) {
		found = append(found, checker.Violation{Oracle: "tally", Message: fmt.Sprintf(format, args...)})
	}
	for i, m := range a.w.Machines(1) {
		words := m.(*memstate.Machine[*tally]).State().words
		for _, said := range a.acked {
			if words[said] != 1 {
				bad("machine %d has word %.20s... %d times", i, said, words[said])
			}
		}
		for said, n := range words {
			if n != 1 {
				bad("machine %d has word %.20s... %d times", i, said, n)
			}
		}
	}
	return found
}

// TestAClusterOfStates: the engine treats such a machine as it treats a log. Each
// schedule comes to what it is about on some of its seeds.
func TestAClusterOfStates(t *testing.T) {
	at := func(seconds float64) int64 { return int64(seconds * float64(time.Second)) }
	for name, c := range map[string]struct {
		faults func(seed uint64) []cluster.Fault
		change func(s *cluster.Schedule)
		probes []string
	}{
		"power": {
			faults: func(seed uint64) []cluster.Fault {
				return []cluster.Fault{
					{AtNs: at(2), ForNs: at(0.5), Kind: cluster.PowerLoss, Role: cluster.RoleLeader, Mode: "any"},
					{AtNs: at(4), ForNs: at(0.5), Kind: cluster.PowerLoss, Nodes: []uint64{1, 2, 3}, Mode: "any"},
					{AtNs: at(4.1), ForNs: at(0.5), Kind: cluster.PowerLoss, Nodes: []uint64{1 + seed%3}, On: "recovery-io", Nth: int(seed % 20), Mode: "any"},
				}
			},
		},
		"snapshot": {
			faults: func(seed uint64) []cluster.Fault {
				away := []uint64{1 + seed%3}
				return []cluster.Fault{
					{AtNs: at(1), ForNs: at(5), Kind: cluster.Crash, Nodes: away},
					{AtNs: at(6.5), ForNs: at(0.2), Kind: cluster.PowerLoss, Nodes: away, Mode: "any"},
				}
			},
			probes: []string{"storage/snapshot-installed", "storage/snapshot-under-load"},
		},
		"rot": {
			faults: func(seed uint64) (faults []cluster.Fault) {
				struck := []uint64{1 + seed%3}
				for i := range 20 {
					faults = append(faults, cluster.Fault{AtNs: at(1.5 + float64(i)/5), Kind: cluster.Rot, Nodes: struck, Area: cluster.AreaCheckpoint, Sectors: 8})
				}
				for i := range int64(1 + 7*(seed%2)) { // one record, or both
					faults = append(faults, cluster.Fault{AtNs: at(6) + i, Kind: cluster.Rot, Nodes: struck, Area: cluster.AreaCheckpoint})
				}
				return append(faults, cluster.Fault{AtNs: at(6) + 9, ForNs: at(0.5), Kind: cluster.Crash, Nodes: struck})
			},
			change: func(s *cluster.Schedule) { s.Engine.CheckpointBytes = 1 << 20 },
			probes: []string{"storage/checkpoint-rebuilt", "storage/replica-replaced-after-rot"},
		},
		"lost disk": {
			faults: func(seed uint64) []cluster.Fault {
				return []cluster.Fault{{AtNs: at(3), ForNs: at(0.5), Kind: cluster.LostDisk, Nodes: []uint64{1 + seed%3}}}
			},
			probes: []string{"damage/disk-lost", "storage/replica-replaced-after-lost-disk"},
		},
		"full disk": {
			faults: func(seed uint64) []cluster.Fault {
				return []cluster.Fault{
					{AtNs: at(2), ForNs: at(2), Kind: cluster.FullDisk, Nodes: []uint64{1 + seed%3}},
					{AtNs: at(5), ForNs: at(1), Kind: cluster.FullDisk, Role: cluster.RoleLeader},
				}
			},
		},
	} {
		reached := map[string]uint64{}
		for seed := range uint64(6) {
			s := cluster.Defaults(seed)
			s.DurationNs = at(9)
			s.Engine.JournalFileBytes, s.Engine.JournalRetainBytes = 16<<10, 32<<10
			s.Engine.CheckpointBytes, s.Engine.ChunkBytes, s.Engine.ScrubBytesPerSecond = 4<<10, 2<<10, 1<<20
			s.Engine.MaxBatchBytes, s.Engine.SegmentBytes, s.Engine.LogTailBytes = 2<<10, 8<<10, 8<<10
			s.Faults = c.faults(seed)
			if c.change != nil {
				c.change(&s)
			}
			var load *talker
			run := func() *cluster.Result {
				r, err := cluster.Run(s, cluster.Options{
					NewMachine:  newMachine,
					NewWorkload: func(w cluster.World) cluster.Workload { load = &talker{w: w}; return load },
				})
				if err != nil {
					t.Fatal(err)
				}
				return r
			}
			r := run()
			for _, v := range r.Violations {
				t.Errorf("%s, seed %d: %v", name, seed, v)
			}
			if load == nil || len(load.acked) < 100 || r.Counters["checkpoints"] == 0 {
				t.Fatalf("%s, seed %d: %+v, %d checkpoints taken", name, seed, load, r.Counters["checkpoints"])
			}
			for probe, n := range r.Probes {
				reached[probe] += n
			}
			if seed == 0 {
				if again := run(); again.Hash != r.Hash {
					t.Errorf("%s: two hashes", name)
				}
			}
		}
		for _, probe := range c.probes {
			if reached[probe] == 0 {
				t.Errorf("%s: never came to %s", name, probe)
			}
		}
	}
}

// A node looks after the files of a state as it does after a log's.
var _ engine.Keeper = (*memstate.Machine[*tally])(nil)
