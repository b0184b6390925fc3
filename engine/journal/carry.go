package journal

import "github.com/lockstep-log/lockstep/engine/env"

// carriedRecord is a record from behind the last durable watermark. Its bytes
// may be in the page cache only, so recovery writes it again (facts:
// acknowledging from the page cache).
type carriedRecord struct {
	group *group // not fenced for good, or adopted since
	rec   record
}

// layOut builds the first write of a file: its head, and a batch of what is
// carried over. It tells where the records stand.
func (j *Journal) layOut(f *file, h *head, carried []carriedRecord) ([]byte, []flown) {
	b := appendHead(nil, h, 0)
	if len(carried) == 0 {
		return b, nil
	}
	w := &batchWriter{}
	w.begin(batchHeader{
		kind: batchData, id: j.id, incarnation: f.incarnation, seq: f.seq, offset: h.end,
		watermark: position{f.seq, h.end},
	}, len(carried))
	records := make([]flown, len(carried))
	for i := range carried {
		c := &carried[i]
		start := len(w.buf)
		w.buf = appendRecord(w.buf, w.next(), &c.rec, nil)
		w.added(c.rec.group, start)
		records[i] = flown{group: c.group, replica: c.rec.replica, hs: c.rec.hs, tellState: c.rec.kind == recordAppend || c.rec.kind == recordRestart, offset: h.end + int64(start), length: int64(len(w.buf) - start)}
		if c.rec.count > 0 {
			records[i].first, records[i].last = c.rec.index, c.rec.last()
		}
	}
	batch := w.finish()
	b = appendHead(b[:0], h, int64(len(batch)))
	return append(b, batch...), records
}

// traceFile tells of the hard states in a new file's head, and of the records
// behind it.
func (j *Journal) traceFile(kind env.EventKind, name string, h *head, records []flown) {
	for i := range h.table {
		r := &h.table[i]
		if r.fenced || r.hs == (HardState{}) {
			continue
		}
		j.env.Tracer.Trace(env.Event{
			Kind: kind, Group: r.group, Replica: r.replica, Term: r.hs.Term, Vote: r.hs.Vote,
			File: name, Offset: 0, Length: h.end,
		})
	}
	f := &file{name: name}
	for i := range records {
		j.traceRecord(kind, f, &records[i])
	}
}
