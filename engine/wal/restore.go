package wal

import (
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
)

// fetchBytes is how much of a file Restore asks of its source at once.
const fetchBytes = 256 << 10

// Restore replaces the whole log by a snapshot. The files are fetched under
// names of the next generation, beside those in use, verified and synced; the
// rename of a new checkpoint record is the one step that makes them the log. A
// crash before it leaves the old log, one after it the new; Open removes what
// belongs to neither.
//
// A snapshot that is older than the log, contradicts itself, or cannot be
// fetched intact is refused (ErrSnapshot, or the source's error): the log is
// unchanged. A failing disk of our own is fatal as always.
func (l *Log) Restore(m machine.Manifest, from machine.Source, done func(machine.Checkpoint, error)) {
	l.begin("Restore")
	l.tasks.Go("wal restore", func(t *env.Task) {
		refused, err := l.restore(t, m, from)
		if l.dead {
			return
		}
		if err != nil {
			l.failed(err)
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
	c.id = l.durable.id + 1
	c.generation = l.generation + 1
	refused, failed = l.fetchAll(t, c, from)
	if failed != nil {
		return nil, failed
	}
	if refused != nil {
		return refused, l.discard(t, c)
	}
	if err := t.SyncDir(l.env.Disk, l.cfg.Dir); err != nil {
		return nil, err
	}
	if err := l.commit(t, c); err != nil {
		return nil, err
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

// fetchAll fetches, verifies and syncs the files of a checkpoint.
func (l *Log) fetchAll(t *env.Task, c checkpoint, from machine.Source) (refused, failed error) {
	for _, e := range c.segments {
		name := l.path(logicalName(e.Base) + generationSuffix(c.generation))
		f, err := t.Open(l.env.Disk, name, env.OpenNew)
		if err != nil {
			return nil, err
		}
		refused, failed = fetch(t, f, e, from)
		f.Close()
		if refused != nil || failed != nil {
			return refused, failed
		}
	}
	return nil, nil
}

// fetch copies one file from the source.
func fetch(t *env.Task, f env.File, e extent, from machine.Source) (refused, failed error) {
	var sum uint32
	for off := int64(0); off < e.Bytes; {
		n := int(min(e.Bytes-off, fetchBytes))
		var p []byte
		var err error
		t.Await(func(done func()) {
			from.ReadAt(logicalName(e.Base), off, n, func(got []byte, e error) { p, err = got, e; done() })
		})
		if err != nil {
			return err, nil
		}
		if len(p) != n {
			return fmt.Errorf("%w: %d bytes of %s at %d, asked for %d", ErrSnapshot, len(p), logicalName(e.Base), off, n), nil
		}
		sum = crc32.Update(sum, castagnoli, p)
		if err := t.WriteAt(f, p, off); err != nil {
			return nil, err
		}
		off += int64(n)
	}
	if sum != e.Sum {
		return fmt.Errorf("%w: %s has sum %08x, want %08x", ErrSnapshot, logicalName(e.Base), sum, e.Sum), nil
	}
	return nil, t.Sync(f)
}

// discard removes what was fetched of a refused snapshot.
func (l *Log) discard(t *env.Task, c checkpoint) error {
	names, err := t.List(l.env.Disk, l.cfg.Dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, generation, ok := parseSegmentName(name); ok && generation == c.generation {
			if err := t.Remove(l.env.Disk, l.path(name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// replace makes the committed checkpoint the log in memory and removes the
// files of the old one. Readers of the old one are told.
func (l *Log) replace(t *env.Task, c checkpoint) error {
	names, err := t.List(l.env.Disk, l.cfg.Dir)
	if err != nil {
		return err
	}
	if err := l.adopt(t, c, names); err != nil {
		return err
	}
	if err := l.removeStrays(t, names); err != nil {
		return err
	}
	return l.removeCheckpoints(t, names)
}
