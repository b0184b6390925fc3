package wal

import (
	"fmt"
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
)

// Read gives whole batches from the one that holds offset on, none of which
// ends above limit (exclusive), as many as fit maxBytes; the first is given
// even if it is larger. So an answer is empty only if no batch lies between
// offset and limit. One that begins on the disk may end early, where it meets
// what Apply pushes out of memory meanwhile. The bytes are shared: they must not
// be changed.
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
		l.tail.touch()
		done(l.tail.read(offset, limit, maxBytes), nil)
	default:
		l.tasks.Go("wal read", func(t *env.Task) {
			batches, err := l.readDisk(t, offset, min(limit, l.state.end), maxBytes)
			if l.dead {
				return
			}
			done(batches, err)
		})
	}
}

// readDisk is Read from segments' files, and from the tail where it meets them.
func (l *Log) readDisk(t *env.Task, offset, limit int64, maxBytes int) ([]byte, error) {
	var batches []byte
	replaced := l.replaced
	for offset < limit {
		piece, next, err := l.readPiece(t, offset, limit, maxBytes-len(batches))
		if l.replaced != replaced {
			return nil, ErrReplaced
		}
		if offset < l.state.start { // whatever was found there: it may have lacked the terms to judge
			return nil, fmt.Errorf("%w: %d, the log was trimmed to %d", ErrOffsetOutOfRange, offset, l.state.start)
		}
		if err != nil {
			return nil, err
		}
		switch {
		case len(batches) == 0:
			batches = piece
		case len(batches)+len(piece) > maxBytes: // one batch, too large to follow
			return batches, nil
		default:
			batches = append(batches, piece...)
		}
		if len(batches) >= maxBytes {
			break
		}
		offset = next
	}
	return batches, nil
}

// readPiece reads from one segment, or the tail. next is where to go on: limit
// if what follows the piece does not fit.
func (l *Log) readPiece(t *env.Task, offset, limit int64, maxBytes int) (piece []byte, next int64, err error) {
	if l.tail.covers(offset) {
		return l.tail.read(offset, limit, maxBytes), limit, nil
	}
	s := l.segmentAt(offset)
	if s == nil && offset < l.state.start {
		return nil, 0, fmt.Errorf("%w: %d, the log was trimmed to %d", ErrOffsetOutOfRange, offset, l.state.start)
	}
	if s == nil {
		panic(fmt.Sprintf("wal: no segment holds offset %d of %d to %d", offset, l.state.start, l.state.end))
	}
	piece, next, err = l.readThrough(t, s, offset, limit, maxBytes)
	if next != s.End && !l.tail.covers(next) {
		next = limit
	}
	return piece, next, err
}

// hold keeps a segment's file and index until the returned function is called.
func (l *Log) hold(s *segment) (release func()) {
	h := s.file
	h.pending++
	l.touch(s)
	return h.done
}

// readThrough finds the batch that holds offset through the index and reads on
// from there, within one segment. next is the offset after what it gives.
func (l *Log) readThrough(t *env.Task, s *segment, offset, limit int64, maxBytes int) (batches []byte, next int64, err error) {
	defer l.hold(s)()
	x, err := l.indexOf(t, s)
	if err != nil {
		return nil, 0, err
	}
	from, spanEnd := x.span(offset, s.handed)
	// One read for both: the span that holds the offset, and what follows it.
	n := min(s.handed-from.Pos, spanEnd-from.Pos+int64(max(maxBytes, 0)))
	window, err := l.readSegment(t, s, from.Pos, int(n))
	if err != nil {
		return nil, 0, l.damaged(s, from.Pos, err)
	}
	return l.pick(s, from, window, offset, limit, maxBytes)
}

// pick walks the batches of a window, which begins with the batch at from, and
// cuts out those that Read asked for. All that it passes is verified.
func (l *Log) pick(s *segment, from indexEntry, window []byte, offset, limit int64, maxBytes int) ([]byte, int64, error) {
	next, first, end := from.Offset, -1, 0
	for end < len(window) {
		pos := from.Pos + int64(end)
		h, err := verified(window[end:], next, s.Bytes-pos, l.state.terms)
		if err != nil {
			return nil, 0, l.damaged(s, pos, err)
		}
		batchEnd := end + h.Bytes
		if batchEnd > len(window) {
			break
		}
		if first < 0 && h.NextOffset() > offset {
			first = end
		}
		if h.NextOffset() > limit || first >= 0 && first < end && batchEnd-first > maxBytes {
			break
		}
		next, end = h.NextOffset(), batchEnd
	}
	if first < 0 {
		return nil, 0, l.damaged(s, from.Pos, fmt.Errorf("no batch with offset %d where the index has it", offset))
	}
	return window[first:end:end], next, nil
}

// indexOf gives the segment's index: from memory, from its file, or made again
// from the segment.
func (l *Log) indexOf(t *env.Task, s *segment) (*index, error) {
	if s.index != nil && s.lacks == nil {
		return s.index, nil
	}
	e := s.extent
	if s.lacks != nil {
		e = *s.lacks
	}
	x := l.loadIndex(t, s, e)
	scanned := x == nil
	if scanned {
		had := s.indexed
		var err error
		if x, err = l.scan(t, s, e, l.state.terms, nil); err != nil {
			return nil, err
		}
		if had {
			l.repaired(l.path(e.indexFile()), int64(len(x.entries)*indexEntryBytes), "index")
		}
	}
	l.join(s, x, scanned)
	return s.index, nil
}

// join gives a segment the index, or the part of it, that memory lacked; another
// reader may have been first.
func (l *Log) join(s *segment, x *index, scanned bool) {
	switch {
	case s.lacks != nil:
		s.index = &index{entries: slices.Concat(x.entries, s.index.entries)}
		s.lacks = nil
		s.indexed = false // the file, if any, is of a shorter segment
	case s.index == nil:
		s.index = x
		s.indexed = s.indexed && !scanned // else the next checkpoint writes it
	}
}

// loadIndex reads the index file of a segment as it was at e; nil if there is
// no good one.
func (l *Log) loadIndex(t *env.Task, s *segment, e extent) *index {
	if !s.indexed {
		return nil
	}
	p, err := l.readWhole(t, l.path(e.indexFile()))
	if err != nil {
		return nil
	}
	x, err := parseIndex(p, e)
	if err != nil {
		return nil
	}
	return x
}
