package journal_test

import (
	"errors"
	"strings"
	"testing"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
)

// adopt lets a group go on under another id and waits until that is durable.
func (n *node) adopt(g env.GroupID, id env.ReplicaID, index, term uint64) {
	n.tb.Helper()
	done := false
	if err := n.j.Adopt(g, id, 1, index, term, func() { done = true }); err != nil {
		n.tb.Fatalf("adopt: %v", err)
	}
	n.run(func() bool { return done })
}

// A disk formatted for replacement knows its groups and no replica; each lives
// from its adoption on.
func TestBlankRows(t *testing.T) {
	n := &node{world: newWorld(t, 1), cfg: testConfig()}
	n.await(func(task *env.Task) {
		if err := journal.Format(task, n.env(), n.cfg, testID, []journal.Genesis{{Group: 1}, {Group: 2, Replica: 9}}); err != nil {
			t.Fatal(err)
		}
	})
	n.open()
	disk := n.j.Disk()
	if r := n.j.Groups()[0]; disk == 0 || !r.Blank || r.Replica != 0 || r.Reason != journal.FencedBlank || !errors.Is(r.Fenced, journal.ErrBlank) || r.Disk != disk {
		t.Fatalf("recovered %+v", r)
	}
	n.j.Append(1, journal.HardState{Term: 4}, nil, func() { t.Error("a blank group has no replica to promise anything") })
	if err := n.j.Adopt(2, 10, 1, 5, 2, nil); !errors.Is(err, journal.ErrNotFenced) {
		t.Errorf("adopting a group that serves: %v", err)
	}
	n.adopt(1, 12, 5, 2)
	if file, _, length := n.j.SpecialRecord(1); file == "" || length != 72 {
		t.Errorf("the record stands in %q, %d bytes", file, length)
	}
	n.put(1, journal.HardState{Term: 3, Vote: 8, Commit: 5}, span(6, 7, 3, "fresh"))
	for range 2 {
		n.powerLoss(loseAll)
		n.open()
		r := n.j.Groups()[0]
		if r.Fenced != nil || r.Blank || r.Replica != 12 || r.First != 6 || r.Last != 7 || r.HardState != (journal.HardState{Term: 3, Vote: 8, Commit: 5}) || r.CheckpointIndex != 5 {
			t.Fatalf("recovered %+v", r)
		}
		n.expect(1, span(6, 7, 3, "fresh"))
		if n.j.Disk() != disk {
			t.Errorf("disk %x, it was %x", n.j.Disk(), disk)
		}
	}
}

// A fence outlives the process, the file it was written to, and says why; an
// earlier id is never taken again.
func TestFenceAndAdopt(t *testing.T) {
	n := newNode(t, 1, smallConfig(), 2)
	n.open()
	n.put(2, journal.HardState{Term: 3, Vote: 9}, span(1, 4, 3, "old"))
	n.j.Fence(2, errors.New("its log is lost"))
	n.j.Fence(2, errors.New("and something else"))
	drained := false
	n.j.Drained(2, func() { drained = true })
	n.run(func() bool { return drained })
	next := uint64(1)
	for range 2 {
		n.powerLoss(loseAll)
		n.open()
		n.wantFenced(2)
		if r := n.j.Groups()[1]; !strings.Contains(r.Fenced.Error(), "its log is lost") || r.Reason != journal.FencedDamage || r.Replica != 101 {
			t.Errorf("recovered %+v", r)
		}
		n.rollOn(&next, 3)
	}
	if err := n.j.Adopt(2, 101, 1, 0, 0, nil); !errors.Is(err, journal.ErrNotFenced) {
		t.Errorf("adopting the id that it had: %v", err)
	}
	n.adopt(2, 107, 0, 0)
	n.put(2, journal.HardState{Term: 1}, span(1, 1, 1, "new"))
	n.rollOn(&next, 3)
	n.powerLoss(loseAll)
	n.open()
	n.wantFenced()
	n.expect(2, span(1, 1, 1, "new"))
}

// Rot of the adoption itself: the group is fenced again, under the id it had.
func TestRotOfAnAdoption(t *testing.T) {
	n := newNode(t, 1, testConfig(), 2)
	n.open()
	n.put(2, journal.HardState{Term: 3, Vote: 9}, span(1, 4, 3, "old"))
	n.j.Fence(2, errors.New("lost"))
	n.adopt(2, 107, 2, 3)
	file, at, _ := n.j.SpecialRecord(2)
	n.put(2, journal.HardState{Term: 4, Commit: 2}, span(3, 3, 4, "new"))
	n.settle()
	n.kill()
	n.inode(file).rot(at + 30)
	n.open()
	n.wantFenced(2)
	n.adopt(2, 109, 2, 3)
	n.powerLoss(loseAll)
	n.open()
	n.wantFenced()
	if r := n.j.Groups()[1]; r.Replica != 109 || r.Last != 2 {
		t.Errorf("recovered %+v", r)
	}
}

// A snapshot over a conflicting suffix: nothing of it comes back (B13).
func TestRestartOverASuffix(t *testing.T) {
	n := newNode(t, 1, testConfig(), 1)
	n.open()
	n.put(1, journal.HardState{Term: 1, Commit: 2}, span(1, 9, 1, "conflict"))
	n.j.Append(1, journal.HardState{}, span(10, 12, 1, "queued"), nil)
	order := []string{}
	n.j.Append(1, journal.HardState{}, nil, func() { order = append(order, "before") })
	n.j.Restart(1, journal.HardState{Term: 5, Vote: 3, Commit: 6}, 4, 6, 5, func() { order = append(order, "restart") })
	n.j.Append(1, journal.HardState{}, span(7, 8, 5, "after"), func() { order = append(order, "after") })
	v := n.j.View(1)
	if last, _ := v.LastIndex(); last != 8 {
		t.Errorf("last index %d", last)
	}
	if term, err := v.Term(6); term != 5 || err != nil {
		t.Errorf("term of the snapshot: %d, %v", term, err)
	}
	if _, err := v.Term(5); !errors.Is(err, raft.ErrCompacted) {
		t.Errorf("term below it: %v", err)
	}
	n.run(func() bool { return len(order) == 3 })
	if got := strings.Join(order, " "); got != "before restart after" {
		t.Errorf("done in order %s", got)
	}
	n.powerLoss(loseAll)
	n.open()
	n.expect(1, span(7, 8, 5, "after"))
	if r := n.j.Groups()[0]; r.HardState != (journal.HardState{Term: 5, Vote: 3, Commit: 6}) || r.CheckpointID != 4 || r.CheckpointIndex != 6 || r.CheckpointTerm != 5 {
		t.Errorf("recovered %+v", r)
	}
}

// A RawNode starts anew in the process: the view is what recovery would give.
func TestReopen(t *testing.T) {
	n := newNode(t, 1, testConfig(), 1)
	n.open()
	n.put(1, journal.HardState{Term: 2, Vote: 7, Commit: 3}, span(1, 6, 2, "e"))
	v := n.j.View(1)
	v.SetApplied(2)
	v.SetConfState(&raftpb.ConfState{Voters: []uint64{1}, Learners: []uint64{2}})
	if _, c, _ := v.InitialState(); len(c.GetLearners()) != 1 {
		t.Errorf("configuration %v", c)
	}
	n.j.Append(1, journal.HardState{}, span(5, 7, 3, "f"), nil)
	drained := false
	n.j.Drained(1, func() { drained = true })
	n.run(func() bool { return drained })
	r := v.Reopen()
	hs, _, err := v.InitialState()
	if err != nil || hs.GetTerm() != 2 || hs.GetVote() != 7 || hs.GetCommit() != 3 || r.Last != 7 || r.LastTerm != 3 || r.HardState.Commit != 3 {
		t.Errorf("%v, %+v, %v", hs, r, err)
	}
	if got, err := v.Entries(3, 8, 1<<20); err != nil || len(got) != 5 {
		t.Errorf("%d entries, %v", len(got), err)
	}
}

// raft is told to wait for bytes that are read back, and offered a snapshot for
// those that left the journal.
func TestSnapshotOrPatience(t *testing.T) {
	cfg := smallConfig()
	cfg.WindowBytes = 1
	n := newNode(t, 1, cfg, 1)
	n.open()
	next := uint64(1)
	n.rollOn(&next, 3)
	v, offered := n.j.View(1), &raftpb.Snapshot{}
	if _, err := v.Snapshot(); !errors.Is(err, raft.ErrSnapshotTemporarilyUnavailable) {
		t.Errorf("nobody gives one: %v", err)
	}
	v.SetSnapshot(func() (*raftpb.Snapshot, error) { return offered, nil })
	if s, err := v.Snapshot(); s != offered || err != nil {
		t.Errorf("%v, %v", s, err)
	}
	n.put(1, journal.HardState{Term: 1, Commit: next}, span(next, next, 1, "x"))
	v.SetApplied(next)
	n.put(1, journal.HardState{Term: 1, Commit: next + 1}, span(next+1, next+1, 1, "x"))
	v.SetApplied(next + 1)
	if _, err := v.Entries(next, next+1, 1); !errors.Is(err, raft.ErrCompacted) {
		t.Fatalf("entry %d is in memory: %v", next, err)
	}
	if _, err := v.Snapshot(); !errors.Is(err, raft.ErrSnapshotTemporarilyUnavailable) {
		t.Errorf("the bytes are on their way: %v", err)
	}
}

// A roll between Adopt and its record gives back the files of the old life, and
// takes nothing from the new one.
func TestRollBetweenAdoptAndItsRecord(t *testing.T) {
	cfg := smallConfig()
	cfg.RetainBytes = 0
	n := newNode(t, 1, cfg, 2)
	n.open()
	n.put(2, journal.HardState{Term: 1}, span(1, 9, 1, "old"))
	n.j.Fence(2, errors.New("lost"))
	n.settle()
	held, last := false, uint64(0)
	n.hold = func(op, _ string) bool {
		held = held || op == "rename"
		return op == "rename"
	}
	for !held {
		if last > 0 {
			n.j.View(1).SetApplied(last)
			n.j.Checkpointed(1, last, last, 1)
		}
		last++
		n.j.Append(1, journal.HardState{Term: 1, Commit: last}, span(last, last, 1, strings.Repeat("w", 1500)), nil)
		n.settle()
	}
	if err := n.j.Adopt(2, 300, 1, 0, 0, nil); err != nil {
		t.Fatal(err)
	}
	n.j.Append(2, journal.HardState{Term: 1}, span(1, 2, 1, "new"), nil)
	n.hold = nil
	n.settle()
	if first, _ := n.j.View(2).FirstIndex(); first != 1 || n.j.Stats().Rolls != 1 || n.j.Stats().Recycled < 2 {
		t.Fatalf("the new life begins at %d: %+v", first, n.j.Stats())
	}
	n.powerLoss(loseAll)
	n.open()
	n.expect(2, span(1, 2, 1, "new"))
}

// A restart of the old life that waits when the group is adopted says nothing of
// what is committed in the new one.
func TestRestartBeforeAnAdoption(t *testing.T) {
	n := newNode(t, 1, testConfig(), 1)
	n.open()
	n.j.Restart(1, journal.HardState{Term: 1, Commit: 5}, 1, 5, 1, nil)
	n.j.Fence(1, errors.New("lost"))
	if err := n.j.Adopt(1, 300, 2, 0, 0, nil); err != nil {
		t.Fatal(err)
	}
	n.put(1, journal.HardState{Term: 1}, span(1, 6, 1, "new"))
	n.put(1, journal.HardState{Term: 2}, nil)
	n.powerLoss(loseAll)
	n.open()
	if hs := n.j.Groups()[0].HardState; hs.Commit != 0 {
		t.Errorf("hard state %+v", hs)
	}
}
