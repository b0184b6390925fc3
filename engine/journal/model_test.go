package journal_test

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
)

// model is the simple truth that a journal is compared with: for each group
// every state it went through, and how far those are acknowledged. After a
// crash the journal must be in the last acknowledged state or a later one.
type model struct {
	*node
	groups map[env.GroupID]*groupModel
	size   int    // of groups
	boots  uint64 // the last incarnation
}

type groupModel struct {
	states     []state
	acked      int    // states[acked] was acknowledged
	applied    uint64 // told to the view
	checkpoint uint64
	cpID       uint64
	noted      uint64 // the checkpoint that the journal knows
	retain     uint64
}

// state is a log from index 1 on, and a hard state. Of entries up to base nothing
// is known but that a checkpoint covers them.
type state struct {
	log     []*raftpb.Entry
	hs      journal.HardState
	base    uint64
	replica env.ReplicaID
	fenced  bool
	cp      uint64 // newest checkpoint that may be noted
}

func (s *state) last() uint64 { return uint64(len(s.log)) }

func newModel(n *node, groups int) *model {
	m := &model{node: n, groups: map[env.GroupID]*groupModel{}, size: groups}
	for i := range groups {
		m.groups[env.GroupID(i+1)] = &groupModel{states: []state{{replica: env.ReplicaID(100 + i)}}}
	}
	return m
}

func (g *groupModel) now() *state { return &g.states[len(g.states)-1] }

// append hands entries and a hard state to the journal and to the model.
func (m *model) append(id env.GroupID, hs journal.HardState, entries []*raftpb.Entry) {
	g := m.groups[id]
	next := *g.now()
	if len(entries) > 0 {
		first := entries[0].GetIndex()
		next.log = append(next.log[:first-1:first-1], entries...)
	}
	if hs != (journal.HardState{}) {
		next.hs = hs
	}
	if next.hs.Commit < g.now().hs.Commit || len(entries) > 0 && entries[0].GetIndex() <= g.now().hs.Commit {
		panic("the test cuts what is committed")
	}
	g.states = append(g.states, next)
	mark := len(g.states) - 1
	m.j.Append(id, hs, entries, func() {
		if mark < g.acked {
			m.tb.Fatalf("group %d: append %d done after %d", id, mark, g.acked)
		}
		g.acked = mark
	})
}

// commit moves the commit index as raft does when nothing else happens.
func (m *model) commit(id env.GroupID, to uint64) {
	g := m.groups[id]
	next := *g.now()
	if next.fenced {
		return
	}
	next.hs.Commit = max(next.hs.Commit, min(to, next.last()))
	if next.hs.Commit == 0 {
		return
	}
	g.states = append(g.states, next)
	m.j.Append(id, next.hs, nil, nil)
}

// apply tells that everything durable and committed is applied.
func (m *model) apply(id env.GroupID) {
	g := m.groups[id]
	if g.now().fenced {
		return
	}
	if to := min(g.now().hs.Commit, agree(g.now(), &g.states[g.acked])); to > g.applied {
		g.applied = to
		m.j.View(id).SetApplied(to)
	}
}

// compact reports a checkpoint at what is applied and lets go of all before it.
func (m *model) compact(id env.GroupID) {
	m.checkpointed(id)
	if g := m.groups[id]; g.checkpoint > 0 && !g.now().fenced {
		m.retain(id, g.checkpoint+1)
	}
}

func (m *model) retain(id env.GroupID, from uint64) {
	g := m.groups[id]
	g.retain = max(g.retain, from)
	m.j.Retain(id, from)
}

// checkpointed reports a checkpoint at what is applied, if the journal does not
// know of it: a note of one may be lost.
func (m *model) checkpointed(id env.GroupID) {
	g := m.groups[id]
	if g.now().fenced {
		return
	}
	if g.applied > g.noted {
		g.cpID++
		g.checkpoint, g.noted = g.applied, g.applied
		for i := g.acked; i < len(g.states); i++ {
			if s := &g.states[i]; s.replica == g.now().replica {
				s.cp = max(s.cp, g.checkpoint)
			}
		}
		m.j.Checkpointed(id, g.cpID, g.applied, g.now().log[g.applied-1].GetTerm())
	}
}

// later hands a special change to the model and gives the callback for the
// journal.
func (m *model) later(id env.GroupID, next state) (done func()) {
	g := m.groups[id]
	g.states = append(g.states, next)
	mark := len(g.states) - 1
	return func() { g.acked = max(g.acked, mark) }
}

// fence silences the replica.
func (m *model) fence(id env.GroupID) {
	next := *m.groups[id].now()
	next.fenced = true
	done := m.later(id, next)
	m.j.Fence(id, errors.New("the test says so"))
	m.j.Drained(id, done)
}

// adopt goes on under the next id, from the checkpoint or from nothing.
func (m *model) adopt(id env.GroupID, fromNothing bool) {
	g := m.groups[id]
	now := g.now()
	term := uint64(0)
	if fromNothing {
		g.checkpoint = 0
	} else if g.checkpoint > 0 {
		term = 1
	}
	g.applied, g.noted, g.retain, g.cpID = g.checkpoint, g.checkpoint, 0, g.cpID+1
	c := g.checkpoint
	next := state{log: make([]*raftpb.Entry, c), base: c, cp: c, replica: now.replica + 1, hs: journal.HardState{Commit: c}}
	if err := m.j.Adopt(id, next.replica, g.cpID, c, term, m.later(id, next)); err != nil {
		m.tb.Fatalf("group %d: adopt: %v", id, err)
	}
}

// restart installs a snapshot beyond what is committed: over the log or a part
// of it.
func (m *model) restart(id env.GroupID, index uint64, newTerm bool) {
	g := m.groups[id]
	next := *g.now()
	if index <= next.hs.Commit {
		panic("the test goes back behind what is committed")
	}
	next.log, next.base, next.cp, next.hs.Commit = make([]*raftpb.Entry, index), index, index, index
	if newTerm || next.hs.Term == 0 {
		next.hs.Term, next.hs.Vote = next.hs.Term+1, 0
	}
	g.cpID++
	g.checkpoint, g.applied, g.noted = index, index, index
	m.j.Restart(id, next.hs, g.cpID, index, next.hs.Term, m.later(id, next))
	m.retain(id, index+1)
}

// beyond reports a checkpoint that the log does not reach: a restart by another
// name, of which nobody is told.
func (m *model) beyond(id env.GroupID, by uint64) {
	g := m.groups[id]
	next := *g.now()
	index := next.last() + by
	next.log, next.base, next.cp, next.hs.Commit = make([]*raftpb.Entry, index), index, index, index
	g.cpID++
	g.checkpoint, g.applied, g.noted = index, index, index
	m.j.Checkpointed(id, g.cpID, index, next.hs.Term)
	m.j.Drained(id, m.later(id, next))
	m.retain(id, index+1)
}

// recovered opens the journal and checks it against the model, which goes on
// from what was found. false: the process crashed meanwhile.
func (m *model) recovered() bool {
	m.tb.Helper()
	return m.open() && m.checkAll()
}

func (m *model) checkAll() bool {
	m.tb.Helper()
	if boots := m.j.Incarnation(); boots <= m.boots {
		m.tb.Fatalf("incarnation %d after %d", boots, m.boots)
	}
	m.boots = m.j.Incarnation()
	for _, r := range m.j.Groups() {
		if !m.check(r) {
			return false
		}
	}
	return true
}

func (m *model) check(r journal.Recovered) bool {
	m.tb.Helper()
	g := m.groups[r.Group]
	got := state{hs: r.HardState}
	if r.First <= r.Last && r.Fenced == nil {
		got.log = m.all(r.Group)
	}
	if m.crashed {
		return false
	}
	at := g.match(r, &got)
	if at < 0 {
		if r.Fenced != nil {
			m.tb.Fatalf("group %d is fenced: %v", r.Group, r.Fenced)
		}
		m.tb.Fatalf("group %d recovered as %+v, entries %s; acknowledged state %d of %d: %s", r.Group, r, describe(got.log), g.acked, len(g.states), describe(g.states[g.acked].log))
	}
	found := g.states[at]
	if found.fenced {
		g.states, g.acked = []state{found}, 0
		return true
	}
	if g.checkpoint = found.cp; found.replica != g.now().replica {
		g.retain = r.First // what was told of the one that is not there does not count
	}
	if floor := m.floor(g, &found); r.First > floor {
		m.tb.Fatalf("group %d: first entry %d, entries from %d on must be kept", r.Group, r.First, floor)
	}
	if r.CheckpointIndex > found.cp || r.First > r.CheckpointIndex+1 {
		m.tb.Fatalf("group %d: checkpoint at %d of %d, first entry %d", r.Group, r.CheckpointIndex, found.cp, r.First)
	}
	found.hs.Commit = max(r.HardState.Commit, g.checkpoint)
	found.log = found.log[:r.Last]
	g.states, g.acked = []state{found}, 0
	g.applied, g.noted = found.hs.Commit, r.CheckpointIndex
	m.j.View(r.Group).SetApplied(g.applied)
	return true
}

// floor is the first entry that must be there.
func (m *model) floor(g *groupModel, s *state) uint64 {
	soft := max(1, g.retain)
	if m.cfg.RetainBytes < 1<<20 {
		soft = math.MaxUint64 // nothing is promised to followers
	}
	return max(min(g.checkpoint+1, soft), s.base+1)
}

// match finds the state, acknowledged or later, that was recovered. An append
// too big for one batch may be there in part.
func (g *groupModel) match(r journal.Recovered, got *state) int {
	for at := len(g.states) - 1; at >= g.acked; at-- {
		s := &g.states[at]
		if s.replica != r.Replica || s.fenced != (r.Fenced != nil) {
			continue
		}
		if s.fenced {
			return at
		}
		if r.First <= s.base || r.Last < s.base {
			continue
		}
		whole := s.last() == r.Last || at > g.acked && r.Last < s.last() && r.Last >= g.common(at)
		if !whole || s.hs.Term != got.hs.Term || s.hs.Vote != got.hs.Vote {
			continue
		}
		equal := true
		for _, e := range got.log {
			equal = equal && same(e, s.log[e.GetIndex()-1])
		}
		if equal && uint64(len(got.log)) == r.Last-r.First+1 {
			return at
		}
	}
	return -1
}

// common is how far state at agrees with the one before it.
func (g *groupModel) common(at int) uint64 { return agree(&g.states[at-1], &g.states[at]) }

func agree(a, b *state) uint64 {
	n := 0
	for n < min(len(a.log), len(b.log)) && a.log[n] == b.log[n] {
		n++
	}
	return uint64(n)
}

func describe(log []*raftpb.Entry) string {
	var b strings.Builder
	for _, e := range log {
		fmt.Fprintf(&b, " %d@%d", e.GetIndex(), e.GetTerm())
	}
	return b.String()
}
