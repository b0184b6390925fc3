package wal

import (
	"errors"
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
)

// trim lets the log begin at offset and returns where it begins then. Whole
// segments below leave the state. Their files stay until no checkpoint names
// them: what a trim that a crash takes back would need.
func (l *Log) trim(offset int64) int64 {
	s := &l.state
	if offset = min(offset, s.end); offset <= s.start {
		return s.start
	}
	l.letGoBelow(offset)
	if l.cfg.OnTrim != nil {
		l.cfg.OnTrim(s.index, offset)
	}
	return offset
}

// countGone is how many segments a log that begins at offset does not have.
func (l *Log) countGone(offset int64) (gone int) {
	for gone < len(l.segments) && l.segments[gone].End <= offset {
		gone++
	}
	return gone
}

// letGoBelow lets the log begin at offset, which is above its start. Segments that
// it does not have any more are doomed.
func (l *Log) letGoBelow(offset int64) {
	l.state.start = offset
	gone := l.countGone(offset)
	if gone > 0 && gone == len(l.segments) {
		// Nobody can ask for its bytes any more. What a checkpoint under way has
		// captured of them was handed to the disk.
		l.tail.takeUnwritten()
	}
	for _, d := range l.segments[:gone] {
		l.doomed = append(l.doomed, d)
		l.readable = slices.DeleteFunc(l.readable, func(r *segment) bool { return r == d })
		l.bad = slices.DeleteFunc(l.bad, func(b BadFile) bool { return b.Base == d.Base })
	}
	l.segments = slices.Delete(l.segments, 0, gone)
	extents := make([]extent, 0, 1)
	if len(l.segments) > 0 {
		extents = append(extents, l.segments[0].extent)
	}
	l.state.dropTerms(extents)
}

// dropTerms forgets terms that end before the first segment. One that ends at
// the log's start or later stays: batches below the start may need it.
func (s *state) dropTerms(segments []extent) {
	first := s.end
	if len(segments) > 0 {
		first = segments[0].Base
	}
	for len(s.terms) > 1 && s.terms[1].Start <= first {
		s.terms = s.terms[1:]
	}
}

// bury removes the files of segments that were trimmed off and that no durable
// checkpoint names, each once nobody reads it any more.
func (l *Log) bury(dead []*segment) {
	for _, s := range dead {
		l.giveUp(s)
		s.file.retire(func() {
			for _, name := range []string{s.fileName(), s.indexFile()} {
				l.env.Disk.Remove(l.path(name), func(err error) {
					if err != nil && !errors.Is(err, env.ErrNotExist) {
						l.failed(err)
					}
				})
			}
		})
	}
}

// Why a log should begin later, as TrimPoint says.
const (
	TrimBySize = "size"
	TrimByTime = "time"
)

// TrimPoint is where the log should begin by its retention settings at the wall
// time nowMs, milliseconds since the Unix epoch, and why; empty if it does already.
// Only sealed segments go. It decides nothing: the leader proposes a trim, and
// that is what all replicas apply.
func (l *Log) TrimPoint(nowMs int64) (offset int64, why string) {
	if !l.opened || l.dead {
		return 0, ""
	}
	set := l.state.settings
	left := int64(0)
	for _, s := range l.segments {
		left += s.Bytes
	}
	offset = l.state.start
	for _, s := range l.segments[:max(len(l.segments)-1, 0)] {
		left -= s.Bytes
		tooMuch := set.RetentionBytes > 0 && left >= set.RetentionBytes
		tooOld := set.RetentionMs > 0 && s.MaxTime < nowMs-set.RetentionMs
		if !tooMuch && !tooOld {
			break
		}
		if offset, why = s.End, TrimByTime; tooMuch {
			why = TrimBySize
		}
	}
	if offset <= l.state.start {
		return l.state.start, ""
	}
	return offset, why
}
