package replica

import (
	"cmp"
	"math"
	"slices"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/isr"
)

// insync is what a replica knows of the in-sync set: the replicated state on
// all, the rest on a leader that has committed in its term.
type insync struct {
	state   isr.State
	tracker *isr.Tracker // nil while not leading
	inForce []env.ReplicaID
	due     bool   // a tick passed since the last review
	pending uint64 // index of a proposed change that is not applied; 0: none

	answered []env.ReplicaID // heard from since the last turn
	match    []member        // durable ends by member, sorted by id
	retain   uint64          // journal entries below this are durable on all members; 0: unknown

	scratch []uint64
	wanted  []env.ReplicaID
}

type member struct {
	id    env.ReplicaID
	match uint64
}

func (s *insync) grew(now time.Duration, end uint64) {
	if s.tracker != nil {
		s.tracker.Grew(now, end)
	}
}

func (s *insync) heard(from env.ReplicaID) {
	if s.tracker != nil && !slices.Contains(s.answered, from) {
		s.answered = append(s.answered, from)
	}
}

// committed takes over a replicated change.
func (s *insync) committed(state isr.State) {
	s.state = state
	if s.pending != 0 && state.Version >= s.pending {
		s.pending = 0
	}
	s.due = true
}

func (s *insync) stopLeading() {
	s.tracker, s.inForce, s.answered, s.match = nil, nil, s.answered[:0], s.match[:0]
	s.pending, s.retain = 0, 0
}

// lead does what only a leader does at the end of a turn: follow its followers,
// keep the in-sync set, and acknowledge. It follows them from its election on:
// if it waited for its term's first commit, a follower lost meanwhile would be
// given the benefit of the doubt twice.
func (r *Replica) lead() {
	s := &r.insync
	now := r.now()
	if s.tracker == nil {
		voters, learners := splitIDs(r.members.Members)
		s.tracker = isr.NewTracker(now, r.cfg.ISRLag, r.cfg.Self, voters, s.state, r.lastIndex)
		s.tracker.SetFollowers(voters, learners)
	}
	r.readProgress()
	for _, id := range s.answered {
		s.tracker.Heard(now, id, s.matchOf(id))
	}
	s.answered = s.answered[:0]
	if r.readyTerm != r.term {
		return
	}
	if s.due || len(s.inForce) == 0 {
		s.due = false
		r.reviewInSync(now)
	}
	if r.changes.due && r.rn != nil {
		r.changes.due = false
		r.reviewMembership(now)
	}
	if r.rn != nil {
		r.proposeMark()
	}
	r.acknowledge()
	if r.rn != nil {
		r.reads.answer(r)
	}
}

// readProgress copies every member's durable end from raft.
func (r *Replica) readProgress() {
	s := &r.insync
	s.match = s.match[:0]
	r.rn.WithProgress(func(id uint64, _ raft.ProgressType, p tracker.Progress) {
		s.match = append(s.match, member{id: env.ReplicaID(id), match: p.Match})
	})
	slices.SortFunc(s.match, func(a, b member) int { return cmp.Compare(a.id, b.id) })
	least := uint64(math.MaxUint64)
	for _, m := range s.match {
		least = min(least, m.match)
	}
	// Of the last entry that all have only the term is needed, to probe with; the
	// journal knows it without the entry.
	if least >= s.retain {
		s.retain = least + 1
		r.cfg.Journal.Retain(r.cfg.Group, s.retain)
	}
}

func (s *insync) matchOf(id env.ReplicaID) uint64 {
	for _, m := range s.match {
		if m.id == id {
			return m.match
		}
	}
	return 0
}

// reviewInSync recomputes the set in force and proposes a change where the
// replicated set should be another.
func (r *Replica) reviewInSync(now time.Duration) {
	s := &r.insync
	before := len(s.inForce)
	s.wanted = append(s.wanted[:0], s.inForce...)
	s.inForce = s.tracker.InForce(s.inForce[:0], now, s.state)
	if before == 0 && len(s.inForce) > 0 || !slices.Equal(s.wanted, s.inForce) {
		r.trace(env.Event{Kind: env.EventISR, Term: r.term, Index: s.state.Version, Set: r.InSync(nil)})
	}
	s.wanted = s.tracker.Wanted(s.wanted[:0], now, s.state, r.commit)
	if s.pending != 0 || slices.Equal(s.wanted, s.state.Members) {
		return
	}
	rd, err := r.proposeEntries([]*raftpb.Entry{{Data: isrCommand(s.wanted)}})
	if err != nil {
		return // refused for now; the next tick tries again
	}
	s.pending = rd.Entries[len(rd.Entries)-1].GetIndex()
	r.ready(rd)
}

// acknowledge answers waiters that are durable where they must be.
func (r *Replica) acknowledge() {
	if r.waiters.len() == 0 {
		return
	}
	s := &r.insync
	s.scratch = s.scratch[:0]
	for _, id := range s.inForce {
		s.scratch = append(s.scratch, s.matchOf(id))
	}
	index := min(r.applied, isr.AckIndex(s.scratch, s.matchOf(r.cfg.Self), r.cfg.MinISR))
	r.waiters.acknowledge(index, r.traceAck)
}

func (r *Replica) traceAck(p *proposal) {
	r.trace(env.Event{
		Kind: env.EventProduceAcked, Index: p.index, Term: p.term,
		Offset: p.result.Offset, Length: p.end - p.result.Offset, First: uint64(r.cfg.MinISR),
	})
}
