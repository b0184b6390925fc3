package memstate

import (
	"errors"
	"fmt"
	"path"

	"github.com/lockstep-log/lockstep/engine/env"
)

// Format implements machine.Formatter: it makes the empty state's durable
// checkpoint at index 0. It is ErrFormatted if there is a record of any; what an
// unfinished Format left is replaced.
func (m *Machine[S]) Format(meta []byte, done func(error)) {
	m.store.tasks.Go("memstate format", func(t *env.Task) {
		done(m.format(t, meta, 0, func(names []string, ids []uint64) error {
			if len(ids) > 0 {
				return fmt.Errorf("%w: %s", ErrFormatted, m.store.dir)
			}
			return nil
		}))
	})
}

// Reformat begins a machine anew whose checkpoint is lost: a durable one of the
// empty state at index 0 with meta, and an id above that of any record there is and
// above above. It is ErrFormatted where a record of the newest checkpoint is good,
// or may be good to another program.
//
// Only a replica whose id is void may do this: it forgets what it promised.
func (m *Machine[S]) Reformat(t *env.Task, meta []byte, above uint64) error {
	return m.format(t, meta, above, func(names []string, ids []uint64) error {
		if len(ids) == 0 {
			return nil
		}
		_, _, err := m.store.read(t, ids[0], names)
		if errors.Is(err, ErrDamaged) || errors.Is(err, ErrUnread) {
			return nil
		}
		return errors.Join(fmt.Errorf("%w: %s: checkpoint %d is not damaged", ErrFormatted, m.store.dir, ids[0]), err)
	})
}

// format writes the empty state where it may.
func (m *Machine[S]) format(t *env.Task, meta []byte, above uint64, may func(names []string, ids []uint64) error) error {
	if m.opened || m.busy {
		panic("memstate: Format or Reformat of an open machine")
	}
	s := &m.store
	s.named.Acquire(t)
	defer s.named.Release()
	if err := t.Mkdir(s.env.Disk, s.dir); err != nil {
		return err
	}
	names, ids, err := s.list(t)
	if err != nil {
		return err
	}
	if err := may(names, ids); err != nil {
		return err
	}
	if err := errors.Join(s.removeUnfinished(t, names), s.syncParents(t)); err != nil {
		return err
	}
	s.usedID = max(s.usedID, above)
	p := m.fresh().Save(beginRecord(meta, 0))
	full, failed := s.commit(t, sealRecord(p, header{id: s.nextID()}, len(meta)))
	s.durable = nil // Open reads it, as after any start
	return errors.Join(full, failed)
}

// syncParents makes the names that lead to the directory durable.
func (s *store) syncParents(t *env.Task) error {
	var errs []error
	for dir := s.dir; dir != "."; {
		dir = path.Dir(dir)
		errs = append(errs, t.SyncDir(s.env.Disk, dir))
	}
	return errors.Join(errs...)
}
