package wal

import (
	"fmt"

	"github.com/lockstep-log/lockstep/engine/env"
)

// Read gives whole batches from the one that holds offset on, none of which
// ends above limit (exclusive), and no more than maxBytes unless the first
// batch alone is larger. An answer may be shorter than it could be, where memory
// and disk or two segments meet; it is empty only if there is nothing between
// offset and limit. The bytes are shared: they must not be changed.
//
// done is called inside Read if memory holds the answer, else later on the
// loop. Errors: ErrOffsetOutOfRange; ErrDamaged if what the disk gives is not
// what was written, never a gap; ErrReplaced; ErrStopped.
func (l *Log) Read(offset, limit int64, maxBytes int, done func(batches []byte, err error)) {
	switch {
	case l.dead || !l.opened:
		done(nil, ErrStopped)
	case offset < l.state.start || offset > l.state.end:
		done(nil, fmt.Errorf("%w: %d, the log has %d to %d", ErrOffsetOutOfRange, offset, l.state.start, l.state.end))
	case offset >= min(limit, l.state.end):
		done(nil, nil)
	case l.tail.covers(offset):
		done(l.tail.read(offset, limit, maxBytes), nil)
	default:
		l.tasks.Go("wal read", func(t *env.Task) {
			batches, err := l.readDisk(t, offset, limit, maxBytes)
			if l.dead {
				return
			}
			done(batches, err)
		})
	}
}

// readDisk is Read from a segment's file.
func (l *Log) readDisk(t *env.Task, offset, limit int64, maxBytes int) ([]byte, error) {
	s := l.segmentAt(offset)
	if s == nil {
		panic(fmt.Sprintf("wal: no segment holds offset %d of %d to %d", offset, l.state.start, l.state.end))
	}
	replaced := l.replaced
	defer l.hold(s)()
	batches, err := l.readThrough(t, s, offset, limit, maxBytes)
	if l.replaced != replaced {
		return nil, ErrReplaced
	}
	return batches, err
}

// hold keeps a segment's file and index until the returned function is called.
func (l *Log) hold(s *segment) (release func()) {
	s.file.pending++
	l.touch(s)
	return s.file.done
}

// readThrough finds the batch that holds offset through the index and reads on
// from there.
func (l *Log) readThrough(t *env.Task, s *segment, offset, limit int64, maxBytes int) ([]byte, error) {
	x, err := l.indexOf(t, s)
	if err != nil {
		return nil, err
	}
	from, spanEnd := x.span(offset, s.handed)
	// One read for both: the span that holds the offset, and what follows it.
	n := min(s.handed-from.Pos, spanEnd-from.Pos+int64(max(maxBytes, 0)))
	window, err := l.readSegment(t, s, from.Pos, int(n))
	if err != nil {
		return nil, damaged(s, from.Pos, err)
	}
	return l.pick(s, from, window, offset, limit, maxBytes)
}

// pick walks the batches of a window, which begins with the batch at from, and
// cuts out those that Read asked for. All that it passes is verified.
func (l *Log) pick(s *segment, from indexEntry, window []byte, offset, limit int64, maxBytes int) ([]byte, error) {
	next, first, end := from.Offset, -1, 0
	for end < len(window) {
		pos := from.Pos + int64(end)
		h, err := verified(window[end:], next, s.Bytes-pos, l.state.terms)
		if err != nil {
			return nil, damaged(s, pos, err)
		}
		if end+h.Bytes > len(window) {
			break
		}
		next = h.NextOffset()
		if first < 0 && next > offset {
			first = end
		}
		if next > limit || first >= 0 && first < end && end+h.Bytes-first > maxBytes {
			return window[first:end:end], nil
		}
		end += h.Bytes
	}
	if first < 0 {
		return nil, damaged(s, from.Pos, fmt.Errorf("no batch with offset %d where the index has it", offset))
	}
	return window[first:end:end], nil
}

// indexOf gives the segment's index: from memory, from its file, or made again
// from the segment.
func (l *Log) indexOf(t *env.Task, s *segment) (*index, error) {
	if s.index != nil {
		return s.index, nil
	}
	x := l.loadIndex(t, s)
	if x == nil {
		s.indexed = false // the next checkpoint writes it
		var err error
		if x, err = l.scan(t, s, l.state.terms); err != nil {
			return nil, err
		}
	}
	s.index = x
	return x, nil
}

// loadIndex reads a sealed segment's index file; nil if there is no good one.
func (l *Log) loadIndex(t *env.Task, s *segment) *index {
	if !s.indexed {
		return nil
	}
	f, err := t.Open(l.env.Disk, l.path(indexName(s.Base)+generationSuffix(l.generation)), env.OpenExisting)
	if err != nil {
		return nil
	}
	defer f.Close()
	p, err := t.ReadFile(f)
	if err != nil {
		return nil
	}
	x, err := parseIndex(p, s.extent)
	if err != nil {
		return nil
	}
	return x
}
