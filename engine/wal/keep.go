package wal

import (
	"hash/crc32"
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
)

// Keeps implements machine.Keeper: this log's segments, and the seeds of one
// that has begun anew, of which only the length is known before Verify.
func (l *Log) Keeps(m machine.Manifest) []bool {
	keeps := make([]bool, len(m.Files))
	for i, f := range m.Files {
		s, seed := l.holder(f)
		keeps[i] = s != nil || seed != nil
	}
	return keeps
}

// holder finds what may have the bytes of a manifest's file.
func (l *Log) holder(f machine.FileInfo) (*segment, *seed) {
	base, _, ok := parseSegmentName(f.Name)
	if !ok || f.Name != logicalName(base) || l.dead || !l.opened {
		return nil, nil
	}
	if s := l.segmentAt(base); s != nil && s.Base == base && s.Bytes == f.Bytes && s.Sum == f.Sum && !l.isBad(base) {
		return s, nil
	}
	for i := range l.seeds {
		s := &l.seeds[i]
		if s.Base == base && s.Bytes == f.Bytes && (!s.verified || s.Sum == f.Sum) {
			return nil, s
		}
	}
	return nil, nil
}

func (l *Log) isBad(base int64) bool {
	return slices.ContainsFunc(l.bad, func(b BadFile) bool { return b.Base == base })
}

// Verify implements machine.Verifier. A segment of the log that is not what it
// says is damage, and reported as that too.
func (l *Log) Verify(file machine.FileInfo, done func(ok bool, err error)) {
	s, seed := l.holder(file)
	switch {
	case l.dead || !l.opened:
		done(false, ErrStopped)
	case s == nil && seed == nil, seed != nil && seed.file == nil:
		done(false, nil)
	default:
		l.tasks.Go("wal verify", func(t *env.Task) {
			verify := func() bool { return l.verifySeed(t, seed, file.Sum) }
			if s != nil {
				verify = func() bool { return l.verifySegment(t, s) }
			}
			if ok := verify(); !l.dead {
				done(ok, nil)
			}
		})
	}
}

// verifySegment reads all of a segment.
func (l *Log) verifySegment(t *env.Task, s *segment) bool {
	if s == l.active() {
		l.flush()
	}
	e := s.extent
	if _, err := l.scan(t, s, e, l.state.terms, nil); err != nil {
		return false
	}
	s.verified = s.extent == e && !l.isBad(e.Base)
	return true
}

// verifySeed reads all of a seed and compares its sum.
func (l *Log) verifySeed(t *env.Task, s *seed, want uint32) bool {
	probe := &segment{extent: s.extent, file: s.file}
	probe.handed = s.Bytes
	sum := uint32(0)
	for off := int64(0); off < s.Bytes; {
		n := int(min(s.Bytes-off, scanBytes))
		p, err := l.readSegment(t, probe, off, n)
		if err != nil {
			return false
		}
		sum = crc32.Update(sum, castagnoli, p)
		off += int64(n)
	}
	s.file.release()
	s.Sum, s.verified = sum, true
	return sum == want
}

// keep tells whether a file of this disk has the bytes of a snapshot's segment,
// durable and verified, and under which generation.
func (l *Log) keep(t *env.Task, e extent) (generation uint32, kept bool, failed error) {
	s, seed := l.holder(files([]extent{e})[0])
	switch {
	case seed != nil && (seed.verified || l.verifySeed(t, seed, e.Sum)):
		return seed.Generation, seed.Sum == e.Sum, nil
	case s == nil || !s.same(e):
		return 0, false, nil
	}
	if s == l.active() {
		l.flush()
	}
	full, failed := l.settle(t, s)
	if full != nil || failed != nil {
		return 0, false, failed
	}
	if !s.verified && !l.verifySegment(t, s) {
		return 0, false, nil
	}
	return s.Generation, s.same(e) && s.verified, nil
}
