package cluster

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/sim"
)

// counter is a user's own state machine: a sum. Its checkpoint is one file,
// replaced by a rename.
type counter struct {
	spec engine.MachineSpec
	last machine.Checkpoint
	now  machine.Checkpoint
	sum  uint64
	seen map[uint64]int // how often a number was added
}

func newCounter(spec engine.MachineSpec) machine.StateMachine {
	return &counter{spec: spec, seen: map[uint64]int{}}
}

func (m *counter) Format(meta []byte, done func(error)) {
	m.spec.Tasks.Go("format counter", func(t *env.Task) {
		done(m.save(t, machine.Checkpoint{ID: 1, Meta: meta}, nil))
	})
}

func (m *counter) Open(done func(machine.Checkpoint, error)) {
	m.spec.Tasks.Go("open counter", func(t *env.Task) {
		f, err := t.Open(m.spec.Env.Disk, m.spec.Dir+"/sum", env.OpenExisting)
		if err != nil {
			done(machine.Checkpoint{}, err)
			return
		}
		b, err := t.ReadFile(f)
		if err != nil {
			done(machine.Checkpoint{}, err)
			return
		}
		word := func(i int) uint64 { return binary.BigEndian.Uint64(b[8*i:]) }
		m.last = machine.Checkpoint{ID: word(0), Index: word(1), Term: word(2), Meta: b[32 : 32+word(3)]}
		for rest := b[32+word(3):]; len(rest) > 0; rest = rest[8:] {
			m.add(binary.BigEndian.Uint64(rest))
		}
		m.now = m.last
		done(m.last, nil)
	})
}

func (m *counter) add(n uint64) {
	m.sum += n
	m.seen[n]++
}

func (m *counter) save(t *env.Task, c machine.Checkpoint, numbers []uint64) error {
	d, dir := m.spec.Env.Disk, m.spec.Dir
	var b []byte
	for _, v := range []uint64{c.ID, c.Index, c.Term, uint64(len(c.Meta))} {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	b = append(b, c.Meta...)
	for _, n := range numbers {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	if err := t.Mkdir(d, dir); err != nil {
		return err
	}
	f, err := t.Open(d, dir+"/sum.tmp", env.OpenCreate)
	if err != nil {
		return err
	}
	for _, step := range []func() error{
		func() error { return t.Truncate(f, 0) },
		func() error { return t.WriteAt(f, b, 0) },
		func() error { return t.Sync(f) },
		func() error { return t.Rename(d, dir+"/sum.tmp", dir+"/sum") },
		func() error { return t.SyncDir(d, dir) },
		func() error { return t.SyncDir(d, "groups") },
		func() error { return t.SyncDir(d, "") },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	f.Close()
	return nil
}

func (m *counter) Apply(e machine.Entry) machine.Result {
	m.now.Index, m.now.Term = e.Index, e.Term
	if len(e.Data) == 8 {
		m.add(binary.BigEndian.Uint64(e.Data))
	}
	return machine.Result{Offset: -1, Data: binary.BigEndian.AppendUint64(nil, m.sum)}
}

func (m *counter) Checkpoint(meta []byte, done func(machine.Checkpoint, error)) {
	c := m.now
	c.ID, c.Meta = m.last.ID+1, slices.Clone(meta)
	var numbers []uint64
	for n, times := range m.seen {
		for range times {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	m.spec.Tasks.Go("save counter", func(t *env.Task) {
		err := m.save(t, c, numbers)
		if err != nil {
			m.spec.Fail(err)
			return
		}
		m.last = c
		done(c, nil)
	})
}

func (m *counter) Snapshot() (machine.Manifest, error) {
	return machine.Manifest{Checkpoint: m.last}, nil
}

func (m *counter) Restore(_ machine.Manifest, _ machine.Source, done func(machine.Checkpoint, error)) {
	done(machine.Checkpoint{}, fmt.Errorf("not needed here"))
}

func (m *counter) Fingerprint() uint64 { return sim.Mix(m.sum, uint64(len(m.seen))) }
func (m *counter) Close()              {}

// adder proposes each number once, to whatever node it takes for the leader.
type adder struct {
	w       World
	next    uint64
	acked   []uint64
	pending int
	closed  bool
	node    env.NodeID
}

func (a *adder) Start() { a.w.Kernel().After(50*time.Millisecond, a.add) }
func (a *adder) Close() { a.closed = true }

func (a *adder) Pending() int             { return a.pending }
func (a *adder) Stuck() string            { return "an addition" }
func (a *adder) Operations() []checker.Op { return nil }
func (a *adder) answered(r engine.ProposeResponse, n uint64) {
	a.pending--
	if r.Err == engine.None {
		a.acked = append(a.acked, n)
	}
	a.node = r.Leader
}

func (a *adder) add() {
	if a.closed {
		return
	}
	if a.node == 0 {
		a.node = 1 + env.NodeID(a.next%3)
	}
	a.next++
	n, over := a.next, false
	once := func(r engine.ProposeResponse) {
		if !over {
			over = true
			a.answered(r, n)
		}
	}
	a.pending++
	a.w.Call(0, a.node, 64, func(node *engine.Node, reply func(int, func())) {
		node.Propose(1, binary.BigEndian.AppendUint64(nil, n), time.Second, func(r engine.ProposeResponse) {
			reply(64, func() { once(r) })
		})
	}, func(error) { once(engine.ProposeResponse{Err: engine.RequestTimedOut}) })
	a.w.Kernel().After(2*time.Second, func() { once(engine.ProposeResponse{Err: engine.RequestTimedOut}) })
	a.w.Kernel().After(20*time.Millisecond, a.add)
}

// Judge: what was acknowledged was added, and nothing twice.
func (a *adder) Judge() []checker.Violation {
	var found []checker.Violation
	for _, m := range a.w.Machines(1) {
		for _, n := range a.acked {
			if m.(*counter).seen[n] != 1 {
				found = append(found, checker.Violation{Oracle: "counter", Message: fmt.Sprintf("%d was added %d times", n, m.(*counter).seen[n])})
			}
		}
	}
	return found
}

func TestAMachineAndALoadOfOnesOwn(t *testing.T) {
	var load *adder
	for seed := range uint64(5) {
		s := short(seed)
		s.DurationNs = int64(6 * time.Second)
		s.Faults = append(s.Faults, Fault{AtNs: int64(4 * time.Second), ForNs: int64(time.Second), Kind: PowerLoss, Nodes: []uint64{2}})
		s.Engine.CheckpointBytes = 256
		r := run(t, s, Options{
			NewMachine:  newCounter,
			NewWorkload: func(w World) Workload { load = &adder{w: w}; return load },
		})
		for _, v := range r.Violations {
			t.Errorf("seed %d: %v", seed, v)
		}
		if len(load.acked) < 100 || r.Counters["checkpoints"] == 0 {
			t.Errorf("seed %d: %d additions were acknowledged, %d checkpoints taken", seed, len(load.acked), r.Counters["checkpoints"])
		}
		if again := run(t, s, Options{NewMachine: newCounter, NewWorkload: func(w World) Workload { return &adder{w: w} }}); again.Hash != r.Hash {
			t.Errorf("seed %d: two hashes", seed)
		}
	}
}
