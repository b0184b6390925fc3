package journal_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"pgregory.net/rapid"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
)

// machine drives the journal and the model with the same random life.
type machine struct {
	*model
	t *rapid.T
}

func TestStateMachine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := smallConfig()
		cfg.Spares = rapid.IntRange(1, 2).Draw(t, "spares")
		cfg.WindowBytes = rapid.Int64Range(1, 20<<10).Draw(t, "window")
		cfg.RetainBytes = rapid.SampledFrom([]int64{0, 4 * cfg.FileBytes, cfg.RetainBytes}).Draw(t, "retain")
		n := newNode(t, rapid.Uint64().Draw(t, "seed"), cfg, crashGroups)
		m := &machine{newModel(n, crashGroups), t}
		m.recovered()
		t.Repeat(map[string]func(*rapid.T){
			"":           m.invariants,
			"append":     m.anyAppend,
			"overwrite":  m.anyReplace,
			"vote":       m.anyVote,
			"commit":     m.anyCommit,
			"barrier":    m.anyBarrier,
			"apply":      func(t *rapid.T) { m.apply(m.any(t)) },
			"compact":    func(t *rapid.T) { m.compact(m.any(t)) },
			"checkpoint": func(t *rapid.T) { m.checkpointed(m.any(t)) },
			"retain":     m.anyRetain,
			"beyond":     m.anyBeyond,
			"read":       m.anyRead,
			"replay":     m.anyReplay,
			"some time":  func(t *rapid.T) { m.someTime(rapid.IntRange(1, 12).Draw(t, "operations")) },
			"settle":     func(*rapid.T) { m.settle() },
			"crash":      m.anyCrash,
			"snapshot":   m.anyRestart,
			"replace":    m.anyLife,
			"fail":       m.anyFailure,
			"clean stop": m.stop,
		})
		m.settle()
		m.crash(loseAll)
		m.recovered()
	})
}

func (m *machine) any(t *rapid.T) env.GroupID {
	return env.GroupID(rapid.IntRange(1, crashGroups).Draw(t, "group"))
}

func (m *machine) anyAppend(t *rapid.T) {
	id := m.speaking(t)
	now := m.groups[id].now()
	hs := journal.HardState{}
	if now.hs.Term == 0 {
		hs.Term, hs.Commit = 1, now.hs.Commit
	}
	m.append(id, hs, m.entries(t, now.last()+1, max(1, now.hs.Term)))
}

// speaking is any group that is not fenced; the test goes on without if all are.
func (m *machine) speaking(t *rapid.T) env.GroupID {
	id := m.any(t)
	if m.groups[id].now().fenced {
		t.Skip("fenced")
	}
	return id
}

// anyRestart installs a snapshot, over a part of the log or beyond it.
func (m *machine) anyRestart(t *rapid.T) {
	id := m.speaking(t)
	now := m.groups[id].now()
	index := rapid.Uint64Range(now.hs.Commit+1, now.last()+5).Draw(t, "index")
	m.restart(id, index, rapid.Bool().Draw(t, "new term"))
}

// anyLife fences a replica, or lets its group go on as the next one.
func (m *machine) anyLife(t *rapid.T) {
	id := m.any(t)
	if !m.groups[id].now().fenced {
		m.fence(id)
		if rapid.Bool().Draw(t, "wait") {
			return
		}
	}
	m.adopt(id, rapid.Bool().Draw(t, "from nothing"))
}

// anyReplace is a new leader's append over what is not committed.
func (m *machine) anyReplace(t *rapid.T) {
	id := m.speaking(t)
	now := m.groups[id].now()
	from := rapid.Uint64Range(now.hs.Commit+1, now.last()+1).Draw(t, "from")
	hs := journal.HardState{Term: now.hs.Term + 1, Commit: now.hs.Commit}
	entries := m.entries(t, from, hs.Term)
	if rapid.Bool().Draw(t, "commits") {
		hs.Commit = entries[len(entries)-1].GetIndex()
	}
	m.append(id, hs, entries)
}

func (m *machine) entries(t *rapid.T, from, term uint64) []*raftpb.Entry {
	count := rapid.Uint64Range(1, 4).Draw(t, "count")
	size := rapid.SampledFrom([]int{0, 30, 700, 1800, 5000}).Draw(t, "size")
	m.size++
	return span(from, from+count-1, term, fmt.Sprintf("%d%s", m.size, strings.Repeat("e", size)))
}

func (m *machine) anyVote(t *rapid.T) {
	id := m.speaking(t)
	hs := m.groups[id].now().hs
	if hs.Vote > 0 || hs.Term == 0 || rapid.Bool().Draw(t, "new term") {
		hs.Term++
	}
	hs.Vote = env.ReplicaID(rapid.IntRange(0, 3).Draw(t, "for"))
	m.append(id, hs, nil)
}

func (m *machine) anyCommit(t *rapid.T) {
	id := m.any(t)
	now := m.groups[id].now()
	if now.hs.Term > 0 {
		m.commit(id, rapid.Uint64Range(now.hs.Commit, now.last()).Draw(t, "to"))
	}
}

// anyRead asks as raft does: what is at hand must be right, and what must be at
// hand is.
func (m *machine) anyRead(t *rapid.T) {
	id := m.any(t)
	g, v := m.groups[id], m.j.View(id)
	first, _ := v.FirstIndex()
	last, _ := v.LastIndex()
	if first > last || g.now().fenced {
		return
	}
	lo := rapid.Uint64Range(first, last).Draw(t, "lo")
	got, err := v.Entries(lo, last+1, rapid.SampledFrom([]uint64{0, 2000, math.MaxUint64}).Draw(t, "bytes"))
	if err != nil && (!errors.Is(err, raft.ErrCompacted) || lo > g.applied) {
		t.Fatalf("Entries of group %d from %d, applied %d: %v", id, lo, g.applied, err)
	}
	for i, e := range got {
		if want := g.now().log[lo-1+uint64(i)]; !same(e, want) {
			t.Fatalf("group %d: entry %d is not the one appended", id, want.GetIndex())
		}
	}
}

func (m *machine) someTime(n int) {
	for range n {
		if !m.step() {
			return
		}
	}
}

// anyCrash ends the process, maybe in the midst of things, and maybe again
// while it recovers.
func (m *machine) anyCrash(t *rapid.T) {
	if rapid.Bool().Draw(t, "soon") {
		m.someTime(rapid.IntRange(0, 10).Draw(t, "operations"))
	}
	ways := rapid.SliceOfN(rapid.IntRange(-1, int(losses)-1), 1, 3).Draw(t, "losses")
	for _, l := range ways[1:] {
		m.crash(loss(l))
		m.crashAt = m.steps + rapid.IntRange(0, 40).Draw(t, "recovery")
		m.recovered()
	}
	m.crash(loss(ways[0]))
	m.recovered()
}

func (m *machine) stop(*rapid.T) {
	closed := false
	m.j.Close(func(err error) { closed = err == nil })
	m.run(func() bool { return closed })
	for id, g := range m.groups {
		if g.acked < len(g.states)-1 && g.states[g.acked].last() != g.now().last() {
			m.t.Fatalf("group %d: closed with appends not done", id)
		}
		g.acked = len(g.states) - 1 // what was queued is written
	}
	m.crash(loseAll)
	m.recovered()
}

func (m *machine) invariants(t *rapid.T) {
	if m.failed != nil {
		t.Fatalf("failed: %v", m.failed)
	}
	s := m.j.Stats()
	if s.PinnedBytes > s.WindowBytes || s.PinnedBytes < 0 || s.ColdBytes < 0 || m.j.Pressure() != (s.PinnedBytes > m.cfg.WindowBytes) {
		t.Fatalf("memory does not add up: %+v", s)
	}
	for id := env.GroupID(1); id <= crashGroups; id++ {
		g, v := m.groups[id], m.j.View(id)
		if g.now().fenced {
			continue
		}
		if err := v.Damage(); err != nil {
			t.Fatalf("group %d: %v", id, err)
		}
		hs, _, _ := v.InitialState()
		if want := g.now().hs; hs.GetTerm() != want.Term || hs.GetVote() != uint64(want.Vote) || hs.GetCommit() != want.Commit {
			t.Fatalf("group %d: hard state %v, want %+v", id, hs, want)
		}
		first, _ := v.FirstIndex()
		last, _ := v.LastIndex()
		if last != g.now().last() || first > m.floor(g, g.now()) {
			t.Fatalf("group %d: log %d..%d, want the last entry %d", id, first, last, g.now().last())
		}
		for i := first; i <= last; i++ {
			if term, err := v.Term(i); err != nil || term != g.now().log[i-1].GetTerm() {
				t.Fatalf("group %d: term of %d: %d, %v", id, i, term, err)
			}
		}
	}
	m.laggards(t)
}

// laggards: whom a checkpoint would help, as long as there are files enough.
func (m *machine) laggards(t *rapid.T) {
	for files := range 3 {
		named := m.j.Laggards(files)
		if !slices.IsSorted(named) || len(named) > 0 && m.j.Stats().Files <= files {
			t.Fatalf("of %d files %v keep more than %d", m.j.Stats().Files, named, files)
		}
		for _, id := range named {
			if g := m.groups[id]; g.applied <= g.noted {
				t.Fatalf("group %d has its checkpoint at %d, all that is applied, and is told to make one", id, g.noted)
			}
		}
	}
}
