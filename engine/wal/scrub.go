package wal

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
)

// Scrub reads everything that the log has on the disk and verifies it: all
// batches of all segments, their indexes, both records of the checkpoint. pace
// is called before each read with its bytes, and may wait.
//
// A bad segment is reported (Config.OnDamage, Bad) and left to Repair. A bad
// index, and one bad record of the two, are written again. The error is that of
// a disk that could not be read or written, or ErrStopped; damage is none.
func (l *Log) Scrub(t *env.Task, pace func(t *env.Task, bytes int64)) error {
	if !l.opened || l.dead {
		return ErrStopped
	}
	replaced := l.replaced
	for _, s := range slices.Clone(l.segments) {
		if l.replaced != replaced {
			break // what a snapshot brought was verified
		}
		if slices.Contains(l.segments, s) {
			if err := l.scrubSegment(t, s, pace); err != nil {
				return err
			}
		}
		if l.dead {
			return ErrStopped
		}
	}
	return l.scrubRecords(t, pace)
}

// scrubSegment verifies a segment and its index.
func (l *Log) scrubSegment(t *env.Task, s *segment, pace func(*env.Task, int64)) error {
	if s == l.active() {
		l.flush()
	}
	e := s.extent
	x, err := l.scan(t, s, e, l.state.terms, pace)
	if err != nil {
		return nil //nolint:nilerr // reported as damage
	}
	s.verified = s.extent == e && !l.isBad(e.Base)
	if s.extent != e || s == l.active() || !s.indexed {
		return nil // an index file is still to be made
	}
	return l.scrubIndex(t, e, x, pace)
}

// scrubIndex compares an index file with the index that it should hold.
func (l *Log) scrubIndex(t *env.Task, e extent, x *index, pace func(*env.Task, int64)) error {
	want := encodeIndex(e, x)
	pace(t, int64(len(want)))
	l.named.Acquire(t)
	defer l.named.Release()
	if s := l.segmentAt(e.Base); s == nil || s.extent != e {
		return nil
	}
	name := l.path(e.indexFile())
	if p, err := l.readWhole(t, name); err == nil && string(p) == string(want) {
		return nil
	}
	// Under another name first: a reader may look at it now.
	tmp := name + unfinishedSuffix
	err := l.writeIndex(t, tmp, want)
	if err == nil {
		err = l.rename(t, tmp, name)
	}
	if errors.Is(err, env.ErrNoSpace) {
		return l.removeAll(t, []string{e.indexFile() + unfinishedSuffix})
	}
	if err != nil {
		return fmt.Errorf("wal: scrub: %w", err)
	}
	l.repaired(name, int64(len(want)), "index")
	return nil
}

// scrubRecords compares both records of the durable checkpoint with memory and
// makes a bad one again.
func (l *Log) scrubRecords(t *env.Task, pace func(*env.Task, int64)) error {
	pace(t, 2*int64(len(l.body)))
	l.named.Acquire(t)
	defer l.named.Release()
	if l.dead {
		return ErrStopped
	}
	for _, base := range recordNames(l.durable.id) {
		name := l.path(base)
		p, err := l.readWhole(t, name)
		if err == nil && string(p) == string(l.body) {
			continue
		}
		if err := l.rewriteRecord(t, name); err != nil {
			if errors.Is(err, env.ErrNoSpace) {
				return l.removeAll(t, []string{base + unfinishedSuffix})
			}
			return err
		}
		l.repaired(name, int64(len(l.body)), "checkpoint")
	}
	return nil
}

// rewriteRecord puts the durable record in the place of a bad one of its two
// files; the other one is whole meanwhile, or this process is all there is.
func (l *Log) rewriteRecord(t *env.Task, name string) error {
	err := l.writeRecord(t, name+unfinishedSuffix, l.body)
	if _, unsynced := errors.AsType[*syncError](err); unsynced {
		l.failed(err)
	}
	if err != nil {
		return err
	}
	if err := l.rename(t, name+unfinishedSuffix, name); err != nil {
		return err
	}
	if err := l.syncDir(t); err != nil {
		l.failed(err)
		return err
	}
	return nil
}
