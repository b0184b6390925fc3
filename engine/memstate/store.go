package memstate

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/wal"
)

// store keeps the records of one machine in its directory. What stands in them
// it does not know.
type store struct {
	env        env.Env
	tasks      *env.Tasks
	dir        string
	fail       func(error)
	onRepaired func(wal.Repaired)

	dead    bool     // failed or closed: nothing completes any more
	durable *record  // the newest durable checkpoint; nil before Open
	usedID  uint64   // the largest id that was ever under way
	named   env.Lock // held by who changes files

	wanted  int  // bytes of the last record, if it had no room
	cramped bool // it still has none
	probing bool // somebody looks for some
}

func (s *store) path(name string) string { return s.dir + "/" + name }

// nextID is an id that no record ever had.
func (s *store) nextID() uint64 {
	s.usedID++
	return s.usedID
}

// failed reports the first failed write or sync.
func (s *store) failed(err error) {
	if s.dead {
		return
	}
	s.dead = true
	s.fail(err)
}

// list gives the names of all files and the ids of all checkpoints of which there
// is a record, the newest first.
func (s *store) list(t *env.Task) (names []string, ids []uint64, err error) {
	if s.dead {
		return nil, nil, ErrStopped
	}
	names, err = t.List(s.env.Disk, s.dir)
	for _, name := range names {
		if id, ok := parseRecordName(name); ok && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	slices.Reverse(ids)
	if len(ids) > 0 {
		s.usedID = max(s.usedID, ids[0])
	}
	return names, ids, err
}

// read reads both records of a checkpoint. One good one is enough; bad then names
// the other if it is missing or damaged. Of two bad ones the error is ErrVersion if
// another program may read one, else ErrUnread if the disk would not give one: that
// says nothing of the file, which may be whole when it is tried again.
func (s *store) read(t *env.Task, id uint64, names []string) (r *record, bad []string, err error) {
	var version, unread error
	for _, name := range recordNames(id) {
		failed := fmt.Errorf("%w: %s: there is no such record", ErrDamaged, s.path(name))
		var one *record
		if slices.Contains(names, name) {
			one, failed = s.readRecord(t, s.path(name), id)
		}
		switch {
		case failed != nil:
			bad = append(bad, name)
			err = errors.Join(err, failed)
			switch {
			case errors.Is(failed, ErrVersion):
				version = failed
			case errors.Is(failed, ErrUnread):
				unread = failed
			}
		case r != nil && string(r.whole) != string(one.whole):
			return nil, nil, fmt.Errorf("%w: the two records of checkpoint %d in %s differ", ErrDamaged, id, s.dir)
		default:
			r = one
		}
	}
	switch {
	case r != nil:
		return r, bad, nil
	case version != nil:
		return nil, bad, version
	case unread != nil:
		return nil, bad, unread
	}
	return nil, bad, err
}

// readRecord reads one record of checkpoint id.
func (s *store) readRecord(t *env.Task, name string, id uint64) (*record, error) {
	p, err := s.readWhole(t, name)
	if errors.Is(err, env.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s: %w", ErrDamaged, name, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrUnread, name, err)
	}
	r, err := parseRecord(p)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if r.id != id {
		return nil, fmt.Errorf("%w: %s: it is checkpoint %d", ErrDamaged, name, r.id)
	}
	return r, nil
}

// readWhole reads a file. What fails is tried once more.
func (s *store) readWhole(t *env.Task, name string) (p []byte, err error) {
	for range 2 {
		f, e := s.openFile(t, name, env.OpenExisting)
		if errors.Is(e, env.ErrNotExist) {
			return nil, e
		}
		if err = e; e != nil {
			continue
		}
		p, err = t.ReadFile(f)
		f.Close()
		if err == nil {
			return p, nil
		}
	}
	return nil, err
}

// commit makes a record the newest one. Both its files are durable before either
// has its name, and older ones go after that. It tells a full disk, where the old
// one stays, from a failed one.
func (s *store) commit(t *env.Task, r *record) (full, failed error) {
	s.wanted = 0
	names := recordNames(r.id)
	for _, name := range names {
		if full, failed := s.write(t, name+unfinishedSuffix, r.whole); failed != nil {
			return nil, failed
		} else if full != nil {
			s.wanted = len(r.whole)
			return full, s.remove(t, names[0]+unfinishedSuffix, names[1]+unfinishedSuffix)
		}
	}
	for _, name := range []string{names[1], names[0]} {
		if err := s.rename(t, name+unfinishedSuffix, name); err != nil {
			return nil, err
		}
	}
	if err := s.syncDir(t); err != nil {
		return nil, err
	}
	s.durable, s.cramped = r, false
	return nil, s.removeOlder(t, r.id)
}

// write makes a new file durable, but for its name.
func (s *store) write(t *env.Task, name string, p []byte) (full, failed error) {
	f, err := s.openFile(t, s.path(name), env.OpenNew)
	if err != nil {
		return roomless(err)
	}
	defer f.Close()
	if err := s.writeAt(t, f, p, 0); err != nil {
		return roomless(err)
	}
	return nil, s.sync(t, f) // a failed sync is fatal whatever its cause
}

// roomless tells a full disk from a failed one.
func roomless(err error) (full, failed error) {
	if errors.Is(err, env.ErrNoSpace) {
		return err, nil
	}
	return nil, err
}

// removeOlder removes all records but those of checkpoint id.
func (s *store) removeOlder(t *env.Task, id uint64) error {
	names, _, err := s.list(t)
	if err != nil {
		return err
	}
	return s.remove(t, slices.DeleteFunc(names, func(name string) bool {
		of, ok := parseRecordName(name)
		return !ok || of == id
	})...)
}

// removeUnfinished removes what no procedure ended.
func (s *store) removeUnfinished(t *env.Task, names []string) error {
	var unfinished []string
	for _, name := range names {
		made, ok := strings.CutSuffix(name, unfinishedSuffix)
		if _, record := parseRecordName(made); ok && record {
			unfinished = append(unfinished, name)
		}
	}
	return s.remove(t, unfinished...)
}

// Each step of a task that changes files is one of these, or list. A closed store
// takes none: another one may be open on the same files by then.

func (s *store) openFile(t *env.Task, name string, mode env.OpenMode) (env.File, error) {
	if s.dead {
		return nil, ErrStopped
	}
	return t.Open(s.env.Disk, name, mode)
}

func (s *store) writeAt(t *env.Task, f env.File, p []byte, off int64) error {
	if s.dead {
		return ErrStopped
	}
	return t.WriteAt(f, p, off)
}

func (s *store) sync(t *env.Task, f env.File) error {
	if s.dead {
		return ErrStopped
	}
	return t.Sync(f)
}

func (s *store) rename(t *env.Task, from, to string) error {
	if s.dead {
		return ErrStopped
	}
	return t.Rename(s.env.Disk, s.path(from), s.path(to))
}

// remove removes files, those that are not there too.
func (s *store) remove(t *env.Task, names ...string) error {
	for _, name := range names {
		if s.dead {
			return ErrStopped
		}
		if err := t.Remove(s.env.Disk, s.path(name)); err != nil && !errors.Is(err, env.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (s *store) syncDir(t *env.Task) error {
	if s.dead {
		return ErrStopped
	}
	return t.SyncDir(s.env.Disk, s.dir)
}

// repaired tells of a record that verifies again.
func (s *store) repaired(name string) {
	if s.onRepaired != nil {
		s.onRepaired(wal.Repaired{File: s.path(name), Bytes: int64(len(s.durable.whole)), Kind: "checkpoint"})
	}
}
