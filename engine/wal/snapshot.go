package wal

import (
	"fmt"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
)

// Snapshot describes the newest durable checkpoint: its segments, the active
// one up to where the checkpoint saw it, which never change again, and as body
// the checkpoint's record. The log itself is the Source of the files.
func (l *Log) Snapshot() (machine.Manifest, error) {
	if l.dead || !l.opened {
		return machine.Manifest{}, ErrStopped
	}
	return machine.Manifest{
		Checkpoint: l.durable.public(),
		Files:      files(l.durable.segments),
		Body:       l.body,
	}, nil
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
// in a manifest.
func (l *Log) ReadAt(file string, off int64, n int, done func([]byte, error)) {
	base, generation, ok := parseSegmentName(file)
	s := l.segmentAt(base)
	switch {
	case l.dead || !l.opened:
		done(nil, ErrStopped)
	case !ok || generation != 0 || s == nil || file != logicalName(s.Base):
		done(nil, fmt.Errorf("%w: no segment %q", env.ErrNotExist, file))
	case off < 0 || n < 0 || off > s.Bytes-int64(n):
		done(nil, fmt.Errorf("%w: bytes %d to %d of %s, which has %d", ErrOffsetOutOfRange, off, off+int64(n), file, s.Bytes))
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
	if off+int64(n) > s.handed {
		l.flush()
	}
	defer l.hold(s)()
	p, err := l.readSegment(t, s, off, n)
	if err != nil {
		return nil, damaged(s, off, err)
	}
	return p, nil
}
