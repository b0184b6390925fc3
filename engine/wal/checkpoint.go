package wal

import (
	"errors"
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
)

// Checkpoint makes the state after the last applied entry durable, with meta.
// Entries may be applied meanwhile; they are not in it.
//
// The order is what makes it safe: bytes of segments, then their names, then
// the record, then the record's name. A record that can be found is therefore
// true (etcd#13766 had it the other way round).
func (l *Log) Checkpoint(meta []byte, done func(machine.Checkpoint, error)) {
	l.begin("Checkpoint")
	c := l.capture(meta)
	unsynced := l.takeUnsynced()
	newNames := l.newNames
	l.newNames = false
	l.tasks.Go("wal checkpoint", func(t *env.Task) {
		err := l.persist(t, c, unsynced, newNames)
		if l.dead {
			return
		}
		if err != nil {
			l.failed(err)
			return
		}
		l.busy = false
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

// capture is the state now, under the next checkpoint id. All bytes are handed
// to the disk.
func (l *Log) capture(meta []byte) checkpoint {
	l.flush()
	c := checkpoint{id: l.durable.id + 1, generation: l.generation, state: l.state, meta: slices.Clone(meta)}
	c.state.terms = slices.Clone(l.state.terms)
	c.segments = make([]extent, len(l.segments))
	for i, s := range l.segments {
		c.segments[i] = s.extent
	}
	return c
}

// takeUnsynced returns the segments that owe a sync, which the caller takes over.
func (l *Log) takeUnsynced() []*segment {
	var owing []*segment
	for _, s := range l.segments {
		if s.unsynced {
			s.unsynced = false
			s.file.pending++ // stays open until the sync is done
			owing = append(owing, s)
		}
	}
	return owing
}

// persist makes a captured checkpoint durable.
func (l *Log) persist(t *env.Task, c checkpoint, unsynced []*segment, newNames bool) error {
	for _, s := range unsynced {
		if err := l.syncSegment(t, s); err != nil {
			return err
		}
		s.file.done()
	}
	if err := l.saveIndexes(t); err != nil {
		return err
	}
	if newNames {
		if err := t.SyncDir(l.env.Disk, l.cfg.Dir); err != nil {
			return err
		}
	}
	old := l.durable.id
	if err := l.commit(t, c); err != nil {
		return err
	}
	if err := t.Remove(l.env.Disk, l.path(checkpointName(old))); err != nil && !errors.Is(err, env.ErrNotExist) {
		return err
	}
	return nil // if a damaged directory has lost the name, there is nothing left to do
}

// commit writes a record and makes it the newest durable one. The segments it
// names must be durable, by content and by name. The one before it may be
// removed afterwards and not earlier: Open takes it as a sign of doubt.
func (l *Log) commit(t *env.Task, c checkpoint) error {
	body := c.encode()
	name := l.path(checkpointName(c.id))
	if err := l.writeRecord(t, name+unfinishedSuffix, body); err != nil {
		return err
	}
	if err := t.Rename(l.env.Disk, name+unfinishedSuffix, name); err != nil {
		return err
	}
	if err := t.SyncDir(l.env.Disk, l.cfg.Dir); err != nil {
		return err
	}
	l.durable, l.body = c, body
	return nil
}

// writeRecord makes a new file durable, but for its name.
func (l *Log) writeRecord(t *env.Task, name string, p []byte) error {
	f, err := t.Open(l.env.Disk, name, env.OpenNew)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := t.WriteAt(f, p, 0); err != nil {
		return err
	}
	return t.Sync(f)
}

// saveIndexes writes the index files of segments sealed since the last
// checkpoint. They are not synced: one that is torn will be made again.
func (l *Log) saveIndexes(t *env.Task) error {
	for _, s := range slices.Clone(l.segments) {
		if s == l.active() || s.indexed || s.index == nil {
			continue
		}
		s.indexed = true
		if err := l.saveIndex(t, s); err != nil {
			return err
		}
	}
	return nil
}

// saveIndex makes or replaces the index file of a sealed segment.
func (l *Log) saveIndex(t *env.Task, s *segment) error {
	p := encodeIndex(s.extent, s.index)
	f, err := t.Open(l.env.Disk, l.path(indexName(s.Base)+generationSuffix(l.generation)), env.OpenCreate)
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
