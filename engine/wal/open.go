package wal

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
)

// Open recovers the newest checkpoint. The errors are ErrNotFormatted,
// ErrDamaged and those of the disk; after an error the log stays closed.
//
// A damaged checkpoint is never replaced by an older one: that would take back
// what this replica has promised (NuRaft#185).
func (l *Log) Open(done func(machine.Checkpoint, error)) {
	if l.opened || l.busy {
		panic("wal: Open called again")
	}
	l.busy = true
	l.tasks.Go("wal open", func(t *env.Task) {
		err := l.recover(t)
		l.busy = false
		if err != nil {
			done(machine.Checkpoint{}, err)
			return
		}
		l.opened = true
		done(l.durable.public(), nil)
	})
}

// recover reads the newest checkpoint, makes sure that it is durable, takes
// its state, and removes what is not part of it.
func (l *Log) recover(t *env.Task) error {
	names, err := t.List(l.env.Disk, l.cfg.Dir)
	if errors.Is(err, env.ErrNotExist) {
		return fmt.Errorf("%w: no directory %s", ErrNotFormatted, l.cfg.Dir)
	}
	if err != nil {
		return err
	}
	id, count := checkpoints(names)
	if count == 0 {
		return fmt.Errorf("%w: no checkpoint in %s", ErrNotFormatted, l.cfg.Dir)
	}
	c, body, err := l.readCheckpoint(t, id)
	if err != nil {
		return err
	}
	if err := l.adopt(t, c, names); err != nil {
		return err
	}
	l.durable, l.body = c, body
	if err := l.removeStrays(t, names); err != nil || count == 1 {
		return err
	}
	if err := l.recommit(t, c); err != nil {
		return err
	}
	return l.removeCheckpoints(t, names)
}

// recommit writes the newest checkpoint again, under the next id. It is called
// where an older one is still there: the process may have died before the sync
// of the directory, or that sync failed, and then the newest one's name reads
// back and is not durable, whatever is synced now. The engine is about to rely
// on it. An older one is removed only once the newest is durable, so where none
// is left there is no doubt.
func (l *Log) recommit(t *env.Task, c checkpoint) error {
	c.id++
	return l.commit(t, c)
}

// checkpoints finds the newest checkpoint among names, 0 if there is none, and
// how many there are.
func checkpoints(names []string) (newest uint64, count int) {
	for _, name := range names {
		if id, ok := parseCheckpointName(name); ok {
			newest = max(newest, id)
			count++
		}
	}
	return newest, count
}

func (l *Log) readCheckpoint(t *env.Task, id uint64) (checkpoint, []byte, error) {
	name := l.path(checkpointName(id))
	bad := func(err error) (checkpoint, []byte, error) {
		return checkpoint{}, nil, found(name, err)
	}
	f, err := t.Open(l.env.Disk, name, env.OpenExisting)
	if err != nil {
		return bad(err)
	}
	defer f.Close()
	body, err := t.ReadFile(f)
	if err != nil {
		return bad(err)
	}
	c, err := parseCheckpoint(body)
	if err != nil {
		return checkpoint{}, nil, fmt.Errorf("%s: %w", name, err)
	}
	if c.id != id {
		return bad(fmt.Errorf("it is checkpoint %d", c.id))
	}
	return c, body, nil
}

// adopt makes the durable checkpoint's state the log's, once its segments are
// found in their full length and the active one intact and cut to its length.
func (l *Log) adopt(t *env.Task, c checkpoint, names []string) error {
	segments := make([]*segment, 0, len(c.segments))
	for i, e := range c.segments {
		s := l.newSegment(e, c.generation)
		s.handed = e.Bytes
		last := i == len(c.segments)-1
		s.indexed = !last && slices.Contains(names, indexName(e.Base)+generationSuffix(c.generation))
		if err := l.fit(t, s, last); err != nil {
			return err
		}
		segments = append(segments, s)
	}
	if len(segments) > 0 {
		var err error
		s := segments[len(segments)-1]
		s.index, err = l.scan(t, s, c.state.terms)
		s.file.release()
		if err != nil {
			return err
		}
	}
	l.become(c, segments)
	return nil
}

// become takes a checkpoint's state in one step: readers see the log before
// it or after it.
func (l *Log) become(c checkpoint, segments []*segment) {
	for _, s := range l.segments {
		s.file.retire()
	}
	l.generation = c.generation
	l.state = c.state
	l.state.terms = slices.Clone(c.state.terms)
	l.segments = segments
	l.readable = nil
	l.newNames = false
	l.tail.reset()
	l.replaced++
}

// found names what stands in the way of a file. That the disk would not open or
// read it says nothing of the file: tried again, it may be whole.
func found(name string, err error) error {
	if errors.Is(err, env.ErrIO) && !errors.Is(err, env.ErrNotExist) {
		return fmt.Errorf("%w: %s: %w", ErrUnread, name, err)
	}
	return fmt.Errorf("%w: %s: %w", ErrDamaged, name, err)
}

// fit checks the length of a segment's file. The active one may be longer, by
// what was appended after the checkpoint: that is cut, to be applied again.
func (l *Log) fit(t *env.Task, s *segment, active bool) error {
	f, err := t.Open(l.env.Disk, s.file.name, env.OpenExisting)
	if err != nil {
		return found(s.file.name, err)
	}
	defer f.Close()
	size, err := t.Size(f)
	if err != nil {
		return found(s.file.name, err)
	}
	switch {
	case size < s.Bytes || size > s.Bytes && !active:
		return fmt.Errorf("%w: segment %s has %d bytes, its checkpoint says %d", ErrDamaged, s.file.name, size, s.Bytes)
	case size > s.Bytes:
		return t.Truncate(f, s.Bytes)
	}
	return nil
}

// removeCheckpoints removes all checkpoints but the durable one.
func (l *Log) removeCheckpoints(t *env.Task, names []string) error {
	for _, name := range names {
		id, ok := parseCheckpointName(name)
		if !ok || id == l.durable.id {
			continue
		}
		if err := t.Remove(l.env.Disk, l.path(name)); err != nil {
			return err
		}
	}
	return nil
}

// removeStrays removes the log's files that belong to no checkpoint or to an
// older one: unfinished records, segments begun later, what an unfinished
// restore left. Files of other makers stay.
func (l *Log) removeStrays(t *env.Task, names []string) error {
	keep := map[string]bool{}
	suffix := generationSuffix(l.generation)
	for i, e := range l.durable.segments {
		keep[logicalName(e.Base)+suffix] = true
		keep[indexName(e.Base)+suffix] = i < len(l.durable.segments)-1
	}
	for _, name := range names {
		if !isStray(name) || keep[name] {
			continue
		}
		if err := t.Remove(l.env.Disk, l.path(name)); err != nil {
			return err
		}
	}
	return nil
}

// isStray tells whether this package makes files with such a name, checkpoints
// apart.
func isStray(name string) bool {
	if _, _, ok := parseSegmentName(name); ok {
		return true
	}
	record, unfinished := strings.CutSuffix(name, unfinishedSuffix)
	_, ok := parseCheckpointName(record)
	return ok && unfinished
}
