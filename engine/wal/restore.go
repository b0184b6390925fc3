package wal

import (
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
)

// fetchBytes is how much of a file is asked of a source at once.
const fetchBytes = 256 << 10

// Restore replaces the whole log by a snapshot. Segments of this log that equal
// the snapshot's stay where they are; a Giver's files are renamed, others are
// fetched, to names of the next generation, beside those in use. All are verified
// and synced before the rename of a new checkpoint record, the one step that
// makes them the log. A crash before it leaves the old log, one after it the new;
// Open removes what belongs to neither.
//
// A snapshot that is older than the log, contradicts itself, cannot be fetched
// intact or finds no room is refused (ErrSnapshot, the source's error, or
// env.ErrNoSpace): the log is unchanged. A failing disk of our own is fatal as
// always.
func (l *Log) Restore(m machine.Manifest, from machine.Source, done func(machine.Checkpoint, error)) {
	l.begin("Restore")
	l.tasks.Go("wal restore", func(t *env.Task) {
		l.named.Acquire(t)
		refused, failed := l.restore(t, m, from)
		l.named.Release()
		if l.dead {
			return
		}
		if failed != nil {
			l.failed(failed)
			return
		}
		l.busy = false
		if refused != nil {
			done(machine.Checkpoint{}, refused)
			return
		}
		done(l.durable.public(), nil)
	})
}

// restore tells a refused snapshot from a failed disk.
func (l *Log) restore(t *env.Task, m machine.Manifest, from machine.Source) (refused, failed error) {
	c, err := l.admit(m)
	if err != nil {
		return err, nil
	}
	c.id = l.nextID()
	c.generation, c.installed, c.replica = l.generation+1, true, l.cfg.Replica
	refused, failed = l.takeAll(t, &c, from)
	if refused == nil && failed == nil {
		failed = l.syncDir(t)
	}
	if refused == nil && failed == nil {
		refused, failed = l.commit(t, c)
	}
	switch {
	case failed != nil:
		return nil, failed
	case refused != nil:
		return refused, l.discard(t, c)
	}
	return nil, l.replace(t, c)
}

// admit reads a manifest and checks that it is one snapshot, no older than the log.
func (l *Log) admit(m machine.Manifest) (checkpoint, error) {
	c, err := parseCheckpoint(m.Body)
	if err != nil {
		return c, fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	public := c.public()
	if public.Index != m.Checkpoint.Index || public.Term != m.Checkpoint.Term ||
		!slices.Equal(public.Meta, m.Checkpoint.Meta) || !slices.Equal(files(c.segments), m.Files) {
		return c, fmt.Errorf("%w: its manifest and its record differ", ErrSnapshot)
	}
	if c.state.index < l.state.index {
		return c, fmt.Errorf("%w: it is at index %d, the log at %d", ErrSnapshot, c.state.index, l.state.index)
	}
	return c, nil
}

// takeAll gets each segment of a snapshot into its place, and notes in c which
// generation that is.
func (l *Log) takeAll(t *env.Task, c *checkpoint, from machine.Source) (refused, failed error) {
	for i := range c.segments {
		e := &c.segments[i]
		generation, kept, failed := l.keep(t, *e)
		if failed != nil {
			return nil, failed
		}
		if kept {
			e.Generation = generation
			continue
		}
		e.Generation = c.generation
		refused, failed := l.take(t, *e, from)
		if refused != nil || failed != nil {
			return refused, failed
		}
	}
	return nil, nil
}

// take gets a segment from the source: as a file, if it gives those, else byte
// for byte.
func (l *Log) take(t *env.Task, e extent, from machine.Source) (refused, failed error) {
	if giver, ok := from.(machine.Giver); ok {
		var err error
		t.Await(func(done func()) {
			giver.Give(logicalName(e.Base), l.path(e.fileName()), func(e error) { err = e; done() })
		})
		switch {
		case err == nil:
			return l.measure(t, e)
		case errors.Is(err, env.ErrNoSpace):
			return err, nil
		case !errors.Is(err, env.ErrNotExist):
			return nil, err
		}
	}
	f, err := l.openFile(t, l.path(e.fileName()), env.OpenNew)
	if err != nil {
		return roomless(err)
	}
	defer f.Close()
	return fetch(t, f, e, from)
}

// roomless tells a full disk from a failed one.
func roomless(err error) (full, failed error) {
	if errors.Is(err, env.ErrNoSpace) {
		return err, nil
	}
	return nil, err
}

// measure looks at the length of a file that was given, which the giver has
// verified: a mistake must not get into a record.
func (l *Log) measure(t *env.Task, e extent) (refused, failed error) {
	f, err := l.openFile(t, l.path(e.fileName()), env.OpenExisting)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := t.Size(f)
	if err == nil && size != e.Bytes {
		return fmt.Errorf("%w: %s was given with %d bytes, want %d", ErrSnapshot, logicalName(e.Base), size, e.Bytes), nil
	}
	return nil, err
}

// fetch copies one file from the source.
func fetch(t *env.Task, f env.File, e extent, from machine.Source) (refused, failed error) {
	var sum uint32
	for off := int64(0); off < e.Bytes; {
		n := int(min(e.Bytes-off, fetchBytes))
		p, err := readSource(t, from, logicalName(e.Base), off, n)
		if err != nil {
			return err, nil
		}
		sum = crc32.Update(sum, castagnoli, p)
		if err := t.WriteAt(f, p, off); err != nil {
			return roomless(err)
		}
		off += int64(n)
	}
	if sum != e.Sum {
		return fmt.Errorf("%w: %s has sum %08x, want %08x", ErrSnapshot, logicalName(e.Base), sum, e.Sum), nil
	}
	return nil, t.Sync(f)
}

// readSource reads n bytes of a source's file.
func readSource(t *env.Task, from machine.Source, file string, off int64, n int) (p []byte, err error) {
	t.Await(func(done func()) {
		from.ReadAt(file, off, n, func(got []byte, e error) { p, err = got, e; done() })
	})
	if err == nil && len(p) != n {
		err = fmt.Errorf("%w: %d bytes of %s at %d, asked for %d", ErrSnapshot, len(p), file, off, n)
	}
	return p, err
}

// discard removes what was fetched of a refused snapshot.
func (l *Log) discard(t *env.Task, c checkpoint) error {
	names, err := t.List(l.env.Disk, l.cfg.Dir)
	if err != nil {
		return err
	}
	var fetched []string
	for _, name := range names {
		if _, generation, ok := parseSegmentName(name); ok && generation == c.generation {
			fetched = append(fetched, name)
		}
	}
	return l.removeAll(t, fetched)
}

// replace makes the committed checkpoint the log in memory and removes the
// files of the old one. Readers of the old one are told.
func (l *Log) replace(t *env.Task, c checkpoint) error {
	names, err := t.List(l.env.Disk, l.cfg.Dir)
	if err != nil {
		return err
	}
	seeds := l.seeds
	if err := l.adopt(t, c, l.body, names); err != nil {
		return err
	}
	for _, s := range seeds {
		s.file.retire(nil)
	}
	if err := l.removeStrays(t, names, nil); err != nil {
		return err
	}
	l.cramped = false
	return l.removeCheckpoints(t, names)
}
