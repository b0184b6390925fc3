package journal

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/engine/env"
)

// Open recovers the journal in cfg.Dir and makes it ready for Append. Nothing
// that it reports is in the page cache only: what was written after the last
// watermark is durable in a fresh file before Open returns.
//
// fail is called once, on the first failed write or sync after Open; nothing
// completes from then on. tasks end with the node.
//
// expect names the groups that are placed on this node, empty and not nil if there
// are none, to be fenced should no
// file tell which they were; with Replica 0 they become blank. A disk without room
// for the next file makes Open wait.
//
// Errors: ErrConfig, ErrNotFormatted, ErrForeign, ErrVersion, ErrDamaged (where
// nobody can say which groups there were), or what the disk answers.
func Open(t *env.Task, e env.Env, cfg Config, id Identity, expect []Genesis, tasks *env.Tasks, fail func(error)) (*Journal, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		j := newJournal(e, cfg, id, tasks, fail)
		j.opening = true
		r := &recovery{journal: j, t: t, expect: expect, patient: try < openTries}
		err := r.run()
		if err == nil {
			err = j.failed // of a task that works beside
		}
		if err == nil {
			j.opening = false
			j.mendSoon()
			return j, nil
		}
		j.abandon(r.opened)
		if !r.passing || !r.patient {
			return nil, err
		}
		t.Sleep(e.Clock, openRetry<<(try-1))
	}
}

// A read error where it would cost all replicas of the node is waited for: 3.1 s
// in all.
const (
	openTries = 6
	openRetry = 100 * time.Millisecond
)

func newJournal(e env.Env, cfg Config, id Identity, tasks *env.Tasks, fail func(error)) *Journal {
	j := &Journal{env: e, cfg: cfg, id: id, tasks: tasks, fail: fail, groups: map[env.GroupID]*group{}, sealed: true, summed: env.Summed(e.Tracer)}
	j.onWritten, j.onSynced = j.written, j.synced
	j.onPosted = func() { j.posted = false; j.flush() }
	return j
}

// abandon releases what a failed Open holds.
func (j *Journal) abandon(opened []*file) {
	j.closed = true
	if j.witnessFile != nil {
		j.witnessFile.Close()
	}
	for _, f := range opened {
		f.handle.Close()
	}
	j.spares.close()
}

// recovery is the work of one Open.
type recovery struct {
	journal    *Journal
	t          *env.Task
	opened     []*file
	files      []*recovering // the chain, oldest first
	carried    []carriedRecord
	retired    []*file // outside the chain
	unreadable error   // of the tail: what was acknowledged may stand there
	expect     []Genesis
	oldest     uint64 // the newest head that reads needs files from it on
	headRead   bool   // there is such a head
	lost       error  // what of the journal so far cannot be told apart by group
	witnessErr error  // the witness is there and does not read well
	patient    bool   // another try follows
	passing    bool   // and may go better
	resync     int64  // bytes carried over, as they stood
	findings   []finding
}

// recovering is a file of the chain.
type recovering struct {
	file    *file
	scan    scanner
	head    head
	headErr error // both copies of the head are bad
}

func (r *recovery) run() error {
	j := r.journal
	if err := r.readWitness(); err != nil {
		return err
	}
	names, err := r.list()
	if err != nil {
		return err
	}
	if err := r.openChain(names.files); err != nil {
		return err
	}
	if err := r.openSpares(names.spares); err != nil {
		return err
	}
	prev := r.walk()
	if r.unreadable != nil {
		r.passing = true
		return r.unreadable
	}
	if !r.headRead && len(j.order) == 0 && r.expect == nil {
		return fmt.Errorf("%w: nobody knows which groups there were: %w", ErrDamaged, r.lost)
	}
	r.tellDamage()
	if err := r.goOn(prev); err != nil {
		return err
	}
	for _, g := range j.order {
		r.fillWindow(g)
		g.view.fenced = g.fenced != nil
		j.recovered = append(j.recovered, g.report())
	}
	return nil
}

// list reads the directory and makes what it shows durable: a rename that only
// the page cache knows must not vanish after one that builds on it was synced.
func (r *recovery) list() (listing, error) {
	j := r.journal
	names, err := r.t.List(j.env.Disk, j.cfg.Dir)
	if err != nil && !errors.Is(err, env.ErrNotExist) {
		return listing{}, fmt.Errorf("journal: list %s: %w", j.cfg.Dir, err)
	}
	l := sortNames(names)
	if len(l.files) == 0 && j.witnessFile == nil {
		switch {
		case r.witnessErr != nil:
			return listing{}, fmt.Errorf("directory %s holds no journal file: %w", j.cfg.Dir, r.witnessErr)
		case err != nil:
			return listing{}, fmt.Errorf("%w: there is no directory %s", ErrNotFormatted, j.cfg.Dir)
		}
		return listing{}, fmt.Errorf("%w: directory %s holds no journal file", ErrNotFormatted, j.cfg.Dir)
	}
	if err != nil {
		return l, makeDirs(r.t, j.env.Disk, j.cfg.Dir)
	}
	if err := r.t.SyncDir(j.env.Disk, j.cfg.Dir); err != nil {
		return listing{}, fmt.Errorf("journal: sync directory %s: %w", j.cfg.Dir, err)
	}
	return l, nil
}

// openChain opens files from the newest back to the oldest needed, each naming
// the one before it; the others are retired.
// One that is missing is not looked for; walk tells what that means.
func (r *recovery) openChain(seqs []uint64) error {
	for at := len(seqs) - 1; at >= 0 && (!r.headRead || seqs[at] >= r.oldest); {
		rec, err := r.openFile(seqs[at])
		if err != nil {
			return err
		}
		r.files = slices.Insert(r.files, 0, rec)
		if rec.headErr != nil {
			at--
			continue
		}
		if !r.headRead {
			r.oldest, r.headRead = rec.head.oldest, true
		}
		next, found := slices.BinarySearch(seqs[:at], rec.head.prevSeq)
		if !found {
			next--
		}
		at = next
	}
	return r.retireOthers(seqs)
}

func (r *recovery) openFile(seq uint64) (*recovering, error) {
	f, err := r.open(fileName(r.journal.cfg.Dir, seq))
	if err != nil {
		return nil, err
	}
	f.seq = seq
	return r.readHead(f)
}

// retireOthers opens the files outside the chain: older than the oldest needed,
// or absorbed by a later one.
func (r *recovery) retireOthers(seqs []uint64) error {
	for _, seq := range seqs {
		if slices.ContainsFunc(r.files, func(f *recovering) bool { return f.file.seq == seq }) {
			continue
		}
		f, err := r.open(fileName(r.journal.cfg.Dir, seq))
		if err != nil {
			return err
		}
		r.retired = append(r.retired, f)
	}
	return nil
}

// missing is the loss of a file that must be there.
func (r *recovery) missing(seq uint64, neededBy string) error {
	return &DamageError{File: fileName(r.journal.cfg.Dir, seq), What: "missing; " + neededBy + " needs it"}
}

func (r *recovery) open(name string) (*file, error) {
	handle, err := r.t.Open(r.journal.env.Disk, name, env.OpenExisting)
	if err != nil {
		return nil, fmt.Errorf("journal: open %s: %w", name, err)
	}
	f := &file{name: name, handle: handle}
	r.opened = append(r.opened, f)
	if f.size, err = r.t.Size(handle); err != nil {
		return nil, fmt.Errorf("journal: size of %s: %w", name, err)
	}
	return f, nil
}

// readHead reads the head of a file: the first copy that is good.
func (r *recovery) readHead(f *file) (*recovering, error) {
	rec := &recovering{file: f}
	rec.scan = scanner{reader: reader{readAt: readWith(r.t, f.handle), size: f.size}, seq: f.seq}
	h, err := rec.scan.findHead()
	if errors.Is(err, ErrVersion) {
		return nil, fmt.Errorf("%s: %w", f.name, err)
	}
	if err != nil && rec.scan.failed != nil {
		r.passing = true
		if err = fmt.Errorf("read: %w", rec.scan.failed); r.patient {
			return nil, fmt.Errorf("journal: head of %s: %w", f.name, err)
		}
	}
	if err != nil {
		rec.headErr = &DamageError{File: f.name, Offset: 0, What: "head: " + err.Error()}
		return rec, nil
	}
	if err := r.identify(f.name, h.id); err != nil {
		return nil, err
	}
	rec.head, rec.scan.incarnation = h, h.incarnation
	f.incarnation, f.headEnd, f.oldest = h.incarnation, h.end, h.oldest
	for i := range h.table {
		if h.table[i].unread {
			f.unread = append(f.unread, h.table[i].group)
		}
	}
	return rec, nil
}

// identify compares the identity that a file has with the node's, and learns the
// disk from it.
func (r *recovery) identify(name string, found Identity) error {
	id := &r.journal.id
	if found.Cluster != id.Cluster || found.Node != id.Node || id.Disk != 0 && found.Disk != id.Disk {
		return fmt.Errorf("%w: %s is of cluster %d, node %d, disk %x; this is cluster %d, node %d, disk %x",
			ErrForeign, name, found.Cluster, found.Node, found.Disk, id.Cluster, id.Node, id.Disk)
	}
	id.Disk = found.Disk
	return nil
}

// findHead looks for the first copy at the beginning, then for the second one.
func (s *scanner) findHead() (head, error) {
	h, first := s.headAt(0)
	if first == nil {
		return h, nil
	}
	for off := int64(sectorBytes); off < s.size; off *= 2 {
		if h, err := s.headAt(off); err == nil {
			return h, nil
		}
	}
	return head{}, first
}

func (s *scanner) headAt(off int64) (head, error) {
	bh, err := parseHeader(s.at(off, headerBytes))
	if err != nil {
		return head{}, err
	}
	if bh.kind != batchHead || bh.offset != off || bh.seq != s.seq {
		return head{}, errPlace
	}
	h, _, err := parseHead(s.at(off, int(min(bh.length, s.size))))
	return h, err
}

// openSpares keeps spares of the right size and removes the others.
func (r *recovery) openSpares(numbers []uint64) error {
	j := r.journal
	for _, n := range numbers {
		name := spareName(j.cfg.Dir, n)
		j.spares.next = n + 1
		f, err := r.open(name)
		if err != nil {
			return err
		}
		if f.size == j.cfg.FileBytes && len(j.spares.ready) < j.cfg.Spares {
			if err := r.clearHeads(f); err != nil {
				return err
			}
			j.spares.ready = append(j.spares.ready, f)
			continue
		}
		f.handle.Close()
		if err := r.t.Remove(j.env.Disk, name); err != nil {
			return fmt.Errorf("journal: remove %s: %w", name, err)
		}
	}
	return nil
}

// clearHeads clears the places where second copies of heads stand. A recovery
// that died before its rename may have left one there for the file that comes
// next; when that file's own heads rot, it would pass for one of them. And it
// writes the last sector: the length may be known to the page cache alone, if
// the sync of the zeros failed. The sync of the head covers these writes.
func (r *recovery) clearHeads(f *file) error {
	places := []int64{f.size - sectorBytes}
	for off := int64(sectorBytes); off < f.size; off *= 2 {
		places = append(places, off)
	}
	for _, off := range places {
		if err := r.t.WriteAt(f.handle, zeros[:sectorBytes], off); err != nil {
			return fmt.Errorf("journal: write %s: %w", f.name, err)
		}
	}
	return nil
}

// goOn puts what may be in the page cache only into a fresh file, which follows
// prev and in which the journal continues. The bytes it replaces are void once
// that file has its name, and not before.
func (r *recovery) goOn(prev position) error {
	j := r.journal
	seq := max(j.witness.seq, j.witness.incarnation)
	if n := len(r.files); n > 0 {
		newest := r.files[n-1].file
		seq = max(seq, newest.seq)
		if newest.seq != prev.seq {
			r.retired = append(r.retired, newest)
		}
	}
	j.incarnation = seq + 1
	for _, f := range r.files {
		if f.file.seq <= prev.seq {
			j.files = append(j.files, f.file)
		}
	}
	f, places, err := j.startFile(r.t, seq+1, prev, func() []carriedRecord { return r.carried })
	if err != nil {
		return err
	}
	r.opened = append(r.opened, f)
	// Only now: until the next file has its name, these may be all there is.
	for _, f := range r.retired {
		j.traceMended(f)
	}
	j.spares.retired = append(j.spares.retired, r.retired...)
	if r.resync > 0 {
		j.env.Tracer.Trace(env.Event{Kind: env.EventResynced, File: f.name, Offset: f.headEnd, Length: r.resync})
	}
	for i := range r.carried {
		c := &r.carried[i]
		r.apply(&c.rec, extent{file: f, offset: places[i].offset, length: int(places[i].length)})
	}
	for _, g := range j.order {
		g.trim()
		g.commit = g.hs.Commit
		g.view.begin(j, g)
	}
	j.adopt(f)
	return nil
}

// report is what Groups says.
func (g *group) report() Recovered {
	return Recovered{
		Group: g.id, Replica: g.replica, HardState: g.view.hs,
		First: g.log.first(), Last: g.log.last, LastTerm: g.log.lastTerm(),
		CheckpointID: g.checkpoint.id, CheckpointIndex: g.checkpoint.index, CheckpointTerm: g.checkpoint.term,
		Fenced: g.fenced, Reason: g.reason(), Blank: g.blank, Disk: g.view.journal.id.Disk,
	}
}

func (g *group) reason() Reason {
	switch {
	case g.fenced == nil:
		return NotFenced
	case errors.Is(g.fenced, ErrBlank):
		return FencedBlank
	case g.unread:
		return FencedUnread
	}
	return FencedDamage
}

// fillWindow brings entries that are not known to be committed into memory.
func (r *recovery) fillWindow(g *group) {
	v := &g.view
	from := max(v.applied+1, v.log.first())
	if g.fenced != nil || from > v.log.last {
		return
	}
	var tail []*raftpb.Entry
	for next := from; next <= v.log.last; next = from + uint64(len(tail)) {
		entries, err := v.stretch(r.t, next, v.log.last)
		if err != nil {
			g.fence(err)
			return
		}
		tail = append(tail, entries...)
	}
	v.window.first = from
	for _, e := range tail {
		r.journal.hold(v, e)
	}
}
