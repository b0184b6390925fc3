package wal

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
)

// BadFile is a segment, or the index of one, that is not what was written.
// What should be there is the first Bytes bytes of the segment with that base
// offset, whose CRC32C is Sum: any replica that has them can give them.
type BadFile struct {
	Base, End int64 // offsets of its first record and after its last
	Bytes     int64
	Sum       uint32
	Index     bool
	File      string // relative to the data directory
	Pos       int64  // where it was seen; -1: the file as a whole
	Why       error
}

// Info describes the bytes to fetch for Repair.
func (b BadFile) Info() machine.FileInfo {
	return machine.FileInfo{Name: logicalName(b.Base), Bytes: b.Bytes, Sum: b.Sum}
}

// Repaired names a file that verifies again.
type Repaired struct {
	File  string
	Bytes int64
	Kind  string // segment, index or checkpoint
}

// DamageError says which segments are bad. The checkpoint is good: with the
// segments repaired the log is whole, and nothing was forgotten meanwhile.
type DamageError struct {
	Bad []BadFile
}

// Error names each file.
func (e *DamageError) Error() string {
	var b strings.Builder
	for i, f := range e.Bad {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%v: %s at %d: %v", ErrDamaged, f.File, f.Pos, f.Why)
	}
	return b.String()
}

// Is makes it an ErrDamaged.
func (e *DamageError) Is(target error) bool { return target == ErrDamaged }

// Unwrap gives what was found in each file.
func (e *DamageError) Unwrap() []error {
	errs := make([]error, len(e.Bad))
	for i, f := range e.Bad {
		errs[i] = f.Why
	}
	return errs
}

// Bad lists the segments that were found bad and are not repaired, by offset. End
// is where the segment ends now: what a bad one that still grows was given since
// stands behind bytes that do not verify, and is not found without them.
func (l *Log) Bad() []BadFile {
	out := slices.Clone(l.bad)
	for i := range out {
		for _, s := range l.segments {
			if s.Base == out[i].Base {
				out[i].End = max(out[i].End, s.End)
			}
		}
	}
	return out
}

// badSegment describes a bad segment; e is what it should be.
func (l *Log) badSegment(e extent, pos int64, why error) BadFile {
	return BadFile{Base: e.Base, End: e.End, Bytes: e.Bytes, Sum: e.Sum, File: l.path(e.fileName()), Pos: pos, Why: why}
}

// damaged notes that a segment is not what was written and tells of it, once.
// What the log knows of the segment is the truth: its sum runs over what was
// applied. One that left the log meanwhile is no damage of the log's.
func (l *Log) damaged(s *segment, pos int64, why error) error {
	b := l.badSegment(s.extent, pos, why)
	if l.dead || !slices.Contains(l.segments, s) {
		return &DamageError{Bad: []BadFile{b}}
	}
	s.verified = false
	known := slices.ContainsFunc(l.bad, func(o BadFile) bool { return o.Base == b.Base })
	if !known {
		l.noteBad(b)
		if l.opened && l.cfg.OnDamage != nil {
			l.cfg.OnDamage(b)
		}
	}
	return &DamageError{Bad: []BadFile{b}}
}

func (l *Log) noteBad(b BadFile) {
	i, _ := slices.BinarySearchFunc(l.bad, b, func(x, y BadFile) int { return int(max(-1, min(1, x.Base-y.Base))) })
	l.bad = slices.Insert(l.bad, i, b)
}

func (l *Log) repaired(file string, bytes int64, kind string) {
	if l.cfg.OnRepaired != nil {
		l.cfg.OnRepaired(Repaired{File: file, Bytes: bytes, Kind: kind})
	}
}

// Repair puts good bytes in the place of the bad segment that begins at base.
// staged holds them under the name in BadFile.Info. A file of the full length is
// renamed into place, so a crash leaves the bad one or the good one. Bytes of a
// segment that grew meanwhile, as the active one does, are written over the bad
// ones: they are equal but for the damage, so a crash leaves damage or none. It
// works after an Open that gave a DamageError too; Open may then be called again.
//
// nil means that the segment was read again and is right. ErrNotExist: that
// segment is not bad, or the log has it no more. Other errors leave it bad.
func (l *Log) Repair(t *env.Task, base int64, staged machine.Giver) error {
	l.named.Acquire(t)
	defer l.named.Release()
	i := slices.IndexFunc(l.bad, func(b BadFile) bool { return b.Base == base })
	if i < 0 || l.dead {
		return fmt.Errorf("%w: no bad segment begins at %d", env.ErrNotExist, base)
	}
	b := l.bad[i]
	s := l.toRepair(base)
	if s == nil {
		return fmt.Errorf("%w: the log has no segment that begins at %d any more", env.ErrNotExist, base)
	}
	var err error
	if s.Bytes == b.Bytes && (!l.opened || s != l.active()) {
		err = l.replaceFile(t, s, staged)
	} else {
		err = l.overwrite(t, s, b, staged)
	}
	if err != nil {
		return err
	}
	return l.proveRepaired(t, s, b)
}

// toRepair finds a segment of the log, also of one that did not open.
func (l *Log) toRepair(base int64) *segment {
	if l.opened {
		if s := l.segmentAt(base); s != nil && s.Base == base {
			return s
		}
		return nil
	}
	for _, e := range l.durable.segments {
		if e.Base == base {
			s := l.newSegment(e)
			s.handed = e.Bytes
			return s
		}
	}
	return nil
}

// replaceFile renames a whole staged file over the segment's.
func (l *Log) replaceFile(t *env.Task, s *segment, staged machine.Giver) (err error) {
	t.Await(func(done func()) {
		staged.Give(logicalName(s.Base), s.file.name, func(e error) { err = e; done() })
	})
	if err != nil {
		return err
	}
	if err := l.syncDir(t); err != nil {
		l.failed(err)
		return err
	}
	// Who uses the old file still does; all of the new one is durable.
	old := s.file
	s.file = l.newHandle(s.extent)
	old.retire(nil)
	l.giveUp(s)
	return nil
}

// overwrite writes the staged bytes over a segment's.
func (l *Log) overwrite(t *env.Task, s *segment, b BadFile, staged machine.Giver) error {
	for off := int64(0); off < b.Bytes; {
		n := int(min(b.Bytes-off, fetchBytes))
		p, err := readSource(t, staged, logicalName(s.Base), off, n)
		if err != nil {
			return err
		}
		t.Await(func(done func()) {
			l.put(s, piece{p: p, off: off}, func(e error) { err = e; done() })
		})
		if errors.Is(err, env.ErrNoSpace) {
			return err // its end was not written yet: tried again later
		}
		if err != nil {
			l.failed(err)
			return err
		}
		off += int64(n)
	}
	var err error
	t.Await(func(done func()) { s.file.sync(func(e error) { err = e; done() }) })
	if err != nil {
		l.failed(err)
	}
	return err
}

// proveRepaired reads a repaired segment and takes it off the list if it is right.
func (l *Log) proveRepaired(t *env.Task, s *segment, b BadFile) error {
	e := s.extent
	e.Bytes, e.End, e.Sum = b.Bytes, b.End, b.Sum
	terms := l.state.terms
	if !l.opened {
		terms = l.durable.state.terms
	}
	x, err := l.scan(t, s, e, terms, nil)
	if !l.opened {
		s.file.retire(nil)
	}
	if err != nil {
		return err
	}
	if s.index == nil && s.extent == e {
		s.index, s.indexed = x, false
	}
	s.verified = s.extent == e
	l.bad = slices.DeleteFunc(l.bad, func(o BadFile) bool { return o.Base == b.Base })
	l.repaired(b.File, b.Bytes, "segment")
	return nil
}
