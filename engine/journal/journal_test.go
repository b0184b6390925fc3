package journal_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
)

var testID = journal.Identity{Cluster: 7, Node: 3}

func testConfig() journal.Config {
	return journal.Config{
		Dir: "journal", FileBytes: 64 << 10, MaxBatchBytes: 16 << 10, WindowBytes: 1 << 20,
		ReadBackBytes: 8 << 10, Spares: 1, ReserveSpares: 1,
		RetainBytes: 512 << 20, MaxBytes: 1 << 30,
	}
}

func genesis(n int) []journal.Genesis {
	var g []journal.Genesis
	for i := range n {
		g = append(g, journal.Genesis{Group: env.GroupID(i + 1), Replica: env.ReplicaID(100 + i)})
	}
	return g
}

// node is a journal under test in a world.
type node struct {
	*world
	cfg    journal.Config
	j      *journal.Journal
	failed error

	expected []journal.Genesis // told to Open
}

func newNode(tb tester, seed uint64, cfg journal.Config, groups int) *node {
	n := &node{world: newWorld(tb, seed), cfg: cfg}
	n.await(func(t *env.Task) {
		if err := journal.Format(t, n.env(), cfg, testID, genesis(groups)); err != nil {
			tb.Fatalf("format: %v", err)
		}
	})
	return n
}

// open starts the journal; false: the process crashed meanwhile.
func (n *node) open() bool {
	n.tb.Helper()
	ok, err := n.tryOpen()
	if ok && err != nil {
		n.tb.Fatalf("open: %v", err)
	}
	return ok
}

func (n *node) tryOpen() (ok bool, err error) {
	n.tb.Helper()
	n.failed = nil
	ok = n.await(func(t *env.Task) {
		n.j, err = journal.Open(t, n.env(), n.cfg, testID, n.expected, n.tasks, func(e error) { n.failed = errors.Join(n.failed, e) })
	})
	return ok, err
}

func entry(index, term uint64, data string) *raftpb.Entry {
	kind := raftpb.EntryNormal
	return &raftpb.Entry{Index: &index, Term: &term, Type: &kind, Data: []byte(data)}
}

func span(first, last, term uint64, data string) []*raftpb.Entry {
	var out []*raftpb.Entry
	for i := first; i <= last; i++ {
		out = append(out, entry(i, term, fmt.Sprintf("%s-%d", data, i)))
	}
	return out
}

// put appends and waits until it is durable.
func (n *node) put(g env.GroupID, hs journal.HardState, entries []*raftpb.Entry) {
	n.tb.Helper()
	done := false
	n.j.Append(g, hs, entries, func() { done = true })
	n.run(func() bool { return done })
}

// all reads the whole log of a group back.
func (n *node) all(g env.GroupID) []*raftpb.Entry {
	n.tb.Helper()
	v := n.j.View(g)
	first, _ := v.FirstIndex()
	last, _ := v.LastIndex()
	var out []*raftpb.Entry
	n.await(func(t *env.Task) {
		if last < first {
			return
		}
		err := v.Replay(t, first, last, func(e *raftpb.Entry) error { out = append(out, e); return nil })
		if err != nil {
			n.tb.Fatalf("replay of group %d: %v", g, err)
		}
	})
	return out
}

func same(a, b *raftpb.Entry) bool {
	return a.GetIndex() == b.GetIndex() && a.GetTerm() == b.GetTerm() && a.GetType() == b.GetType() && bytes.Equal(a.GetData(), b.GetData())
}

func (n *node) expect(g env.GroupID, want []*raftpb.Entry) {
	n.tb.Helper()
	got := n.all(g)
	if len(got) != len(want) {
		n.tb.Fatalf("group %d: %d entries, want %d", g, len(got), len(want))
	}
	for i := range got {
		if !same(got[i], want[i]) {
			n.tb.Fatalf("group %d: entry %v, want %v", g, got[i], want[i])
		}
	}
}

func TestRoundTrip(t *testing.T) {
	n := newNode(t, 1, testConfig(), 3)
	n.open()
	n.put(1, journal.HardState{Term: 1, Vote: 100, Commit: 0}, span(1, 10, 1, "a"))
	n.put(2, journal.HardState{Term: 5, Vote: 7}, nil)
	n.put(1, journal.HardState{Term: 2, Vote: 0, Commit: 4}, span(8, 12, 2, "b"))
	want := append(span(1, 7, 1, "a"), span(8, 12, 2, "b")...)
	n.expect(1, want)
	boots := n.j.Incarnation()
	n.powerLoss(loseAll)
	n.open()
	if n.j.Incarnation() <= boots {
		t.Errorf("incarnation %d after %d", n.j.Incarnation(), boots)
	}
	n.expect(1, want)
	r := n.j.Groups()
	if len(r) != 3 || r[0].HardState != (journal.HardState{Term: 2, Commit: 4}) || r[0].First != 1 || r[0].Last != 12 || r[0].LastTerm != 2 {
		t.Errorf("group 1 recovered as %+v", r[0])
	}
	if r[1].HardState != (journal.HardState{Term: 5, Vote: 7}) || r[1].Last != 0 || r[1].First != 1 {
		t.Errorf("group 2 recovered as %+v", r[1])
	}
	if r[2].HardState != (journal.HardState{}) || r[2].Fenced != nil {
		t.Errorf("group 3 recovered as %+v", r[2])
	}
	if n.failed != nil {
		t.Errorf("failed: %v", n.failed)
	}
}
