package journal

import (
	"fmt"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/engine/env"
)

// The writer has one write and sync under way at a time. What arrives meanwhile
// makes the next batch: group commit over all groups, without a timer.

// flown is a record of the batch under way.
type flown struct {
	group       *group
	replica     env.ReplicaID
	first, last uint64 // 0: no entries
	hs          HardState
	tellState   bool // an event of its own for the hard state
	offset      int64
	length      int64
	cuts        uint64
}

// flight is the batch under way, or whose callbacks run. Reused.
type flight struct {
	records []flown
	done    []func()
	end     int64
	seal    bool
}

// plan is how much of the queue goes into the next batch.
type plan struct {
	requests int // whole ones
	partial  int // entries of the next one after them
	records  int
	body     int
}

func (p *plan) bytes() int64 { return batchBytes(p.records, p.body) }

func (p *plan) add(body int) { p.records, p.body = p.records+1, p.body+body }

// kick has the queue written at the end of this turn of the loop, so that all
// that a turn appends shares a batch.
func (j *Journal) kick() {
	if j.busy || j.posted {
		return // the end of the batch under way looks at the queue
	}
	j.posted = true
	j.env.Clock.Post(j.onPosted)
}

// ride remembers that a group has something to write that owes no sync.
func (j *Journal) ride(g *group) {
	if !g.riding {
		g.riding = true
		j.riders = append(j.riders, g)
	}
}

// flush starts the next batch if there is one and none is under way.
func (j *Journal) flush() {
	for !j.busy && j.failed == nil && !j.closed {
		if (j.rollWanted || len(j.regroups) > 0) && !j.closing {
			j.rollWanted = false
			j.roll()
			return
		}
		if j.queue.len() == 0 {
			j.idle()
			return
		}
		p := j.plan()
		if p.records > 0 {
			j.write(p)
			return
		}
		j.flight = flight{records: j.flight.records[:0], done: j.flight.done[:0]}
		j.takeDone(p)
		j.callDone()
	}
}

// idle: nothing is queued and nothing under way.
func (j *Journal) idle() {
	switch {
	case j.closing && !j.parted && (!j.sealed || j.ridersWait()):
		j.parted = true
		j.seal()
	case j.closing:
		j.finishClose()
	default:
		j.armSeal()
	}
}

// plan cuts the next batch off the queue.
func (j *Journal) plan() plan {
	j.batchNo++
	var p plan
	limit := int64(j.cfg.MaxBatchBytes)
	for i := range j.queue.waiting() {
		r := &j.queue.waiting()[i]
		if r.empty() {
			p.requests++
			continue
		}
		n, body := r.fit(&p, limit)
		if n < len(r.entries)-r.taken || body == 0 {
			if n > 0 {
				p.partial = n
				p.add(body)
				r.group.inBatch = j.batchNo
			}
			break
		}
		p.requests++
		p.add(body)
		r.group.inBatch = j.batchNo
	}
	return p
}

// fit tells how many more entries of r the batch takes and the bytes of their
// record; none and 0 if it takes nothing. The first record of a batch always
// takes something.
func (r *request) fit(p *plan, limit int64) (n, body int) {
	body = r.headBytes()
	if p.records > 0 && batchBytes(p.records+1, p.body+body) > limit {
		return 0, 0
	}
	for _, e := range r.entries[r.taken:] {
		size := entryBytes(e)
		if batchBytes(p.records+1, p.body+body+size) > limit && (p.records > 0 || n > 0) {
			break
		}
		body += size
		n++
	}
	if n == 0 && len(r.entries) > r.taken {
		return 0, 0
	}
	return n, body
}

// write builds the planned batch and hands it to the disk, after a roll if the
// file has no room for it and the seal behind it.
func (j *Journal) write(p plan) {
	f := j.current()
	if j.offset+p.bytes()+sectorBytes > j.capacity() && j.offset > f.headEnd {
		j.roll()
		return
	}
	j.busy = true
	j.planRiders(&p)
	j.begin(batchData, p)
	for i := range j.queue.front(p.requests) {
		j.put(&j.queue.front(p.requests)[i], -1)
	}
	if p.partial > 0 {
		r := &j.queue.waiting()[p.requests]
		j.put(r, p.partial)
		r.taken += p.partial
	}
	j.takeDone(plan{requests: p.requests})
	j.submit()
}

// capacity is how far the current file is filled. A table of very many groups
// may make a file longer than FileBytes, but never leaves no room for a batch.
func (j *Journal) capacity() int64 {
	return max(j.cfg.FileBytes, j.current().headEnd+int64(j.cfg.MaxBatchBytes)+sectorBytes)
}

// begin starts a batch with the riders' records.
func (j *Journal) begin(kind batchKind, p plan) {
	f := j.current()
	j.flight = flight{records: j.flight.records[:0], done: j.flight.done[:0], seal: kind == batchSeal}
	j.batch.begin(batchHeader{
		kind: kind, id: j.id, incarnation: f.incarnation, seq: f.seq, offset: j.offset,
		watermark: position{f.seq, j.offset},
	}, p.records)
	j.putRiders()
}

// put adds the record of a request: n of its entries, -1 all that remain.
func (j *Journal) put(r *request, n int) {
	if r.empty() {
		return
	}
	g := r.group
	if r.special != 0 {
		j.putSpecial(r)
		return
	}
	entries := r.entries[r.taken:]
	if n >= 0 {
		entries = entries[:n]
	}
	rec := record{kind: recordAppend, group: g.id, replica: g.replica}
	fl := flown{group: g, tellState: r.changed && r.taken == 0, cuts: r.cuts}
	if len(entries) > 0 {
		rec.index = entries[0].GetIndex()
		fl.first, fl.last = rec.index, rec.index+uint64(len(entries))-1
		g.log.cut(rec.index)
		for _, e := range entries {
			g.log.add(e.GetTerm())
		}
	}
	g.hs = g.stateFor(r.changed, r.hs)
	rec.hs, fl.hs = g.hs, g.hs
	j.putRecord(&rec, entries, fl)
}

// putRecord appends a record to the batch and to what is under way.
func (j *Journal) putRecord(rec *record, entries []*raftpb.Entry, fl flown) {
	w := &j.batch
	start := len(w.buf)
	w.buf = appendRecord(w.buf, w.next(), rec, entries)
	w.added(rec.group, start)
	fl.replica = rec.replica
	fl.offset, fl.length = j.offset+int64(start), int64(len(w.buf)-start)
	if fl.first > 0 {
		fl.group.logExtent(extent{first: fl.first, last: fl.last, file: j.current(), offset: fl.offset, length: int(fl.length)})
	}
	j.flight.records = append(j.flight.records, fl)
	j.stats.Records++
	j.stats.Entries += uint64(len(entries))
}

// takeDone moves the callbacks of whole requests from the queue to the flight.
func (j *Journal) takeDone(p plan) {
	for _, r := range j.queue.front(p.requests) {
		if r.done != nil {
			j.flight.done = append(j.flight.done, r.done)
		}
	}
	j.queue.drop(p.requests)
}

// submit hands the finished batch to the disk.
func (j *Journal) submit() {
	f := j.current()
	b := j.batch.finish()
	j.flight.end = j.offset + int64(len(b))
	f.size = max(f.size, j.flight.end)
	for i := range j.flight.records {
		j.traceRecord(env.EventWritten, f, &j.flight.records[i])
	}
	j.stats.Batches++
	j.stats.Bytes += uint64(len(b))
	if j.flight.seal {
		j.stats.Seals++
	}
	f.handle.WriteAt(b, j.offset, j.onWritten)
	f.handle.Sync(j.onSynced)
}

func (j *Journal) written(err error) {
	if err != nil {
		j.broken(fmt.Errorf("journal: write %s at %d: %w", j.current().name, j.offset, err))
	}
}

func (j *Journal) synced(err error) {
	if err != nil {
		j.broken(fmt.Errorf("journal: sync %s: %w", j.current().name, err))
	}
	j.landed()
}

// landed: the batch under way is durable, unless something failed.
func (j *Journal) landed() {
	if j.failed != nil {
		return
	}
	j.stats.Syncs++
	j.offset, j.sealed = j.flight.end, j.flight.seal
	f := j.current()
	for i := range j.flight.records {
		r := &j.flight.records[i]
		j.traceRecord(env.EventPersisted, f, r)
		if r.first > 0 && r.cuts == r.group.view.cuts {
			r.group.view.persisted(r.last)
		}
	}
	j.callDone()
	j.flush()
}

// callDone runs the flight's callbacks. They may append: that waits.
func (j *Journal) callDone() {
	j.busy = true
	for i, done := range j.flight.done {
		j.flight.done[i] = nil
		if j.failed != nil {
			return
		}
		done()
	}
	j.busy = false
}

// traceRecord tells of a record's entries and of its hard state, one event each:
// Term is that of a hard state, and entries of an older one are no step back.
func (j *Journal) traceRecord(kind env.EventKind, f *file, r *flown) {
	e := env.Event{
		Kind: kind, Group: r.group.id, Replica: r.replica,
		File: f.name, Offset: r.offset, Length: r.length,
	}
	if r.first > 0 {
		e.First, e.Last = r.first, r.last
		j.env.Tracer.Trace(e)
	}
	if r.tellState {
		e.First, e.Last, e.Term, e.Vote = 0, 0, r.hs.Term, r.hs.Vote
		j.env.Tracer.Trace(e)
	}
}
