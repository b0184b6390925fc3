package journal

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/engine/env"
)

// gapBytes is how far apart two records may stand to be read at once.
const gapBytes = 16 << 10

// readAhead has the entries from lo on read into the cold cache if they are not
// there, or those behind it once half of it is served.
func (v *View) readAhead(lo uint64) {
	c := &v.cold
	if c.reading || v.damage != nil || v.journal.failed != nil || v.journal.closing {
		return
	}
	from := lo
	if n := uint64(len(c.entries)); lo >= c.first && lo < c.next() {
		if lo-c.first < n/2 || c.next() >= v.window.first {
			return
		}
		from = c.next()
	}
	if !v.journal.mayReadBack() {
		return // raft asks again
	}
	c.reading = true
	v.journal.memory.reading++
	v.journal.tasks.Go("journal read-back", func(t *env.Task) { v.readBack(t, from) })
}

func (v *View) readBack(t *env.Task, from uint64) {
	entries, err := v.read(t, from, v.window.first-1)
	v.cold.reading = false
	v.journal.memory.reading--
	if v.journal.failed != nil || v.journal.closed || v.ended() || errors.Is(err, errGone) {
		return
	}
	if err != nil {
		v.damaged(err)
		return
	}
	entries = v.agreed(from, entries)
	if len(entries) == 0 {
		return
	}
	v.fillCold(from, entries)
	e := v.event(env.EventReadBack)
	e.First, e.Last = from, from+uint64(len(entries))-1
	v.journal.env.Tracer.Trace(e)
	v.journal.stats.ReadBacks++
	v.journal.evict(v)
}

// agreed cuts off what the log no longer has: raft may have replaced entries
// while they were read, and the index and the term name an entry.
func (v *View) agreed(from uint64, entries []*raftpb.Entry) []*raftpb.Entry {
	for i, e := range entries {
		if term, ok := v.log.term(from + uint64(i)); !ok || term != e.GetTerm() {
			return entries[:i]
		}
	}
	return entries
}

// fillCold puts entries behind what the cache has, and sheds what was served
// first, or replaces it.
func (v *View) fillCold(from uint64, entries []*raftpb.Entry) {
	c, m := &v.cold, &v.journal.memory
	if c.next() != from || len(c.entries) == 0 {
		v.dropCold()
		c.first = from
	}
	for _, e := range entries {
		c.bytes += entryCost(e)
		m.cold += entryCost(e)
	}
	c.entries = append(c.entries, entries...)
	c.keep = v.journal.env.Clock.Monotonic() + coldKeep
	for c.bytes > 3*int64(v.journal.cfg.ReadBackBytes) && c.first < from {
		c.shed(c.entries[0], m)
		c.entries[0] = nil
		c.entries, c.first = c.entries[1:], c.first+1
	}
}

// damaged notes that the journal cannot give back what it took.
func (v *View) damaged(err error) {
	if v.damage != nil {
		return
	}
	v.damage = err
	if v.journal.onDamage != nil {
		v.journal.onDamage(v.group.id, err)
	}
}

// Replay calls f for every entry from index from to index to, both included, in
// order, reading from the disk what is not in memory. It ends with f's error,
// or with one that matches ErrDamaged if an entry cannot be read.
func (v *View) Replay(t *env.Task, from, to uint64, f func(*raftpb.Entry) error) error {
	if from < v.log.first() || to > v.log.last {
		return fmt.Errorf("%w: entries %d..%d asked of a log of %d..%d", ErrDamaged, from, to, v.log.first(), v.log.last)
	}
	for from <= to {
		entries, err := v.stretch(t, from, to)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := f(e); err != nil {
				return err
			}
		}
		from += uint64(len(entries))
	}
	return nil
}

// stretch gives some entries from index from on, at least one.
func (v *View) stretch(t *env.Task, from, to uint64) ([]*raftpb.Entry, error) {
	if from >= v.window.first {
		return slices.Clone(v.window.from(from, to+1)), nil // f may free what it has seen
	}
	entries, err := v.read(t, from, min(to, v.window.first-1))
	if err == nil {
		entries = v.agreed(from, entries)
	}
	if err == nil && len(entries) == 0 {
		err = fmt.Errorf("%w: group %d: entry %d is not where it was written", ErrDamaged, v.group.id, from)
	}
	return entries, err
}

// errGone: the entries left the journal while they were wanted.
var errGone = errors.New("journal: entries recycled")

// read reads entries from..to from the files, up to about ReadBackBytes and at
// least one record.
func (v *View) read(t *env.Task, from, to uint64) ([]*raftpb.Entry, error) {
	span := v.group.span(from, to, v.journal.cfg.ReadBackBytes)
	if len(span) == 0 {
		return nil, errGone
	}
	f := span[0].file
	f.readers++
	defer v.journal.release(f)
	buf, err := readSpan(t, span)
	if err != nil {
		span = span[:1] // once more, and alone: what stands between the records is not ours to judge
		buf, err = readSpan(t, span)
	}
	if err != nil {
		return nil, &DamageError{File: f.name, Offset: span[0].offset, What: fmt.Sprintf("group %d: read: %v", v.group.id, err), unread: true}
	}
	var entries []*raftpb.Entry
	for _, x := range span {
		part := buf[x.offset-span[0].offset:][:x.length]
		rec, err := parseRecord(part, place{f.incarnation, x.offset})
		if err == nil && (rec.group != v.group.id || rec.index > x.first || rec.last() < x.last) {
			err = errPlace
		}
		if err != nil {
			return nil, &DamageError{File: f.name, Offset: x.offset, What: fmt.Sprintf("group %d: entries %d..%d: %v", v.group.id, x.first, x.last, err)}
		}
		entries = appendEntries(entries, &rec, max(from, x.first), min(to, x.last))
	}
	return entries, nil
}

// readSpan reads extents of one file in one go.
func readSpan(t *env.Task, span []extent) ([]byte, error) {
	first, last := &span[0], &span[len(span)-1]
	buf := make([]byte, last.offset+int64(last.length)-first.offset)
	n, err := t.ReadAt(first.file.handle, buf, first.offset)
	if n == len(buf) && errors.Is(err, io.EOF) {
		err = nil
	}
	return buf, err
}

// release ends a reading of f; a file that waits to be recycled may go now.
func (j *Journal) release(f *file) {
	f.readers--
	if f.readers > 0 {
		return
	}
	if j.closed {
		f.handle.Close()
	} else if len(j.spares.retired) > 0 {
		j.prepareSpares()
	}
}

// span copies the extents that hold from..to, as far as they stand close
// together in one file and within maxBytes.
func (g *group) span(from, to uint64, maxBytes int) []extent {
	i := g.find(from)
	if i == len(g.extents) || g.extents[i].first > from {
		return nil
	}
	n := i + 1
	start, end := g.extents[i].offset, g.extents[i].offset+int64(g.extents[i].length)
	for ; n < len(g.extents) && g.extents[n].first <= to; n++ {
		x := &g.extents[n]
		if x.file != g.extents[i].file || x.offset < end || x.offset-end > gapBytes || x.offset+int64(x.length)-start > int64(maxBytes) {
			break
		}
		end = x.offset + int64(x.length)
	}
	return append([]extent(nil), g.extents[i:n]...)
}

// block is an entry with room for its scalars: one allocation for many.
type block struct {
	entry raftpb.Entry
	term  uint64
	index uint64
	kind  raftpb.EntryType
}

// appendEntries appends entries from..to of a record. Their data aliases it.
func appendEntries(out []*raftpb.Entry, r *record, from, to uint64) []*raftpb.Entry {
	if to < from {
		return out
	}
	blocks := make([]block, 0, to-from+1)
	r.each(func(index uint64, e entry) bool {
		if index < from {
			return true
		}
		if index > to {
			return false
		}
		blocks = append(blocks, block{term: e.term, index: index, kind: e.kind})
		b := &blocks[len(blocks)-1]
		b.entry.Term, b.entry.Index, b.entry.Type, b.entry.Data = &b.term, &b.index, &b.kind, e.data
		out = append(out, &b.entry)
		return true
	})
	return out
}
