package checker_test

import (
	"fmt"
	"testing"

	"github.com/lockstep-log/lockstep/checker"
)

// This file is a toy raft group of three that tells a Monitor what it does. Its
// steps are correct; tests plant faults between them.

type toyEntry struct {
	term uint64
	sum  uint32
}

// toyWrite is a journal record: entries from first on, or a hard state.
type toyWrite struct {
	first      uint64
	entries    []toyEntry
	term, vote uint64
	file       string
	off        int64
}

func (w *toyWrite) last() uint64 { return w.first + uint64(len(w.entries)) - 1 }

type toyAck struct {
	index, term, to uint64
}

type toyReplica struct {
	id          uint64 // and node
	up          bool
	term, vote  uint64
	role        checker.Role
	log         []toyEntry // log[i] is entry i+1
	writes      []toyWrite
	synced      int // writes that the engine knows to be durable
	acks        []toyAck
	match       map[uint64]uint64
	commit      uint64
	applied     uint64
	checkpoint  uint64
	acked       uint64 // produces
	incarnation uint64
	on          uint64 // its node, if it is another than its id
	base        uint64 // the log begins after it
}

func (r *toyReplica) host() uint64 {
	if r.on != 0 {
		return r.on
	}
	return r.id
}

type toyByte struct {
	node uint64
	file string
	off  int64
}

type toy struct {
	m       *checker.Monitor
	tap     func(checker.Event) // where events go: the monitor
	rs      []*toyReplica
	at      int64
	seq     uint64
	sum     uint32
	off     int64
	durable map[toyByte]bool
	offsets map[uint64]int64 // log end offset by index
	// changes are the configurations that entries make, by index.
	changes map[uint64]checker.Event
}

// newToy boots three empty replicas. minISR is the group's.
func newToy(minISR int) *toy {
	c := unbooted()
	c.m = checker.NewMonitor(toyConfig(minISR), func(node uint64, file string, off, _ int64) bool {
		return c.durable[toyByte{node, file, off}]
	})
	c.tap = c.m.Observe
	c.boot()
	return c
}

func toyConfig(minISR int) checker.Config {
	g := checker.Group{ID: 1, Topic: "t", MinISR: minISR}
	for id := uint64(1); id <= 3; id++ {
		g.Members = append(g.Members, checker.Member{Replica: id, Node: id})
	}
	return checker.Config{Groups: []checker.Group{g}}
}

func unbooted() *toy {
	c := &toy{durable: map[toyByte]bool{}, offsets: map[uint64]int64{}, changes: map[uint64]checker.Event{}}
	for id := uint64(1); id <= 3; id++ {
		c.rs = append(c.rs, &toyReplica{id: id})
	}
	return c
}

func (c *toy) boot() {
	for _, r := range c.rs {
		c.recover(r, true)
	}
}

func (c *toy) r(id uint64) *toyReplica { return c.rs[id-1] }

// turn begins a new turn: time goes on.
func (c *toy) turn() { c.at += 1000 }

func (c *toy) tell(r *toyReplica, e checker.Event) {
	c.seq++
	e.Seq, e.AtNs, e.Node = c.seq, c.at, r.host()
	if e.Kind != checker.EventCrashed && e.Kind != checker.EventLost && e.Kind != checker.EventBooted && e.Kind != checker.EventRecycled && e.Kind != checker.EventDiskLost {
		e.Group, e.Replica = 1, r.id
	}
	c.tap(e)
}

func (c *toy) become(r *toyReplica, role checker.Role, term uint64) {
	if r.role == role && r.term == term {
		return
	}
	if term > r.term {
		r.vote = 0
	}
	r.role, r.term = role, term
	c.tell(r, checker.Event{Kind: checker.EventRole, Role: role, Term: term})
}

func (w *toyWrite) event(kind checker.EventKind) checker.Event {
	e := checker.Event{Kind: kind, File: w.file, Offset: w.off, Length: 10}
	if w.first == 0 {
		e.Term, e.Vote = w.term, w.vote
	} else {
		e.First, e.Last, e.Term = w.first, w.last(), w.entries[len(w.entries)-1].term
	}
	return e
}

func (c *toy) write(r *toyReplica, w toyWrite) {
	c.off += 10
	w.file, w.off = fmt.Sprintf("journal-%d", r.incarnation), c.off
	r.writes = append(r.writes, w)
	c.tell(r, w.event(checker.EventWritten))
}

func (c *toy) writeState(r *toyReplica) { c.write(r, toyWrite{term: r.term, vote: r.vote}) }

// enter puts entries into the log from first on; they are on their way to the
// disk.
func (c *toy) enter(r *toyReplica, first uint64, entries []toyEntry) {
	c.enterWith(r, first, entries, false)
}

// enterWith writes the hard state before the entries.
func (c *toy) enterWith(r *toyReplica, first uint64, entries []toyEntry, state bool) {
	if len(entries) > 0 {
		r.log = r.log[: first-1 : first-1]
	}
	for i, e := range entries {
		r.log = append(r.log, e)
		c.tell(r, checker.Event{Kind: checker.EventEntry, Index: first + uint64(i), Term: e.term, Sum: e.sum})
	}
	if state {
		c.writeState(r)
	}
	if len(entries) > 0 {
		c.write(r, toyWrite{first: first, entries: entries})
	}
}

// sync makes everything written durable, says so, and lets acknowledgements go.
func (c *toy) sync(r *toyReplica) {
	c.turn()
	for ; r.synced < len(r.writes); r.synced++ {
		w := &r.writes[r.synced]
		c.durable[toyByte{r.host(), w.file, w.off}] = true
		c.tell(r, w.event(checker.EventPersisted))
	}
	c.sendAcks(r)
}

func (c *toy) sendAcks(r *toyReplica) {
	for _, a := range r.acks {
		c.tell(r, checker.Event{Kind: checker.EventAckSent, Index: a.index, Term: a.term, Peer: a.to})
		if l := c.r(a.to); l.up && l.role == checker.Leader && l.term == a.term {
			l.match[r.id] = max(l.match[r.id], a.index)
		}
	}
	r.acks = nil
}

func (r *toyReplica) lastTerm() uint64 {
	if len(r.log) == 0 {
		return 0
	}
	return r.log[len(r.log)-1].term
}

// wouldElect says whether r may vote for a candidate.
func (r *toyReplica) wouldElect(candidate *toyReplica, term uint64) bool {
	upToDate := candidate.lastTerm() > r.lastTerm() ||
		candidate.lastTerm() == r.lastTerm() && len(candidate.log) >= len(r.log)
	return r.up && r.term < term && upToDate
}

// elect lets r campaign; it leads if a majority votes for it.
func (c *toy) elect(r *toyReplica) bool {
	if !r.up {
		return false
	}
	c.turn()
	term := r.term + 1
	votes := 0
	for _, v := range append([]*toyReplica{r}, c.rs...) {
		switch {
		case v == r && votes > 0:
			continue
		case v == r:
			c.become(r, checker.Candidate, term)
		case v.wouldElect(r, term):
			c.become(v, checker.Follower, term)
		default:
			continue
		}
		v.vote = r.id
		c.writeState(v)
		c.sync(v)
		c.tell(v, checker.Event{Kind: checker.EventVoteSent, Term: term, Peer: r.id})
		votes++
	}
	if votes < 2 {
		return false
	}
	c.turn()
	c.become(r, checker.Leader, term)
	r.match = map[uint64]uint64{}
	c.propose(r)
	return true
}

// propose appends an entry to the leader's log.
func (c *toy) propose(l *toyReplica) {
	if !l.up || l.role != checker.Leader {
		return
	}
	c.turn()
	c.sum++
	c.enter(l, uint64(len(l.log))+1, []toyEntry{{l.term, c.sum}})
	l.acks = append(l.acks, toyAck{uint64(len(l.log)), l.term, l.id})
}

// replicate sends the leader's log to f. The acknowledgement leaves with f's
// next sync.
func (c *toy) replicate(l, f *toyReplica) {
	if !l.up || !f.up || l == f || l.role != checker.Leader || f.term > l.term {
		return
	}
	c.turn()
	commit := min(l.commit, uint64(len(l.log)))
	newTerm := f.term < l.term
	if commit > f.commit {
		f.commit = commit
		c.tell(f, checker.Event{Kind: checker.EventCommit, Index: commit, Term: l.term})
	}
	c.become(f, checker.Follower, l.term)
	i := 0
	for i < len(l.log) && i < len(f.log) && l.log[i] == f.log[i] {
		i++
	}
	c.enterWith(f, uint64(i)+1, l.log[i:], newTerm)
	f.acks = append(f.acks, toyAck{uint64(len(l.log)), l.term, l.id})
}

// advance lets the leader commit what a majority holds.
func (c *toy) advance(l *toyReplica) {
	if !l.up || l.role != checker.Leader {
		return
	}
	c.turn()
	for n := uint64(len(l.log)); n > l.commit && l.log[n-1].term == l.term; n-- {
		holders := 0
		for _, m := range l.match {
			if m >= n {
				holders++
			}
		}
		if holders >= 2 {
			l.commit = n
			c.tell(l, checker.Event{Kind: checker.EventCommit, Index: n, Term: l.term})
			return
		}
	}
}

// apply applies what is committed; a leader then acknowledges the produces. An
// entry with an even sum has one record, others have none.
func (c *toy) apply(r *toyReplica) {
	if !r.up {
		return
	}
	c.turn()
	for stable := r.stable(); r.applied < min(r.commit, stable); {
		r.applied++
		e := r.log[r.applied-1]
		if change, ok := c.changes[r.applied]; ok {
			c.tell(r, change)
		}
		c.tell(r, c.applyEvent(r.applied, e))
	}
	for r.role == checker.Leader && r.acked < r.applied {
		r.acked++
		if e := r.log[r.acked-1]; e.term == r.term && e.sum%2 == 0 {
			c.tell(r, checker.Event{Kind: checker.EventProduceAcked, Index: r.acked, Term: e.term, Offset: c.offsets[r.acked] - 1, Length: 1})
		}
	}
}

// stable is how far the log is durable: raft applies no further.
func (r *toyReplica) stable() uint64 {
	for i := r.synced; i < len(r.writes); i++ {
		if r.writes[i].first != 0 {
			return r.writes[i].first - 1
		}
	}
	return uint64(len(r.log))
}

func (c *toy) applyEvent(index uint64, e toyEntry) checker.Event {
	end := c.offsets[index-1]
	if e.sum%2 == 0 {
		end++
	}
	c.offsets[index] = end
	return checker.Event{Kind: checker.EventApply, Index: index, Term: e.term, Sum: e.sum, Offset: end}
}

func (c *toy) takeCheckpoint(r *toyReplica) {
	if r.up && r.applied > r.checkpoint {
		c.turn()
		r.checkpoint = r.applied
		c.tell(r, checker.Event{Kind: checker.EventCheckpoint, Index: r.applied})
	}
}

// crash ends the process. With power, a suffix of the unsynced writes is lost
// and what is left is durable; keep says how many survive at most.
func (c *toy) crash(r *toyReplica, power bool, keep int) {
	if !r.up {
		return
	}
	c.turn()
	r.up, r.role, r.acks = false, checker.Follower, nil
	c.tell(r, checker.Event{Kind: checker.EventCrashed})
	if !power {
		return
	}
	n := min(len(r.writes), r.synced+keep)
	for _, w := range r.writes[n:] {
		c.tell(r, checker.Event{Kind: checker.EventLost, File: w.file, Offset: w.off + 3, Length: 2})
	}
	r.writes = r.writes[:n]
	for _, w := range r.writes {
		c.durable[toyByte{r.host(), w.file, w.off}] = true
	}
}

// load reads the journal.
func (r *toyReplica) load() {
	r.term, r.vote, r.log = 0, 0, nil
	for _, w := range r.writes {
		if w.first == 0 {
			r.term, r.vote = w.term, w.vote
		} else {
			r.log = append(r.log[:w.first-1:w.first-1], w.entries...)
		}
	}
}

// recover restarts r. What may be in the page cache only is written again, if
// resync.
func (c *toy) recover(r *toyReplica, resync bool) {
	if r.up {
		return
	}
	c.turn()
	r.incarnation++
	r.load()
	if resync {
		c.rewrite(r)
		c.rewritten(r)
	}
	r.synced = len(r.writes)
	c.finishRecovery(r)
}

// rewrite hands what is not known to be durable to the disk again, and returns
// the first copies.
func (c *toy) rewrite(r *toyReplica) []toyWrite {
	again := r.writes[r.synced:]
	r.writes = r.writes[:r.synced:r.synced]
	for _, w := range again {
		c.write(r, w)
	}
	return again
}

func (c *toy) rewritten(r *toyReplica) {
	for _, w := range r.writes[r.synced:] {
		c.durable[toyByte{r.host(), w.file, w.off}] = true
		c.tell(r, w.event(checker.EventPersisted))
	}
}

// halfRecover crashes inside a recovery, after it has written the copies: they
// count if the file that holds them got its name.
func (c *toy) halfRecover(r *toyReplica, named, power bool) {
	if r.up {
		return
	}
	c.turn()
	r.incarnation++
	first := c.rewrite(r)
	if named {
		c.rewritten(r)
		r.synced = len(r.writes)
	} else {
		copies := r.writes[r.synced:]
		r.writes = append(r.writes[:r.synced:r.synced], first...)
		defer func() {
			for _, w := range copies {
				if power {
					c.tell(r, checker.Event{Kind: checker.EventLost, File: w.file, Offset: w.off, Length: 10})
				}
			}
		}()
	}
	r.up = true // as far as crash is concerned
	c.crash(r, power, 2)
}

func (c *toy) finishRecovery(r *toyReplica) {
	r.up = true
	r.commit, r.applied = min(r.commit, max(r.checkpoint, r.commit/2), uint64(len(r.log))), r.checkpoint
	c.tell(r, checker.Event{
		Kind: checker.EventRecovered, Term: r.term, Vote: r.vote, First: r.base + 1, Last: uint64(len(r.log)), Index: r.commit,
		Offset: int64(r.checkpoint),
	})
	if change, ok := c.upTo(r.checkpoint); ok {
		c.tell(r, change)
	}
	c.apply(r)
	c.tell(r, checker.Event{Kind: checker.EventBooted, Index: r.incarnation})
}

// spread replicates, syncs, commits and applies everywhere.
func (c *toy) spread(l *toyReplica) {
	for range 2 {
		for _, f := range c.rs {
			c.replicate(l, f)
		}
		for _, f := range c.rs {
			if f.up {
				c.sync(f)
			}
		}
		c.advance(l)
		c.apply(l)
	}
	for _, f := range c.rs {
		c.apply(f)
	}
}

// upTo is the newest configuration made by an entry at or before an index.
func (c *toy) upTo(index uint64) (checker.Event, bool) {
	for ; index > 0; index-- {
		if change, ok := c.changes[index]; ok {
			return change, true
		}
	}
	return checker.Event{}, false
}

// change proposes a configuration.
func (c *toy) change(l *toyReplica, voters, outgoing, learners []uint64) {
	c.propose(l)
	index := uint64(len(l.log))
	c.changes[index] = checker.Event{Kind: checker.EventMembers, Index: index, Term: l.term, Voters: voters, Outgoing: outgoing, Learners: learners}
}

// adopt begins a fresh replica on a node, from the checkpoint of one that was
// there.
func (c *toy) adopt(old *toyReplica, id uint64) *toyReplica {
	c.turn()
	r := &toyReplica{id: id, on: old.host(), incarnation: old.incarnation + 1, checkpoint: old.checkpoint, base: old.checkpoint}
	r.install(old.log, old.checkpoint)
	r.commit, r.applied = r.base, r.base
	c.rs = append(c.rs, r)
	c.tell(r, checker.Event{Kind: checker.EventReplica, Peer: old.id, Index: r.base})
	c.finishRecovery(r)
	return r
}

// install makes the log that of a snapshot.
func (r *toyReplica) install(log []toyEntry, index uint64) {
	r.log = append([]toyEntry(nil), log[:index]...)
	r.writes = []toyWrite{{term: r.term, vote: r.vote}}
	if index > 0 {
		r.writes = append(r.writes, toyWrite{first: 1, entries: r.log})
	}
	r.synced = len(r.writes)
	r.base, r.checkpoint = index, index
	r.commit, r.applied = max(r.commit, index), index
}

// snapshot brings f to the leader's checkpoint.
func (c *toy) snapshot(l, f *toyReplica) {
	c.turn()
	c.become(f, checker.Follower, l.term)
	c.writeState(f)
	c.sync(f)
	c.tell(f, checker.Event{Kind: checker.EventSnapshotStaged, Index: l.checkpoint, Length: 100})
	c.turn()
	f.install(l.log, l.checkpoint)
	c.off += 10
	c.durable[toyByte{f.host(), "journal-s", c.off}] = true
	c.tell(f, checker.Event{
		Kind: checker.EventSnapshot, Index: l.checkpoint, Term: l.log[l.checkpoint-1].term, File: "journal-s", Offset: c.off, Length: 10,
	})
	if change, ok := c.upTo(l.checkpoint); ok {
		c.tell(f, change)
	}
	f.acks = append(f.acks, toyAck{l.checkpoint, l.term, l.id})
	c.sendAcks(f)
}

// started is a group with replica 1 leading in term 1 and five entries applied
// everywhere.
func started(minISR int) *toy {
	c := newToy(minISR)
	c.elect(c.r(1))
	for range 4 {
		c.propose(c.r(1))
	}
	c.spread(c.r(1))
	return c
}

func violations(t *testing.T, r checker.Report, name string) int {
	t.Helper()
	v, ok := r.Verdict(name)
	if !ok {
		t.Fatalf("no verdict of %s", name)
	}
	return v.Violations
}

func wantClean(t interface {
	Fatalf(string, ...any)
	Helper()
}, r checker.Report,
) {
	t.Helper()
	for _, v := range r.Violations {
		t.Fatalf("objection to a legal run: %v", v)
	}
}
