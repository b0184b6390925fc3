package memstate

import (
	"fmt"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/wal"
)

// Config is where a machine is and what it is made of.
type Config[S State] struct {
	// Dir holds the machine's files; the machine owns it. Relative to the data
	// directory. It is engine.MachineSpec.Dir.
	Dir string
	// New makes an empty state: that of index 0, and what a checkpoint is loaded into.
	New func() S
	// OnRepaired hears of a record that verifies again. It may be nil. It is called on
	// the loop.
	OnRepaired func(wal.Repaired)
}

// Machine keeps one State durable and equal on all replicas. All methods belong to
// the node's loop; see the package comment for what it promises.
type Machine[S State] struct {
	store store
	fresh func() S

	opened bool
	busy   bool // a checkpoint or a restore is under way

	state       S
	index, term uint64 // of the last applied entry
	shipped     shipped
}

// New makes a machine of the files in cfg.Dir; Open or Format comes next. Work of
// several steps runs in tasks. fail is called at most once, when a write or a sync
// fails: the node must stop, and nothing completes after it. The first three
// arguments are those of an engine.MachineSpec.
func New[S State](e env.Env, tasks *env.Tasks, cfg Config[S], fail func(error)) *Machine[S] {
	return &Machine[S]{
		store: store{env: e, tasks: tasks, dir: cfg.Dir, fail: fail, onRepaired: cfg.OnRepaired},
		fresh: cfg.New,
	}
}

var (
	_ machine.StateMachine = (*Machine[State])(nil)
	_ machine.Formatter    = (*Machine[State])(nil)
	_ machine.Source       = (*Machine[State])(nil)
)

// State is the state after the last applied entry, for reading. Open and Restore
// put another object in its place, so it is asked for each time.
func (m *Machine[S]) State() S { return m.state }

// AppliedIndex is the index of the last applied entry.
func (m *Machine[S]) AppliedIndex() uint64 { return m.index }

// Apply implements machine.StateMachine. Entries without data are not the user's:
// they only move the index.
func (m *Machine[S]) Apply(e machine.Entry) machine.Result {
	if !m.opened {
		panic("memstate: Apply before Open")
	}
	if e.Index != m.index+1 {
		panic(fmt.Sprintf("memstate: entry %d was to be applied after %d", e.Index, m.index))
	}
	m.index, m.term = e.Index, e.Term
	if len(e.Data) == 0 {
		return machine.Result{Offset: -1}
	}
	r := m.state.Apply(e)
	r.Offset = -1 // there is no log
	return r
}

// Fingerprint implements machine.StateMachine.
func (m *Machine[S]) Fingerprint() uint64 { return m.state.Fingerprint() }

// Close implements machine.StateMachine. What was not checkpointed is in the
// journal.
func (m *Machine[S]) Close() { m.store.dead = true }

// become puts a loaded state in the place of what there is.
func (m *Machine[S]) become(state S, r *record) {
	m.state, m.index, m.term = state, r.index, r.term
	m.opened = true
}

// load makes a state of a record.
func (m *Machine[S]) load(r *record) (S, error) {
	state := m.fresh()
	if err := state.Load(r.state()); err != nil {
		return state, fmt.Errorf("%w: %d bytes at index %d: %w", ErrLoad, len(r.state()), r.index, err)
	}
	return state, nil
}

// begin marks that a checkpoint or a restore is under way.
func (m *Machine[S]) begin(what string) {
	if !m.opened || m.busy {
		panic("memstate: " + what + " before Open, or during a Checkpoint or Restore")
	}
	m.busy = true
}

func (m *Machine[S]) now() time.Duration { return m.store.env.Clock.Monotonic() }
