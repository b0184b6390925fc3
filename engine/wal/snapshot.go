package wal

import (
	"fmt"
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
)

// Snapshot describes the newest durable checkpoint: its segments, the active
// one up to where the checkpoint saw it, which never change again, and as body
// the checkpoint's record without what is of this disk alone. The log itself is
// the Source of the files.
func (l *Log) Snapshot() (machine.Manifest, error) {
	if l.dead || !l.opened {
		return machine.Manifest{}, ErrStopped
	}
	public := l.durable.public()
	public.Installed = false
	return machine.Manifest{Checkpoint: public, Files: files(l.durable.segments), Body: l.durable.shared().encode()}, nil
}

// shared is the checkpoint without what is of one disk alone, but for its id.
func (c *checkpoint) shared() *checkpoint {
	s := *c
	s.generation, s.installed, s.replica = 0, false, 0
	s.segments = slices.Clone(c.segments)
	for i := range s.segments {
		s.segments[i].Generation = 0
	}
	return &s
}

// files lists segments as a manifest does.
func files(segments []extent) []machine.FileInfo {
	infos := make([]machine.FileInfo, len(segments))
	for i, e := range segments {
		infos[i] = machine.FileInfo{Name: logicalName(e.Base), Bytes: e.Bytes, Sum: e.Sum}
	}
	return infos
}

// ReadAt implements machine.Source for the segments of this log, by their names
// in a manifest. A segment that was trimmed off can be read until its file goes.
// Bytes that the log has not, or not yet, are env.ErrNotExist.
func (l *Log) ReadAt(file string, off int64, n int, done func([]byte, error)) {
	s := l.manifested(file)
	switch {
	case l.dead || !l.opened:
		done(nil, ErrStopped)
	case s == nil:
		done(nil, fmt.Errorf("%w: no segment %q", env.ErrNotExist, file))
	case off < 0 || n < 0 || off > s.Bytes-int64(n):
		done(nil, fmt.Errorf("%w (%w): bytes %d to %d of %s, which has %d", ErrOffsetOutOfRange, env.ErrNotExist, off, off+int64(n), file, s.Bytes))
	default:
		l.tasks.Go("wal source", func(t *env.Task) {
			p, err := l.readHeld(t, s, off, n)
			if l.dead {
				return
			}
			done(p, err)
		})
	}
}

// manifested finds a segment by its name in a manifest; nil if there is none.
func (l *Log) manifested(file string) *segment {
	base, generation, ok := parseSegmentName(file)
	if !ok || generation != 0 || file != logicalName(base) {
		return nil
	}
	if s := l.segmentAt(base); s != nil && s.Base == base {
		return s
	}
	i := slices.IndexFunc(l.doomed, func(s *segment) bool { return s.Base == base })
	if i < 0 {
		return nil
	}
	return l.doomed[i]
}

// ReadSegment reads all bytes of the segment with that base offset, also those
// that only memory had so far. It is for judging replicas equal.
func (l *Log) ReadSegment(t *env.Task, base int64) ([]byte, error) {
	s := l.segmentAt(base)
	if s == nil || s.Base != base {
		return nil, fmt.Errorf("%w: no segment begins at %d", ErrOffsetOutOfRange, base)
	}
	return l.readHeld(t, s, 0, int(s.Bytes))
}

// readHeld reads bytes of a segment's file, after writing what memory holds back.
func (l *Log) readHeld(t *env.Task, s *segment, off int64, n int) ([]byte, error) {
	if s == l.active() && off+int64(n) > s.handed {
		l.flush()
	}
	if off+int64(n) > s.handed { // trimmed off before it was written
		return nil, fmt.Errorf("%w (%w): %s ends at %d", ErrOffsetOutOfRange, env.ErrNotExist, s.file.name, s.handed)
	}
	defer l.hold(s)()
	p, err := l.readSegment(t, s, off, n)
	if err != nil {
		return nil, l.damaged(s, off, err)
	}
	return p, nil
}
