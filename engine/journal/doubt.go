package journal

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
)

// Behind the durable watermark a batch that does not read well was cut short by a
// crash, or it was the last one that was acknowledged and no later one says so.
// Where its sectors read, the first is so: the stated residual (design, section 4)
// leaves rot of that one batch out. Where the disk does not give them, nobody can
// tell, and who may have had a record there may have forgotten it: it is fenced, in
// the records that the fresh file begins with, so that the fence is as durable as
// all else that is carried over, and after everything that is.
//
// Such a fence does not end with the process, as one of durable bytes does: the
// fresh file says where the one before it ends, and what stands behind that is
// void for every later Open.

// InDoubt is a part of what EventDamaged says of such a tail.
const InDoubt = "what was acknowledged last may have stood here"

// doubt deals with a batch at tail that may have been durable and cannot be read.
func (r *recovery) doubt(f *recovering, tail int64) {
	cause := fmt.Errorf("journal: %s behind offset %d: %w", f.file.name, tail, f.scan.failed)
	if r.patient {
		r.unreadable = cause
		return
	}
	w := f.scan.doubted(tail)
	err := &DamageError{File: f.file.name, Offset: tail, What: fmt.Sprintf("read: %v; %s", f.scan.failed, InDoubt)}
	r.harmed(f, w.start, w.end, err)
	if !w.known {
		for _, g := range r.journal.order {
			r.forget(g, err)
		}
		return
	}
	for _, b := range w.batches {
		bytes := slices.Clone(f.scan.at(b.offset, int(b.length)))
		for i := range b.dir.len() {
			id, start, _ := b.dir.at(i)
			rec, bad := parseRecord(b.dir.record(bytes, i), place{f.scan.incarnation, b.offset}.plus(start))
			if bad == nil && rec.group == id {
				r.carryRecord(&rec)
			} else if g := r.journal.groups[id]; g != nil {
				r.forget(g, err)
			}
		}
	}
}

// forget fences a group behind everything that is carried over for it. One that
// speaks no more has nothing to forget.
func (r *recovery) forget(g *group, err error) {
	replica, silent := g.replica, g.fenced != nil && !g.unread
	for i := range r.carried {
		switch c := &r.carried[i]; {
		case c.group != g:
		case c.rec.kind == recordAdopt && c.rec.replica > replica:
			replica, silent = c.rec.replica, false
		case c.rec.kind == recordFence:
			silent = true
		}
	}
	if !silent {
		r.carried = append(r.carried, carriedRecord{g, record{
			kind: recordFence, group: g.id, replica: replica, payload: []byte(reasonText(err)),
		}})
	}
}

// doubted tells what the batch at tail still gives: its directory. known is false
// if that is gone, or if another batch may stand behind it.
func (s *scanner) doubted(tail int64) wreck {
	w := wreck{start: tail, end: s.size}
	if _, err := s.headerAt(tail); err == nil {
		w = s.salvage(tail, s.size)
	} else {
		for end := tail + sectorBytes; end <= s.size && !w.known; end += sectorBytes {
			if b, ok := s.endingAt(end, tail); ok && b.offset == tail {
				w.end, w.batches, w.known = end, []wreckedBatch{b}, true
			}
		}
	}
	w.known = w.known && !s.unreadIn(w.end, w.end+sectorBytes)
	return w
}

// finding is damage that Open met.
type finding struct {
	file     *file
	from, to int64
	err      error
}

// harmed notes damage of a file.
func (r *recovery) harmed(f *recovering, from, to int64, err error) {
	r.findings = append(r.findings, finding{f.file, from, to, err})
}

// tellDamage takes in what was found, once nothing is judged any more. What the
// disk does not give may read again: its file is kept for that.
func (r *recovery) tellDamage() {
	j := r.journal
	for _, f := range r.findings {
		if d, ok := errors.AsType[*DamageError](f.err); ok && d.unread {
			j.unread = append(j.unread, f)
		} else {
			j.tellHarm(f)
		}
	}
}

// tellHarm reports damage: nobody is to need the file any more.
func (j *Journal) tellHarm(f finding) {
	f.file.bad = true
	j.env.Tracer.Trace(env.Event{Kind: env.EventDamaged, File: f.file.name, Offset: f.from, Length: f.to - f.from, Text: f.err.Error()})
}

// giveUpUnread treats what could not be read as what is damaged, once no group
// waits for it any more.
func (j *Journal) giveUpUnread() {
	if len(j.unread) == 0 || slices.ContainsFunc(j.order, func(g *group) bool { return g.unread }) {
		return
	}
	for _, f := range j.unread {
		if slices.Contains(j.files, f.file) {
			j.tellHarm(f)
		}
	}
	j.unread = nil
	j.mendSoon()
}
