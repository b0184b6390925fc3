package memstate

import (
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
)

// Checkpoint implements machine.StateMachine. The state is encoded at once, so
// entries may be applied meanwhile; they are not in it.
//
// On a full disk done gets env.ErrNoSpace: the last checkpoint stands, and
// Checkpoint may be called again.
func (m *Machine[S]) Checkpoint(meta []byte, done func(machine.Checkpoint, error)) {
	m.begin("Checkpoint")
	r := m.capture(meta)
	m.put("memstate checkpoint", func(t *env.Task) (full, failed error) { return m.commit(t, r) }, done)
}

// capture is the state now, under the next id.
func (m *Machine[S]) capture(meta []byte) *record {
	p := m.state.Save(beginRecord(meta, len(m.store.durable.state())))
	return sealRecord(p, header{id: m.store.nextID(), index: m.index, term: m.term}, len(meta))
}

// commit makes a record durable, and keeps the one before for those who fetch it.
func (m *Machine[S]) commit(t *env.Task, r *record) (full, failed error) {
	before := m.store.durable
	full, failed = m.store.commit(t, r)
	if m.store.durable == r {
		m.shipped.replaced(before, m.now())
	}
	return full, failed
}

// put runs a procedure that ends with another durable checkpoint or leaves what
// there is, and tells how it ended.
func (m *Machine[S]) put(name string, body func(t *env.Task) (refused, failed error), done func(machine.Checkpoint, error)) {
	s := &m.store
	s.tasks.Go(name, func(t *env.Task) {
		refused, failed := s.alone(t, body)
		switch {
		case s.dead:
			return
		case failed != nil:
			s.failed(failed)
			return
		}
		m.busy = false
		if s.wanted > 0 {
			s.lookForRoom()
		}
		if refused != nil {
			done(machine.Checkpoint{}, refused)
			return
		}
		done(s.durable.public(), nil)
	})
}

// alone runs a body that changes files while no other does.
func (s *store) alone(t *env.Task, body func(t *env.Task) (refused, failed error)) (refused, failed error) {
	s.named.Acquire(t)
	defer s.named.Release()
	return body(t)
}
