package wal

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
)

// Checkpoint makes the state after the last applied entry durable, with meta.
// Entries may be applied meanwhile; they are not in it.
//
// The order is what makes it safe: bytes of segments, then their names, then
// the record, then the record's names. A record that can be found is therefore
// true (etcd#13766 had it the other way round).
//
// On a full disk done gets env.ErrNoSpace: the last checkpoint stands, nothing
// is lost, and Checkpoint may be called again.
func (l *Log) Checkpoint(meta []byte, done func(machine.Checkpoint, error)) {
	l.begin("Checkpoint")
	l.conclude(l.capture(meta), slices.Clone(l.segments), done)
}

// conclude makes a captured checkpoint of these segments durable and answers.
func (l *Log) conclude(c checkpoint, segments []*segment, done func(machine.Checkpoint, error)) {
	doomed := len(l.doomed)
	l.tasks.Go("wal checkpoint", func(t *env.Task) {
		l.named.Acquire(t)
		full, failed := l.persist(t, c, segments, doomed)
		l.named.Release()
		if l.dead {
			return
		}
		if failed != nil {
			l.failed(failed)
			return
		}
		l.busy = false
		l.cramped = false
		if full != nil {
			l.cramp()
			done(machine.Checkpoint{}, full)
			return
		}
		l.releaseIdle()
		done(c.public(), nil)
	})
}

// begin marks that a checkpoint or a restore is under way.
func (l *Log) begin(what string) {
	if !l.opened || l.busy {
		panic("wal: " + what + " before Open, or during a Checkpoint or Restore")
	}
	l.busy = true
}

// nextID is an id that no record ever had.
func (l *Log) nextID() uint64 {
	l.usedID = max(l.usedID, l.durable.id) + 1
	return l.usedID
}

// capture is the state now, under the next checkpoint id. All bytes are handed
// to the disk.
func (l *Log) capture(meta []byte) checkpoint {
	l.flush()
	c := checkpoint{id: l.nextID(), generation: l.generation, replica: l.cfg.Replica, state: l.state, meta: slices.Clone(meta)}
	c.state.terms = slices.Clone(l.state.terms)
	c.segments = make([]extent, len(l.segments))
	for i, s := range l.segments {
		c.segments[i] = s.extent
	}
	if s := l.active(); s != nil {
		c.lastEntry = s.index.last()
	}
	return c
}

// persist makes a captured checkpoint durable. It tells a full disk, where it
// gives up, from a failed one.
func (l *Log) persist(t *env.Task, c checkpoint, segments []*segment, doomed int) (full, failed error) {
	for _, s := range segments {
		if full, failed := l.settle(t, s); full != nil || failed != nil {
			return full, failed
		}
	}
	if err := l.saveIndexes(t, c); err != nil {
		return nil, err
	}
	if made := l.made; made != l.settled {
		if err := l.syncDir(t); err != nil {
			return nil, err
		}
		l.settled = max(l.settled, made)
	}
	old := l.durable.id
	if full, failed := l.commit(t, c); full != nil || failed != nil {
		return full, failed
	}
	l.bury(l.doomed[:doomed])
	l.doomed = slices.Delete(l.doomed, 0, doomed)
	if err := l.dropSeeds(t); err != nil {
		return nil, err
	}
	names := recordNames(old)
	return nil, l.removeAll(t, names[:])
}

// settle makes everything that was handed over of a segment durable.
func (l *Log) settle(t *env.Task, s *segment) (full, failed error) {
	if s.file.dirty() {
		var err error
		t.Await(func(done func()) { s.file.sync(func(e error) { err = e; done() }) })
		switch {
		case errors.Is(err, env.ErrNoSpace) && len(s.starved) > 0: // there is no file yet
		case err != nil:
			return nil, err
		}
	}
	// Looked at after the sync: what was written before it has ended.
	if len(s.starved) > 0 {
		return fmt.Errorf("%w: bytes of %s wait", env.ErrNoSpace, s.file.name), nil
	}
	return nil, nil
}

// commit makes the record of a checkpoint, whose segments are durable, the
// newest one. Both its files are durable before either has its name. Where the
// disk is full the old one stays.
func (l *Log) commit(t *env.Task, c checkpoint) (full, failed error) {
	body := c.encode()
	names := recordNames(c.id)
	for _, name := range names {
		if err := l.writeRecord(t, l.path(name+unfinishedSuffix), body); err != nil {
			return l.noRoom(t, err, names)
		}
	}
	for _, name := range []string{names[1], names[0]} {
		if err := l.rename(t, l.path(name+unfinishedSuffix), l.path(name)); err != nil {
			return nil, err
		}
	}
	if err := l.syncDir(t); err != nil {
		return nil, err
	}
	l.durable, l.body = c, body
	return nil, nil
}

// noRoom cleans up after a record that found no room.
func (l *Log) noRoom(t *env.Task, err error, names [2]string) (full, failed error) {
	if _, unsynced := errors.AsType[*syncError](err); unsynced || !errors.Is(err, env.ErrNoSpace) {
		return nil, err
	}
	return err, l.removeAll(t, []string{names[0] + unfinishedSuffix, names[1] + unfinishedSuffix})
}

// removeAll removes files, those that are not there too.
func (l *Log) removeAll(t *env.Task, names []string) error {
	for _, name := range names {
		if err := l.remove(t, l.path(name)); err != nil && !errors.Is(err, env.ErrNotExist) {
			return err
		}
	}
	return nil
}

// syncError is a failed sync, which is fatal whatever its cause.
type syncError struct{ error }

// Unwrap gives the cause.
func (e *syncError) Unwrap() error { return e.error }

// writeRecord makes a new file durable, but for its name.
func (l *Log) writeRecord(t *env.Task, name string, p []byte) error {
	f, err := l.openFile(t, name, env.OpenNew)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := t.WriteAt(f, p, 0); err != nil {
		return err
	}
	if err := t.Sync(f); err != nil {
		return &syncError{err}
	}
	return nil
}

// saveIndexes writes the index files of segments sealed since the last
// checkpoint, and that of the active one as c saw it. They are not synced: one
// that is torn will be made again.
func (l *Log) saveIndexes(t *env.Task, c checkpoint) error {
	for i, e := range c.segments {
		s := l.segmentAt(e.Base)
		if s == nil || s.index == nil || s.lacks != nil {
			continue // trimmed off, or has a file, or will be made when it is read
		}
		entries := s.index.entries
		switch {
		case s.Bytes == e.Bytes && i < len(c.segments)-1: // sealed
			if s.indexed {
				continue
			}
			s.indexed = true
		case i < len(c.segments)-1:
			continue
		default:
			entries = entries[:countBelow(entries, e.Bytes)]
		}
		if err := l.saveIndex(t, e, &index{entries: entries}); err != nil {
			s.indexed = false
			return err
		}
	}
	return nil
}

// countBelow is how many entries begin below that position.
func countBelow(entries []indexEntry, pos int64) int {
	n, _ := slices.BinarySearchFunc(entries, pos, func(e indexEntry, at int64) int {
		if e.Pos < at {
			return -1
		}
		return 1
	})
	return n
}

// saveIndex makes or replaces an index file. A full disk is no error: an index
// is only a help.
func (l *Log) saveIndex(t *env.Task, e extent, x *index) error {
	err := l.writeIndex(t, l.path(e.indexFile()), encodeIndex(e, x))
	if errors.Is(err, env.ErrNoSpace) {
		return nil
	}
	return err
}

func (l *Log) writeIndex(t *env.Task, name string, p []byte) error {
	f, err := l.openFile(t, name, env.OpenCreate)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := t.Truncate(f, int64(len(p))); err != nil {
		return err
	}
	return t.WriteAt(f, p, 0)
}

// releaseIdle closes the files that only writing kept open, so that an idle log
// without readers of old records holds none.
func (l *Log) releaseIdle() {
	for _, s := range l.segments {
		if !slices.Contains(l.readable, s) {
			l.letGo(s)
		}
	}
}
