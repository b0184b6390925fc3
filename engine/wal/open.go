package wal

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
)

// Open recovers the newest checkpoint. It reads the record and looks at each
// segment's length, no more: what is in a segment is verified when it is read.
//
// The errors are ErrNotFormatted, ErrVersion, ErrDamaged, ErrUnread (neither
// record can be read, and one of them may be whole) and those of the disk;
// after an error the log stays closed and Open may be called again. A
// *DamageError is an ErrDamaged that Repair mends: all bad segments are in it.
// Any other ErrDamaged means that the record is lost: see Reformat.
//
// A damaged checkpoint is never replaced by an older one: that would take back
// what this replica has promised (NuRaft#185).
func (l *Log) Open(done func(machine.Checkpoint, error)) {
	if l.opened || l.busy {
		panic("wal: Open called again")
	}
	l.busy = true
	l.tasks.Go("wal open", func(t *env.Task) {
		l.named.Acquire(t)
		err := l.recover(t)
		l.named.Release()
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
	records := recordsIn(names)
	if len(records) == 0 {
		return l.without(names)
	}
	c, body, bad, err := l.readCheckpoint(t, records[0], names)
	if err != nil {
		return err
	}
	if err := l.adopt(t, c, body, names); err != nil {
		return err
	}
	older := l.olderSegments(t, records[1:], names)
	if err := l.removeStrays(t, names, older); err != nil || len(records) == 1 && len(bad) == 0 {
		return err
	}
	if err := l.recommit(t, c, names, bad); err != nil {
		return err
	}
	return l.removeStrays(t, older, nil)
}

// olderSegments lists the files of older checkpoints that are there. Until the newest
// one is committed again a power loss may take its names, and leave one of these.
func (l *Log) olderSegments(t *env.Task, ids []uint64, names []string) (files []string) {
	for _, id := range ids {
		c, _, _, err := l.readCheckpoint(t, id, names)
		if err != nil {
			continue // it does not say
		}
		for _, e := range c.segments {
			if slices.Contains(names, e.fileName()) {
				files = append(files, e.fileName())
			}
		}
	}
	return files
}

// without says what a directory without a checkpoint is.
func (l *Log) without(names []string) error {
	for _, name := range names {
		if _, _, ok := parseSegmentName(name); ok {
			return fmt.Errorf("%w: %s has segments and no checkpoint", ErrDamaged, l.cfg.Dir)
		}
	}
	return fmt.Errorf("%w: no checkpoint in %s", ErrNotFormatted, l.cfg.Dir)
}

// recommit writes the newest checkpoint again, under the next id. It is called
// where an older one is still there, or one of its two records is not good: the
// process may have died before the sync of the directory, or that sync failed,
// and then a name reads back and is not durable, whatever is synced now. The
// engine is about to rely on it. An older one is removed only once the newest is
// durable, so where both records are there, and nothing else, there is no doubt.
func (l *Log) recommit(t *env.Task, c checkpoint, names, bad []string) error {
	c.id = l.nextID()
	full, failed := l.commit(t, c)
	if err := errors.Join(full, failed); err != nil {
		return err
	}
	if err := l.removeCheckpoints(t, names); err != nil {
		return err
	}
	for _, name := range bad {
		l.repaired(name, int64(len(l.body)), "checkpoint")
	}
	return nil
}

// recordsIn lists the ids of all checkpoints of which there is a record, the
// newest first.
func recordsIn(names []string) (ids []uint64) {
	for _, name := range names {
		if id, ok := parseRecordName(name); ok && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	slices.Reverse(ids)
	return ids
}

// readCheckpoint reads both records of a checkpoint. One good one is enough; bad
// then names the other if it is missing or damaged. Of two bad ones the error is
// ErrUnread if the disk would not give one: that says nothing of the file, which
// may be whole when it is tried again.
func (l *Log) readCheckpoint(t *env.Task, id uint64, names []string) (c checkpoint, body []byte, bad []string, err error) {
	var unread error
	for _, name := range recordNames(id) {
		var one checkpoint
		var p []byte
		failed := fmt.Errorf("%w: %s: there is no such record", ErrDamaged, l.path(name))
		if slices.Contains(names, name) {
			one, p, failed = l.readRecord(t, l.path(name), id)
		}
		switch {
		case failed != nil:
			bad = append(bad, l.path(name))
			err = errors.Join(err, failed)
			if errors.Is(failed, ErrUnread) {
				unread = failed
			}
		case body != nil && string(body) != string(p):
			return c, nil, nil, fmt.Errorf("%w: the two records of checkpoint %d in %s differ", ErrDamaged, id, l.cfg.Dir)
		default:
			c, body = one, p
		}
	}
	switch {
	case body != nil:
		return c, body, bad, nil
	case unread != nil:
		return c, nil, bad, unread
	}
	return c, nil, bad, err
}

// readRecord reads one record of checkpoint id.
func (l *Log) readRecord(t *env.Task, name string, id uint64) (checkpoint, []byte, error) {
	body, err := l.readWhole(t, name)
	if errors.Is(err, env.ErrNotExist) {
		return checkpoint{}, nil, fmt.Errorf("%w: %s: %w", ErrDamaged, name, err)
	}
	if err != nil {
		return checkpoint{}, nil, fmt.Errorf("%w: %s: %w", ErrUnread, name, err)
	}
	c, err := parseCheckpoint(body)
	if err != nil {
		return checkpoint{}, nil, fmt.Errorf("%s: %w", name, err)
	}
	if c.id != id {
		return checkpoint{}, nil, fmt.Errorf("%w: %s: it is checkpoint %d", ErrDamaged, name, c.id)
	}
	return c, body, nil
}

// readWhole reads a small file. What fails is tried once more.
func (l *Log) readWhole(t *env.Task, name string) (p []byte, err error) {
	for range 2 {
		f, e := l.openFile(t, name, env.OpenExisting)
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

// adopt makes the durable checkpoint's state the log's, if all its segments are
// there in their full length; else it tells which are not.
func (l *Log) adopt(t *env.Task, c checkpoint, body []byte, names []string) error {
	l.durable, l.body = c, body
	l.usedID = max(l.usedID, c.id)
	l.bad = nil
	if err := l.loadSeeds(t, names); err != nil {
		return err
	}
	segments := make([]*segment, len(c.segments))
	for i, e := range c.segments {
		s := l.newSegment(e)
		s.handed = e.Bytes
		s.indexed = slices.Contains(names, e.indexFile())
		active := i == len(c.segments)-1
		if active {
			s.index, s.lacks = &index{prior: c.lastEntry + 1}, &e
		}
		if err := l.fit(t, s, active); err != nil {
			l.bad = append(l.bad, l.badSegment(e, -1, err))
		}
		segments[i] = s
	}
	if len(l.bad) > 0 {
		return &DamageError{Bad: slices.Clone(l.bad)}
	}
	l.become(c, segments)
	return nil
}

// become takes a checkpoint's state in one step: readers see the log before
// it or after it.
func (l *Log) become(c checkpoint, segments []*segment) {
	for _, s := range l.segments {
		l.giveUp(s)
		s.file.retire(nil)
	}
	l.bury(l.doomed)
	l.doomed = nil
	l.generation = c.generation
	l.state = c.state
	l.state.terms = slices.Clone(c.state.terms)
	l.segments = segments
	l.readable = nil
	l.settled = l.made
	l.tail.reset()
	l.replaced++
}

// fit checks the length of a segment's file. The active one may be longer, by
// what was appended after the checkpoint: that is cut, to be applied again. A
// file that cannot be looked at, twice, is no better than one that is not there.
func (l *Log) fit(t *env.Task, s *segment, active bool) (err error) {
	for range 2 {
		if err = l.fitOnce(t, s, active); err == nil || !errors.Is(err, env.ErrIO) {
			break
		}
	}
	return err
}

func (l *Log) fitOnce(t *env.Task, s *segment, active bool) error {
	f, err := l.openFile(t, s.file.name, env.OpenExisting)
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := t.Size(f)
	if err != nil {
		return err
	}
	switch {
	case size < s.Bytes || size > s.Bytes && !active:
		return fmt.Errorf("%d bytes, its checkpoint says %d", size, s.Bytes)
	case size > s.Bytes && l.cfg.Alone:
		return nil // what follows is nowhere else: see Salvage
	case size > s.Bytes:
		return t.Truncate(f, s.Bytes)
	}
	return nil
}

// removeCheckpoints removes all records but the durable ones.
func (l *Log) removeCheckpoints(t *env.Task, names []string) error {
	var old []string
	for _, name := range names {
		if id, ok := parseRecordName(name); ok && id != l.durable.id {
			old = append(old, name)
		}
	}
	return l.removeAll(t, old)
}

// removeStrays removes the log's files that belong to no checkpoint or to an
// older one: unfinished records, segments begun later, what an unfinished
// restore left. Files of other makers stay, and those to spare.
func (l *Log) removeStrays(t *env.Task, names, spare []string) error {
	keep := map[string]bool{}
	for _, name := range spare {
		keep[name] = true
	}
	for _, e := range l.durable.segments {
		keep[e.fileName()], keep[e.indexFile()] = true, true
	}
	for _, s := range l.seeds {
		keep[s.fileName()] = true
	}
	keep[seedsName] = len(l.seeds) > 0
	var strays []string
	for _, name := range names {
		if isStray(name) && !keep[name] && !l.mayFollow(name) {
			strays = append(strays, name)
		}
	}
	return l.removeAll(t, strays)
}

// isStray tells whether this package makes files with such a name, checkpoints
// apart.
func isStray(name string) bool {
	if _, _, ok := parseSegmentName(name); ok {
		return true
	}
	made, unfinished := strings.CutSuffix(name, unfinishedSuffix)
	_, _, segment := parseSegmentName(made)
	_, record := parseRecordName(made)
	return made == seedsName || unfinished && (segment || record)
}
