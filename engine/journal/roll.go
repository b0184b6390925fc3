package journal

import (
	"fmt"

	"github.com/lockstep-log/lockstep/engine/env"
)

// roll goes on in a new file. It happens between batches: everything in the old
// file is durable, and its end is exact.
func (j *Journal) roll() {
	j.busy = true
	j.tasks.Go("journal roll", func(t *env.Task) {
		old := j.current()
		old.end = j.offset
		changed := j.regroup()
		f, records, err := j.startFile(t, old.seq+1, position{old.seq, old.end}, j.moved)
		if err != nil {
			j.broken(err)
			return
		}
		if j.failed != nil {
			return
		}
		j.stats.Rolls++
		j.settleMoved(f, records)
		j.adopt(f)
		for _, r := range changed {
			r.done() // may append: that waits
		}
		j.busy = false
		j.kick()
	})
}

// adopt makes f the file that is appended to, and retires what it makes
// unnecessary.
func (j *Journal) adopt(f *file) {
	j.files = append(j.files, f)
	j.offset, j.sealed = f.end, true // the head's watermark covers all there is
	j.retire(f.oldest)
	j.measure()
	j.prepareSpares()
}

// startFile turns a spare into the journal's next file: head and carried
// records are durable under the spare's name before it gets its own, so that a
// named file always has a durable head and nothing exists twice or not at all. The
// witness knows of it before anything is appended.
func (j *Journal) startFile(t *env.Task, seq uint64, prev position, carry func() []carriedRecord) (*file, []flown, error) {
	f, err := j.takeSpare(t)
	if err != nil {
		return nil, nil, fmt.Errorf("journal: no file to go on in: %w", err)
	}
	spare := f.name
	name := fileName(j.cfg.Dir, seq)
	f.seq, f.incarnation = seq, j.env.Entropy.Uint64()
	carried := carry()
	h := j.newHead(f, prev)
	b, flown := j.layOut(f, h, carried)
	f.oldest, f.headEnd, f.end = h.oldest, h.end, h.durableEnd
	f.size = max(f.size, f.end)
	j.traceFile(env.EventWritten, name, h, flown)
	if err := t.WriteAt(f.handle, b, 0); err != nil {
		return nil, nil, fmt.Errorf("journal: write head of %s: %w", name, err)
	}
	if err := t.Sync(f.handle); err != nil {
		return nil, nil, fmt.Errorf("journal: sync head of %s: %w", name, err)
	}
	f.name = name
	if err := t.Rename(j.env.Disk, spare, name); err != nil {
		return nil, nil, fmt.Errorf("journal: rename %s to %s: %w", spare, name, err)
	}
	if err := t.SyncDir(j.env.Disk, j.cfg.Dir); err != nil {
		return nil, nil, fmt.Errorf("journal: sync directory %s: %w", j.cfg.Dir, err)
	}
	if err := j.testify(t, seq); err != nil {
		return nil, nil, err
	}
	j.traceFile(env.EventPersisted, name, h, flown)
	return f, flown, nil
}

// newHead describes the state before anything is written to f.
func (j *Journal) newHead(f *file, prev position) *head {
	f.unread, f.bad, f.wrecks = nil, false, nil // of an earlier use
	h := &head{
		seq: f.seq, incarnation: f.incarnation, id: j.id,
		prevSeq: prev.seq, prevEnd: prev.offset, oldest: f.seq, fileBytes: f.size, born: j.born, life: j.life,
		table: make([]tableRow, len(j.order)),
	}
	h.oldest = j.oldestKept(f)
	j.keepUnread(h)
	for i, g := range j.order {
		h.table[i], g.noted = g.row(), true
		if g.unread {
			f.unread = append(f.unread, g.id)
		}
	}
	return h
}

// retire takes files before oldest out of the journal.
func (j *Journal) retire(oldest uint64) {
	n := 0
	for n < len(j.files) && j.files[n].seq < oldest {
		n++
	}
	if n == 0 {
		return
	}
	for _, f := range j.files[:n] {
		j.traceMended(f)
	}
	j.spares.retired = append(j.spares.retired, j.files[:n]...)
	j.files = append(j.files[:0], j.files[n:]...)
	for _, g := range j.order {
		g.forget(oldest)
	}
}
