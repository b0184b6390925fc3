package journal_test

import (
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/engine/journal"
)

// reclaimConfig bounds what followers and what checkpoints keep.
func reclaimConfig() journal.Config {
	cfg := smallConfig()
	cfg.RetainBytes, cfg.MaxBytes = 6*cfg.FileBytes, 12*cfg.FileBytes
	return cfg
}

// A follower that never comes back keeps RetainBytes, and no more.
func TestFollowersKeepNoMoreThanRetainBytes(t *testing.T) {
	n := newNode(t, 1, reclaimConfig(), 2)
	n.open()
	n.put(2, journal.HardState{Term: 1, Commit: 1}, span(1, 1, 1, "wanted by somebody"))
	n.j.View(2).SetApplied(1)
	n.j.Checkpointed(2, 1, 1, 1)
	most := 0
	for i := uint64(1); i <= 200; i++ {
		n.put(1, journal.HardState{Term: 1, Commit: i}, span(i, i, 1, strings.Repeat("w", 1200)))
		n.j.View(1).SetApplied(i)
		n.j.Checkpointed(1, i, i, 1) // and no Retain: everything is wanted
		n.settle()
		most = max(most, n.j.Stats().Files)
		if first, _ := n.j.View(1).FirstIndex(); first > i+1 {
			t.Fatalf("first entry %d after a checkpoint at %d", first, i)
		}
	}
	if most != 6 {
		t.Errorf("at most %d files of 6 were kept", most)
	}
	first, _ := n.j.View(1).FirstIndex()
	if first == 1 || first > 180 {
		t.Errorf("first entry %d of 200", first)
	}
	if f, _ := n.j.View(2).FirstIndex(); f != 2 || n.j.Full() {
		t.Errorf("group 2 begins at %d, full: %v", f, n.j.Full())
	}
	n.powerLoss(loseAll)
	n.open()
	n.wantFenced()
	if again, _ := n.j.View(1).FirstIndex(); again < first {
		t.Errorf("first entry %d, before the crash %d", again, first)
	}
}

// Without checkpoints the journal says that it is full, names who keeps it so, and
// has two files left for what is small. A checkpoint ends it.
func TestFullNamesWhoBlocks(t *testing.T) {
	n := newNode(t, 1, reclaimConfig(), 3)
	n.open()
	n.idle(2)
	n.put(3, journal.HardState{Term: 1}, span(1, 1, 1, "not applied"))
	i := uint64(0)
	for !n.j.Full() {
		i++
		n.busy(i)
		n.settle()
		n.j.Laggards(3)
		if i > 300 {
			t.Fatal("never full")
		}
	}
	if s := n.j.Stats(); s.Files != 11 {
		t.Errorf("full with %d files of 12", s.Files)
	}
	blocks := n.j.Blocking()
	if len(blocks) != 2 || blocks[0].Group != 2 || blocks[0].Files < 10 || blocks[0].Bytes < 10*n.cfg.FileBytes || blocks[0].Why == blocks[1].Why {
		t.Errorf("blocking are %+v", blocks)
	}
	n.j.Checkpointed(2, 1, 1, 1)
	n.settle()
	if n.j.Full() {
		t.Error("still full: what group 3 cannot apply does not move on")
	}
	n.j.View(3).SetApplied(1)
	n.j.Checkpointed(3, 1, 1, 1)
	if n.j.Full() || n.j.Blocking() != nil {
		t.Errorf("still full; blocking are %+v", n.j.Blocking())
	}
	n.busy(i + 1)
	for range 30 {
		i++
		n.busy(i + 1)
	}
	n.settle()
	if s := n.j.Stats(); s.Files > 3 || len(n.disk.names) > 5 {
		t.Errorf("%d files, %d names", s.Files, len(n.disk.names))
	}
}
