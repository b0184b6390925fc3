package journal

import (
	"sort"

	"github.com/lockstep-log/lockstep/engine/env"
)

// extent is where a record with entries first..last stands. Entries after last
// that it holds too were cut since.
type extent struct {
	first, last uint64
	file        *file
	offset      int64
	length      int
}

// stretch is some bytes of a file, by its name at that time.
type stretch struct {
	file           string
	offset, length int64
}

// group is one raft group's share of the journal: what the batches written so
// far say of it. What raft sees, which runs ahead of that, is its View.
type group struct {
	id      env.GroupID
	replica env.ReplicaID
	view    View

	// hs and log are the state after the last record put into a batch: what the
	// next head must repeat. Recovery arrives at the same.
	hs      HardState
	log     outline
	extents []extent // ordered, without gaps; may begin after log.first()

	commit     uint64 // newest commit index, waits for a batch to ride on
	checkpoint checkpoint
	noted      bool // the checkpoint stands in a record or a head
	retain     uint64
	riding     bool // in Journal.riders
	rideNote   bool // this batch carries a note for it
	rideState  bool // this batch carries its hard state
	inBatch    uint64
	voids      int     // requests in the queue after which nothing is as before
	special    stretch // the last record that was no append
	fenced     error
	moving     bool   // its unapplied entries go into the file that is begun
	adoptedIn  uint64 // the file of its last adoption; 0: none that is known
	unread     bool   // fenced for what the disk did not give, not for good
	blank      bool   // fenced, and this disk never knew who it was
}

// stateFor is the hard state a record written now carries: the request's term
// and vote, and the commit index as far as the records vouch for it.
func (g *group) stateFor(changed bool, hs HardState) HardState {
	s := g.hs
	if changed {
		s.Term, s.Vote = hs.Term, hs.Vote
	}
	s.Commit = max(s.Commit, g.provenCommit())
	return s
}

// provenCommit is the newest commit index whose entries are in the records: the
// view runs ahead of them, and a commit index written over entries that are yet
// to be replaced would commit the wrong ones. One entry with the view's term
// proves all before it (log matching).
func (g *group) provenCommit() uint64 {
	c := min(g.commit, g.log.last)
	written, a := g.log.term(c)
	seen, b := g.view.log.term(c)
	if a && b && written == seen {
		return c
	}
	return 0
}

// logExtent enters entries first..last of the extent, which replace what stands
// from first on.
func (g *group) logExtent(x extent) {
	n := len(g.extents)
	for n > 0 && g.extents[n-1].first >= x.first {
		n--
	}
	if n > 0 {
		g.extents[n-1].last = min(g.extents[n-1].last, x.first-1)
	}
	g.extents = append(g.extents[:n], x)
}

// restart makes the log void; it goes on after the checkpoint.
func (g *group) restart(c checkpoint, hs HardState) {
	g.log = newOutline(c.index, c.term)
	g.extents = g.extents[:0]
	g.hs, g.checkpoint = hs, c
	g.hs.Commit = max(g.hs.Commit, c.index)
}

// adopt makes the group another replica, that begins at the checkpoint.
func (g *group) adopt(id env.ReplicaID, c checkpoint, file uint64) {
	g.replica, g.adoptedIn = id, file
	g.restart(c, HardState{})
	g.fenced, g.unread, g.blank = nil, false, false
}

// forget drops extents in files before oldest and what only they held.
func (g *group) forget(oldest uint64) {
	n := 0
	for n < len(g.extents) && g.extents[n].file.seq < oldest {
		n++
	}
	if n == 0 {
		return
	}
	g.extents = append(g.extents[:0], g.extents[n:]...)
	first := g.log.last + 1
	if len(g.extents) > 0 {
		first = g.extents[0].first
	}
	g.log.compact(first)
	if g.voids == 0 { // else the view has another log already
		g.view.compact(first)
	}
}

// row is the group's row in the next head.
func (g *group) row() tableRow {
	r := tableRow{
		group: g.id, replica: g.replica, hs: g.hs, first: g.log.first(),
		log: g.log.since(min(g.hs.Commit, g.log.last)), checkpoint: g.checkpoint,
	}
	if g.fenced != nil {
		r.fenced, r.unread, r.blank, r.reason = true, g.unread, g.blank, reasonText(g.fenced)
	}
	return r
}

// find gives the position of the extent that holds index, or of the first one
// after it.
func (g *group) find(index uint64) int {
	return sort.Search(len(g.extents), func(n int) bool { return g.extents[n].last >= index })
}
