package journal_test

import (
	"fmt"
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
	cpTerm     uint64 // of the last restart
	noted      uint64 // the checkpoint that the journal knows, restarts apart
	retain     uint64
}

// state is a log from index 1 on, and a hard state. The first void entries are
// nil: a checkpoint beyond the end of the log took their place.
type state struct {
	log  []*raftpb.Entry
	hs   journal.HardState
	void uint64
}

func (s *state) last() uint64 { return uint64(len(s.log)) }

func newModel(n *node, groups int) *model {
	m := &model{node: n, groups: map[env.GroupID]*groupModel{}, size: groups}
	for i := range groups {
		m.groups[env.GroupID(i+1)] = &groupModel{states: []state{{}}}
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
	if to := min(g.now().hs.Commit, agree(g.now(), &g.states[g.acked])); to > g.applied {
		g.applied = to
		m.j.View(id).SetApplied(to)
	}
}

// compact reports a checkpoint at what is applied and lets go of all before it.
func (m *model) compact(id env.GroupID) {
	m.checkpointed(id)
	if g := m.groups[id]; g.checkpoint > 0 {
		m.retain(id, g.checkpoint+1)
	}
}

// checkpointed reports a checkpoint at what is applied, if the journal does not
// know of it: a note of one may be lost.
func (m *model) checkpointed(id env.GroupID) {
	g := m.groups[id]
	if g.applied > g.noted && g.applied <= g.now().last() {
		g.cpID++
		g.checkpoint, g.noted = g.applied, g.applied
		m.j.Checkpointed(id, g.cpID, g.applied, g.termOf(g.applied))
	}
}

func (m *model) retain(id env.GroupID, from uint64) {
	g := m.groups[id]
	g.retain = max(g.retain, from)
	m.j.Retain(id, from)
}

// restart reports a checkpoint beyond the end of the log, as after a snapshot.
func (m *model) restart(id env.GroupID, beyond uint64) {
	g := m.groups[id]
	g.cpID++
	g.checkpoint = g.now().last() + beyond
	m.restarted(id, g.now().hs.Term)
}

// restarted tells the journal of a checkpoint that its log does not reach.
func (m *model) restarted(id env.GroupID, term uint64) {
	g := m.groups[id]
	next := state{log: make([]*raftpb.Entry, g.checkpoint), void: g.checkpoint, hs: g.now().hs}
	next.hs.Commit = max(next.hs.Commit, g.checkpoint)
	g.states = append(g.states, next)
	g.applied, g.cpTerm = g.checkpoint, term
	m.j.Checkpointed(id, g.cpID, g.checkpoint, term)
	m.retain(id, g.checkpoint+1)
	if next.hs.Term < term { // lost with what was not durable; a snapshot's term is known
		m.append(id, journal.HardState{Term: term, Commit: next.hs.Commit}, nil)
	}
}

// termOf is the term of an entry, or of the checkpoint before the first one.
func (g *groupModel) termOf(index uint64) uint64 {
	if index == g.now().void {
		return g.cpTerm
	}
	return g.now().log[index-1].GetTerm()
}

// floor is from which entry on the log must still be there.
func (g *groupModel) floor() uint64 { return max(1, min(g.checkpoint+1, g.retain)) }

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
	if r.Fenced != nil {
		m.tb.Fatalf("group %d is fenced: %v", r.Group, r.Fenced)
	}
	if r.First > g.floor() {
		m.tb.Fatalf("group %d: first entry %d, entries from %d on must be kept", r.Group, r.First, g.floor())
	}
	if r.CheckpointIndex > g.checkpoint || r.First > r.CheckpointIndex+1 {
		m.tb.Fatalf("group %d: checkpoint at %d of %d, first entry %d", r.Group, r.CheckpointIndex, g.checkpoint, r.First)
	}
	got := state{hs: r.HardState}
	if r.First <= r.Last {
		got.log = m.all(r.Group)
	}
	if m.crashed {
		return false
	}
	at := g.match(r, &got)
	if at < 0 {
		m.tb.Fatalf("group %d recovered as %+v, entries %s; acknowledged state %d of %d: %s", r.Group, r, describe(got.log), g.acked, len(g.states), describe(g.states[g.acked].log))
	}
	found := g.states[at]
	found.hs.Commit = max(r.HardState.Commit, g.checkpoint)
	found.log = found.log[:r.Last]
	g.states, g.acked = []state{found}, 0
	g.applied, g.noted = found.hs.Commit, r.CheckpointIndex
	if r.Last < g.checkpoint { // the machine has it, and says so again
		m.restarted(r.Group, g.cpTerm)
	}
	m.j.View(r.Group).SetApplied(g.applied)
	return true
}

// match finds the state, acknowledged or later, that was recovered. An append
// too big for one batch may be there in part.
func (g *groupModel) match(r journal.Recovered, got *state) int {
	for at := len(g.states) - 1; at >= g.acked; at-- {
		s := &g.states[at]
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

// common is how far state at agrees with the one before it. A restart is there
// or not.
func (g *groupModel) common(at int) uint64 {
	if s := &g.states[at]; s.void != g.states[at-1].void {
		return s.last()
	}
	return agree(&g.states[at-1], &g.states[at])
}

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
