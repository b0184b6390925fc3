package journal_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
)

// busy writes one entry of group 1 and lets it go at once.
func (n *node) busy(i uint64) {
	n.tb.Helper()
	n.put(1, journal.HardState{Term: 1, Commit: i}, span(i, i, 1, strings.Repeat("w", 1200)))
	n.j.View(1).SetApplied(i)
	n.j.Checkpointed(1, i, i, 1)
	n.j.Retain(1, i+1)
}

// idle gives a group one entry, applied and wanted by no follower, and no
// checkpoint: what an election leaves in a partition that nobody writes to.
func (n *node) idle(g env.GroupID) {
	n.tb.Helper()
	n.put(g, journal.HardState{Term: 1, Commit: 1}, span(1, 1, 1, "election"))
	n.j.View(g).SetApplied(1)
	n.j.Retain(g, 2)
}

// The bound that the package documentation states: who checkpoints what
// Laggards(n) names has at most n+2 files, spares apart. Who does not has no
// bound.
func TestLaggardsBoundTheFiles(t *testing.T) {
	for _, limit := range []int{1, 3, 6} {
		n := newNode(t, 1, smallConfig(), 3)
		n.open()
		most, named := 0, 0
		for i := uint64(1); i <= 200; i++ {
			n.busy(i)
			if i%70 == 1 && i/70 < 2 {
				n.idle(env.GroupID(2 + i/70))
			}
			for _, g := range n.j.Laggards(limit) {
				named++
				n.j.Checkpointed(g, 1, 1, 1)
			}
			n.settle()
			most = max(most, n.j.Stats().Files)
			if names := len(n.disk.names); names > limit+2+n.cfg.Spares {
				t.Fatalf("limit %d: %d files and spares", limit, names)
			}
		}
		if most > limit+2 || most <= limit || named != 2 {
			t.Errorf("limit %d: at most %d files, %d checkpoints asked for", limit, most, named)
		}
	}
	n := newNode(t, 1, smallConfig(), 2)
	n.open()
	n.idle(2)
	for i := uint64(1); i <= 200; i++ {
		n.busy(i)
	}
	if s := n.j.Stats(); s.Files < 20 {
		t.Errorf("nobody checkpoints group 2, and there are only %d files", s.Files)
	}
}

// Laggards names whom a checkpoint helps, and nobody else.
func TestLaggardsNamesWhomACheckpointHelps(t *testing.T) {
	n := newNode(t, 1, smallConfig(), 5)
	n.open()
	n.idle(2)
	n.put(3, journal.HardState{Term: 1}, span(1, 1, 1, "not applied"))
	n.j.Retain(3, 2)
	n.put(4, journal.HardState{Term: 1, Commit: 1}, span(1, 2, 1, "a follower lags"))
	n.j.View(4).SetApplied(1)
	n.j.Retain(4, 1)
	n.j.Checkpointed(4, 1, 1, 1)
	n.put(5, journal.HardState{Term: 6, Vote: 2}, nil) // no entries: it needs no file
	for i := uint64(1); n.j.Stats().Rolls < 4; i++ {
		if got := n.j.Laggards(4); got != nil {
			t.Fatalf("%d files, and %v lag", n.j.Stats().Files, got)
		}
		n.busy(i)
	}
	if got, want := n.j.Laggards(3), []env.GroupID{2}; !slices.Equal(got, want) {
		t.Errorf("lagging are %v, want %v", got, want)
	}
	n.j.Checkpointed(2, 1, 1, 1)
	if got := n.j.Laggards(3); got != nil {
		t.Errorf("after its checkpoint %v lag", got)
	}
}
