package journal

import (
	"fmt"
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
)

// walk reads the chain from its oldest file on and rebuilds every group's
// state as of the last durable watermark, or as of the end of the file before
// if all of the newest one is carried over; it returns that position. Good
// batches behind the watermark are carried over; the first bad one there was cut
// short by a crash. A bad one before it is damage.
func (r *recovery) walk() position {
	j := r.journal
	for i, f := range r.files {
		if f.headErr != nil {
			r.harmed(f, 0, f.file.size, f.headErr)
			r.lose(f.headErr)
			continue
		}
		switch {
		case i > 0 && f.head.prevSeq != r.files[i-1].file.seq:
			r.lose(r.missing(f.head.prevSeq, f.file.name))
		case i == 0 && f.file.seq > r.oldest:
			r.lose(r.missing(max(r.oldest, f.head.prevSeq), f.file.name))
		}
		r.meet(f)
		if i+1 < len(r.files) {
			r.walkInner(f, r.files[i+1])
		}
	}
	end := r.walkEnd()
	for _, g := range j.order {
		g.checkGap(r.carried)
	}
	return end
}

// lose notes that a part of the journal is gone, and with it what nobody can tell:
// all groups known so far are fenced, and those that a later head names first.
func (r *recovery) lose(err error) {
	r.lost = err
	r.journal.fenceAll(err)
}

// relive begins another life of the disk: groups may have begun in this one that
// nobody can tell of, as the newest table is lost. Those that should be here are
// blank.
func (r *recovery) relive() {
	j := r.journal
	j.born, j.life = 0, drawLife(j.env.Entropy)
	for _, e := range r.expect {
		if j.groups[e.Group] == nil {
			j.addGroup(&group{id: e.Group, replica: e.Replica, log: newOutline(0, 0), noted: true, fenced: r.lost, blank: e.Replica == 0})
		}
	}
}

// walkEnd deals with the newest file, or with its absence.
func (r *recovery) walkEnd() position {
	var end position
	var last *recovering
	if n := len(r.files); n > 0 {
		last = r.files[n-1]
		end.seq, end.offset = last.file.seq, last.head.end
	}
	switch w := r.journal.witness.seq; {
	case w > end.seq:
		r.lose(r.missing(w, "the witness"))
		r.relive()
	case last.headErr != nil:
		r.relive()
	default:
		end = r.walkLast(last)
	}
	return end
}

// meet takes in a head: groups that are new, and for those that are known the
// proof that nothing between the last head and this one was lost. Its table is
// complete: what it does not name was dropped.
func (r *recovery) meet(f *recovering) {
	j := r.journal
	j.born, j.life = f.head.born, f.head.life
	j.forgetOthers(f.head.table)
	for i := range f.head.table {
		row := &f.head.table[i]
		g, known := j.groups[row.group]
		if !known {
			g = &group{id: row.group, replica: row.replica, hs: row.hs, log: row.log, noted: true}
			j.addGroup(g)
			if r.lost != nil {
				g.fence(r.lost)
			}
		}
		if row.blank && row.replica == 0 && g.replica != 0 { // it ended, and began again with this file
			*g = group{id: row.group, log: row.log, noted: true}
		}
		if row.checkpoint.index >= g.checkpoint.index {
			g.checkpoint = row.checkpoint
		}
		if g.fenced != nil && row.replica > g.replica { // adopted since, by a record that is lost
			g.replica, g.hs, g.log, g.checkpoint, g.extents = row.replica, row.hs, row.log, row.checkpoint, nil
		}
		if row.fenced && !row.unread || row.unread && !known { // the files that might tell are gone
			g.fence(fencedRow(row))
			g.blank = g.blank || row.blank
		}
		if g.fenced == nil && !row.unread && (row.replica != g.replica || row.hs != g.hs || row.log.last != g.log.last || row.log.lastTerm() != g.log.lastTerm()) {
			g.fence(&DamageError{File: f.file.name, What: fmt.Sprintf(
				"group %d: head has replica %d, %+v, last entry %d of term %d; the files before it give replica %d, %+v, %d of term %d",
				g.id, row.replica, row.hs, row.log.last, row.log.lastTerm(), g.replica, g.hs, g.log.last, g.log.lastTerm())})
		}
	}
}

// addGroup keeps order sorted.
func (j *Journal) addGroup(g *group) {
	j.groups[g.id] = g
	n, _ := slices.BinarySearchFunc(j.order, g.id, func(o *group, id env.GroupID) int {
		switch {
		case o.id < id:
			return -1
		case o.id > id:
			return 1
		}
		return 0
	})
	j.order = slices.Insert(j.order, n, g)
}

// walkInner reads a file that another one follows: all of it up to where that
// one says it ends was durable.
func (r *recovery) walkInner(f, next *recovering) {
	if next.headErr != nil || next.head.prevSeq != f.file.seq {
		return // its end is unknown, and every group is fenced for it
	}
	end := next.head.prevEnd
	if end < f.head.end || end > f.file.size {
		err := &DamageError{File: f.file.name, Offset: f.file.size, What: fmt.Sprintf("%s follows offset %d", next.file.name, end)}
		r.harmed(f, 0, f.file.size, err)
		r.journal.fenceAll(err)
		return
	}
	f.file.end = end
	r.walkDurable(f, end)
}

// walkLast reads the newest file.
func (r *recovery) walkLast(f *recovering) position {
	end := max(f.scan.watermark(f.head.end, f.head.durableEnd), f.head.end)
	if whole := max(f.head.fileBytes, end); whole > f.file.size {
		err := &DamageError{File: f.file.name, Offset: f.file.size, What: fmt.Sprintf("ends here, %d bytes were durable", whole)}
		r.harmed(f, f.file.size, whole, err)
		r.journal.fenceAll(err)
		end = min(end, roundUp(f.file.size-sectorBytes+1))
	}
	f.file.end = end
	prev := position{f.head.prevSeq, f.head.prevEnd}
	if !r.absorbs(f, end) {
		r.walkDurable(f, end)
		prev = position{f.file.seq, end}
	}
	tail := r.carry(f, end, f.file.size)
	r.resync = tail - end
	if f.scan.doubtful(tail) {
		r.doubt(f, tail)
	} else if f.scan.tornAt(tail) {
		r.journal.env.Tracer.Trace(env.Event{Kind: env.EventTornTail, File: f.file.name, Offset: tail})
	}
	return prev
}

// walkDurable reads batches that were durable.
func (r *recovery) walkDurable(f *recovering, end int64) {
	for off := f.head.end; off < end; {
		b, err := f.scan.batchAt(off)
		if err == nil && b.header.end() > end {
			err = errShape
		}
		if err != nil {
			off = r.judge(f, f.scan.salvage(off, end), err)
			continue
		}
		for i := range b.dir.len() {
			rec, _ := b.record(i)
			_, start, length := b.dir.at(i)
			r.apply(&rec, extent{file: f.file, offset: off + int64(start), length: length})
		}
		off = b.header.end()
	}
}

// damage is the error of durable bytes [from, to) that do not read well.
func (f *recovering) damage(from, to int64, what string, cause error) error {
	d := &DamageError{File: f.file.name, Offset: from, What: fmt.Sprintf("%s: %v", what, cause)}
	if d.unread = f.scan.unreadIn(from, to); d.unread {
		d.What = fmt.Sprintf("%s: read: %v", what, f.scan.failed)
	}
	return d
}

// judge deals with a damaged stretch: records that can still be read are
// applied, the groups of the others are fenced; if nobody can say whose they
// were, every group is. It returns where to go on.
func (r *recovery) judge(f *recovering, w wreck, cause error) int64 {
	if !w.known {
		err := f.damage(w.start, w.end, "batch and both its directories", cause)
		r.harmed(f, w.start, w.end, err)
		r.journal.fenceAll(err)
		return w.end
	}
	r.harmed(f, w.start, w.end, f.damage(w.start, w.end, "batch", cause))
	for _, b := range w.batches {
		for i := range b.dir.len() {
			id, start, length := b.dir.at(i)
			bytes := f.scan.at(b.offset, int(b.length))
			at := place{f.scan.incarnation, b.offset}.plus(start)
			rec, err := parseRecord(b.dir.record(bytes, i), at)
			if err == nil && rec.group != id {
				err = errPlace
			}
			if err == nil {
				r.apply(&rec, extent{file: f.file, offset: at.offset, length: length})
			} else if g := r.journal.groups[id]; g != nil {
				g.fence(f.damage(at.offset, at.offset+int64(length), fmt.Sprintf("record of group %d", id), err))
			}
		}
	}
	return w.end
}

// carry copies the records of good batches from off on, up to the first bad one
// or to limit, and tells where that is.
func (r *recovery) carry(f *recovering, off, limit int64) int64 {
	for off < limit {
		b, err := f.scan.batchAt(off)
		if err != nil {
			break
		}
		for i := range b.dir.len() {
			rec, _ := b.record(i)
			r.carryRecord(&rec)
		}
		off = b.header.end()
	}
	return off
}

func (r *recovery) carryRecord(rec *record) {
	g := r.journal.groups[rec.group]
	if g == nil || g.fenced != nil && !g.unread && !r.revives(g, rec) {
		return
	}
	kept := *rec
	kept.payload = slices.Clone(rec.payload)
	r.carried = append(r.carried, carriedRecord{g, kept})
}

// revives tells whether a record of a fenced group is its adoption or comes after.
func (r *recovery) revives(g *group, rec *record) bool {
	return g.adopts(rec) || slices.ContainsFunc(r.carried, func(c carriedRecord) bool {
		return c.group == g && c.rec.kind == recordAdopt && c.rec.replica == rec.replica
	})
}

// absorbs tells whether all of the newest file goes into the fresh one, which
// then follows the file before it: a node that crashes again and again would
// otherwise leave a file behind each time. On true all up to end is carried.
func (r *recovery) absorbs(f *recovering, end int64) bool {
	if end > f.head.durableEnd && end-f.head.end > int64(r.journal.cfg.MaxBatchBytes) {
		return false
	}
	if r.carry(f, f.head.end, end) == end {
		return true
	}
	r.carried = nil // damage, to be judged
	return false
}

// apply brings a group's state to after a record.
func (r *recovery) apply(rec *record, x extent) {
	g := r.journal.groups[rec.group]
	if g == nil || g.fenced != nil && !g.adopts(rec) {
		return
	}
	if what := g.refuses(rec); what != "" {
		g.fence(&DamageError{File: x.file.name, Offset: x.offset, What: fmt.Sprintf("group %d: %s", g.id, what)})
		return
	}
	switch rec.kind {
	case recordAppend:
		if rec.count > 0 {
			g.log.cut(rec.index)
			rec.each(func(_ uint64, e entry) bool { g.log.add(e.term); return true })
			x.first, x.last = rec.index, rec.last()
			g.logExtent(x)
		}
		g.hs = rec.hs
	case recordCheckpoint:
		g.checkpoint = rec.checkpoint()
	case recordRestart:
		g.restart(rec.checkpoint(), rec.hs)
	case recordAdopt:
		g.adopt(rec.replica, rec.checkpoint(), x.file.seq)
	case recordFence:
		g.fence(fencedBefore(string(rec.payload)))
	}
}

// adopts tells whether the group is another, later replica from the record on:
// nothing that was said of it before counts.
func (g *group) adopts(rec *record) bool { return rec.kind == recordAdopt && rec.replica > g.replica }

// refuses says what no writer does: a record like that means that one before it
// is missing.
func (g *group) refuses(rec *record) string {
	switch {
	case g.adopts(rec):
	case rec.replica != g.replica:
		return fmt.Sprintf("record of replica %d in the journal of replica %d", rec.replica, g.replica)
	case (rec.kind == recordAppend || rec.kind == recordRestart) && rec.hs.Term < g.hs.Term:
		return fmt.Sprintf("term goes back from %d to %d", g.hs.Term, rec.hs.Term)
	case rec.kind == recordAppend && rec.count > 0 && (rec.index > g.log.last+1 || rec.index < g.log.first()):
		return fmt.Sprintf("entries %d..%d do not continue a log of %d..%d", rec.index, rec.last(), g.log.first(), g.log.last)
	}
	return ""
}

// checkGap fences a group whose entries do not reach down to its checkpoint. Those
// that moved into a file which is carried over as a whole are in no extent yet.
func (g *group) checkGap(carried []carriedRecord) {
	if g.unread {
		return
	}
	first := g.log.last + 1
	if len(g.extents) > 0 {
		first = g.extents[0].first
	}
	for i := range carried {
		if c := &carried[i]; c.group == g && c.rec.kind == recordAppend && c.rec.count > 0 {
			first = min(first, c.rec.index)
		}
	}
	if first > g.checkpoint.index+1 {
		g.fence(fmt.Errorf("%w: group %d: entries %d..%d are in no file, the checkpoint ends at %d",
			ErrDamaged, g.id, g.checkpoint.index+1, first-1, g.checkpoint.index))
	}
}

// trim sets the first index to what the files hold.
func (g *group) trim() {
	first := g.log.last + 1
	if len(g.extents) > 0 {
		first = g.extents[0].first
	}
	g.log.compact(first)
}
