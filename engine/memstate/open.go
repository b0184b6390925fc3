package memstate

import (
	"errors"
	"fmt"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
)

// Open implements machine.StateMachine: it loads the newest checkpoint. The errors
// are ErrNotFormatted, ErrDamaged, ErrUnread, ErrVersion, ErrLoad and those of the
// disk; after an error the machine stays closed and Open may be called again.
//
// A damaged checkpoint is never replaced by an older one: that would take back
// what this replica has promised.
func (m *Machine[S]) Open(done func(machine.Checkpoint, error)) {
	if m.opened || m.busy {
		panic("memstate: Open called again")
	}
	m.busy = true
	m.store.tasks.Go("memstate open", func(t *env.Task) {
		err := m.recover(t)
		m.busy = false
		if err != nil {
			done(machine.Checkpoint{}, err)
			return
		}
		done(m.store.durable.public(), nil)
	})
}

// recover loads the newest checkpoint, makes sure that it is durable, and removes
// what is not part of it.
func (m *Machine[S]) recover(t *env.Task) error {
	s := &m.store
	s.named.Acquire(t)
	defer s.named.Release()
	names, ids, err := s.list(t)
	switch {
	case errors.Is(err, env.ErrNotExist):
		return fmt.Errorf("%w: no directory %s", ErrNotFormatted, s.dir)
	case err != nil:
		return err
	case len(ids) == 0:
		return fmt.Errorf("%w: no checkpoint in %s", ErrNotFormatted, s.dir)
	}
	r, bad, err := s.read(t, ids[0], names)
	if err != nil {
		return err
	}
	state, err := m.load(r)
	if err != nil {
		return fmt.Errorf("%s: %w", s.path(recordNames(r.id)[0]), err)
	}
	if err := s.removeUnfinished(t, names); err != nil {
		return err
	}
	s.durable = r
	if len(ids) > 1 || len(bad) > 0 {
		if err := s.recommit(t, bad); err != nil {
			return err
		}
	}
	m.become(state, s.durable)
	return nil
}

// recommit writes the newest checkpoint again, under the next id. It is called
// where an older one is still there, or one of its two records is not good: the
// process may have died before the sync of the directory, or that sync failed, and
// then a name reads back and is not durable, whatever is synced now. The engine is
// about to rely on it. An older one is removed only once the newest is durable, so
// where both records are there, and nothing else, there is no doubt.
func (s *store) recommit(t *env.Task, bad []string) error {
	full, failed := s.commit(t, s.durable.again(s.nextID()))
	if err := errors.Join(full, failed); err != nil {
		return err
	}
	for _, name := range bad {
		s.repaired(name)
	}
	return nil
}
