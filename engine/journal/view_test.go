package journal_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
)

func TestViewOfAnEmptyLog(t *testing.T) {
	n := newNode(t, 1, testConfig(), 1)
	n.open()
	v := n.j.View(1)
	if n.j.View(2) != nil {
		t.Error("a view of an unknown group")
	}
	first, _ := v.FirstIndex()
	last, _ := v.LastIndex()
	term, err := v.Term(0)
	if first != 1 || last != 0 || term != 0 || err != nil {
		t.Errorf("first %d, last %d, term of 0: %d, %v", first, last, term, err)
	}
	if _, err := v.Term(1); !errors.Is(err, raft.ErrUnavailable) {
		t.Errorf("term of an entry that is not: %v", err)
	}
	v.SetVoters([]env.ReplicaID{4, 5})
	hs, cs, err := v.InitialState()
	if err != nil || !raft.IsEmptyHardState(hs) || len(cs.GetVoters()) != 2 || cs.GetVoters()[1] != 5 {
		t.Errorf("initial state %v, %v, %v", hs, cs, err)
	}
	if _, err := v.Snapshot(); !errors.Is(err, raft.ErrSnapshotTemporarilyUnavailable) {
		t.Errorf("snapshot: %v", err)
	}
}

func TestEntriesLimit(t *testing.T) {
	n := newNode(t, 1, testConfig(), 1)
	n.open()
	n.put(1, journal.HardState{Term: 1}, span(1, 10, 1, strings.Repeat("d", 100)))
	v := n.j.View(1)
	for _, c := range []struct{ lo, hi, max, want uint64 }{
		{1, 11, math.MaxUint64, 10}, {3, 5, math.MaxUint64, 2}, {1, 11, 0, 1}, {1, 11, 250, 2}, {10, 11, 1, 1},
	} {
		got, err := v.Entries(c.lo, c.hi, c.max)
		if err != nil || uint64(len(got)) != c.want || got[0].GetIndex() != c.lo {
			t.Errorf("Entries(%d, %d, %d): %d entries, %v", c.lo, c.hi, c.max, len(got), err)
		}
	}
	if _, err := v.Entries(0, 5, 100); !errors.Is(err, raft.ErrCompacted) {
		t.Errorf("below the first: %v", err)
	}
	if _, err := v.Entries(5, 12, 100); !errors.Is(err, raft.ErrUnavailable) {
		t.Errorf("above the last: %v", err)
	}
}

func TestAppendCutsConflicts(t *testing.T) {
	n := newNode(t, 1, testConfig(), 1)
	n.open()
	v := n.j.View(1)
	n.put(1, journal.HardState{Term: 1}, span(1, 9, 1, "a"))
	held, _ := v.Entries(1, 10, math.MaxUint64)
	n.j.Append(1, journal.HardState{Term: 2}, span(6, 7, 2, "b"), nil)
	last, _ := v.LastIndex()
	five, _ := v.Term(5)
	six, _ := v.Term(6)
	if last != 7 || five != 1 || six != 2 {
		t.Errorf("last %d, terms %d and %d", last, five, six)
	}
	if held[5].GetTerm() != 1 || len(held) != 9 {
		t.Error("entries handed out earlier changed")
	}
	n.settle()
	want := append(span(1, 5, 1, "a"), span(6, 7, 2, "b")...)
	n.expect(1, want)
	n.powerLoss(loseAll)
	n.open()
	n.expect(1, want)
}

// fetch asks for entries as raft does: not at hand now means once more later.
func (n *node) fetch(g env.GroupID, lo, hi uint64) []*raftpb.Entry {
	n.tb.Helper()
	var out []*raftpb.Entry
	for tries := 0; lo < hi; tries++ {
		got, err := n.j.View(g).Entries(lo, hi, 4096)
		if errors.Is(err, raft.ErrCompacted) && tries < 1000 {
			n.settle()
			continue
		}
		if err != nil {
			n.tb.Fatalf("Entries(%d, %d): %v", lo, hi, err)
		}
		out = append(out, got...)
		lo += uint64(len(got))
	}
	return out
}

func TestEvictionAndReadBack(t *testing.T) {
	cfg := testConfig()
	cfg.WindowBytes, cfg.ReadBackBytes = 16<<10, 4<<10
	n := newNode(t, 1, cfg, 3)
	n.open()
	const last = 120
	var want []*raftpb.Entry
	for i := uint64(1); i <= last; i++ {
		for g := env.GroupID(1); g <= 3; g++ {
			e := span(i, i, 1+i/50, strings.Repeat("r", 300))
			if g == 2 {
				want = append(want, e...)
			}
			n.put(g, journal.HardState{Term: 1 + i/50, Commit: i}, e)
			n.j.View(g).SetApplied(i)
		}
		if s := n.j.Stats(); s.WindowBytes+s.ColdBytes > cfg.WindowBytes {
			t.Fatalf("after %d entries: %d bytes in memory, the budget is %d", i, s.WindowBytes+s.ColdBytes, cfg.WindowBytes)
		}
	}
	v := n.j.View(2)
	if term, err := v.Term(1); term != 1 || err != nil {
		t.Errorf("the term of an evicted entry: %d, %v", term, err)
	}
	if _, err := v.Entries(1, 3, 100); !errors.Is(err, raft.ErrCompacted) {
		t.Fatalf("an evicted entry is at hand: %v", err)
	}
	if _, err := v.Entries(1, 3, 100); !errors.Is(err, raft.ErrCompacted) {
		t.Fatalf("an evicted entry is at hand: %v", err)
	}
	n.settle()
	if got := n.j.Stats().ReadBacks; got != 1 {
		t.Errorf("%d reads for two questions", got)
	}
	got := n.fetch(2, 1, last+1)
	for i := range want {
		if !same(got[i], want[i]) {
			t.Fatalf("entry %d: %v", i+1, got[i])
		}
	}
	if s := n.j.Stats(); s.ReadBacks < 5 || s.WindowBytes+s.ColdBytes > cfg.WindowBytes {
		t.Errorf("%+v", s)
	}
	told := 0
	for _, e := range n.events {
		if e.Kind == env.EventReadBack && e.Group == 2 {
			told++
		}
	}
	if told == 0 {
		t.Error("no event tells of reading back")
	}
}

func TestPinnedEntriesStay(t *testing.T) {
	cfg := testConfig()
	cfg.WindowBytes = 8 << 10
	n := newNode(t, 1, cfg, 2)
	n.open()
	n.put(1, journal.HardState{Term: 1}, span(1, 40, 1, strings.Repeat("p", 400)))
	n.put(2, journal.HardState{Term: 1, Commit: 40}, span(1, 40, 1, strings.Repeat("p", 400)))
	if !n.j.Pressure() {
		t.Error("twice the budget is pinned, and there is no pressure")
	}
	if got, err := n.j.View(1).Entries(1, 41, math.MaxUint64); err != nil || len(got) != 40 {
		t.Errorf("entries that are not applied: %d, %v", len(got), err)
	}
	n.j.View(1).SetApplied(40)
	n.j.View(2).SetApplied(39)
	if n.j.Pressure() {
		t.Errorf("pressure with %d bytes pinned", n.j.Stats().PinnedBytes)
	}
	if _, err := n.j.View(2).Entries(40, 41, 1); err != nil {
		t.Errorf("the entry that is not applied: %v", err)
	}
	if s := n.j.Stats(); s.WindowBytes > cfg.WindowBytes {
		t.Errorf("%d bytes in memory, the budget is %d", s.WindowBytes, cfg.WindowBytes)
	}
}

// Entries replaced while they are read back are not served.
func TestReadBackMeetsTruncation(t *testing.T) {
	cfg := testConfig()
	cfg.WindowBytes = 4 << 10
	n := newNode(t, 1, cfg, 1)
	n.open()
	n.put(1, journal.HardState{Term: 1}, span(1, 60, 1, strings.Repeat("o", 300)))
	n.j.View(1).SetApplied(60) // more than raft would: so that they are evicted
	v := n.j.View(1)
	if _, err := v.Entries(3, 9, 1e6); !errors.Is(err, raft.ErrCompacted) {
		t.Fatal(err)
	}
	n.j.Append(1, journal.HardState{Term: 2}, span(5, 6, 2, "new"), nil)
	n.settle()
	got := n.fetch(1, 3, 7)
	if len(got) != 4 || got[1].GetTerm() != 1 || got[2].GetTerm() != 2 || string(got[3].GetData()) != "new-6" {
		t.Errorf("read %v", got)
	}
	// And once more with what was read already in the cache.
	n.put(1, journal.HardState{}, span(7, 60, 2, strings.Repeat("o", 300)))
	v.SetApplied(61)
	n.fetch(1, 3, 20)
	n.j.Append(1, journal.HardState{Term: 3}, span(9, 9, 3, "newer"), nil)
	for i, e := range n.fetch(1, 3, 10) {
		if want, _ := v.Term(uint64(i) + 3); e.GetTerm() != want || e.GetIndex() != uint64(i)+3 {
			t.Errorf("read %d@%d, want term %d", e.GetIndex(), e.GetTerm(), want)
		}
	}
}

// What is not durable stays in memory, even if it was called applied, and a
// sync that covers what was replaced since does not make it durable.
func TestEntriesNotDurableStay(t *testing.T) {
	cfg := testConfig()
	cfg.WindowBytes = 1
	n := newNode(t, 1, cfg, 1)
	n.open()
	n.settle()
	v := n.j.View(1)
	atHand := func(lo, hi uint64) {
		t.Helper()
		if _, err := v.Entries(lo, hi, math.MaxUint64); err != nil {
			t.Errorf("entries %d..%d: %v", lo, hi-1, err)
		}
	}
	v.SetApplied(100)
	n.j.Append(1, journal.HardState{Term: 1}, span(1, 10, 1, "a"), nil)
	atHand(1, 11)
	n.run(func() bool { return n.dirty == 1 })
	n.j.Append(1, journal.HardState{Term: 2}, span(5, 10, 2, "b"), nil)
	n.run(func() bool { return n.j.Stats().Syncs == 1 })
	atHand(5, 11)
	n.settle()
	n.put(1, journal.HardState{Term: 3}, span(8, 8, 3, "c"))
	if _, err := v.Entries(8, 9, 1); !errors.Is(err, raft.ErrCompacted) {
		t.Errorf("durable and applied, and the budget is a byte: %v", err)
	}
	n.j.Append(1, journal.HardState{Term: 4}, span(6, 8, 4, "d"), nil)
	n.j.Append(1, journal.HardState{}, span(9, 9, 4, "e"), nil)
	v.SetApplied(101)
	atHand(6, 10)
}

func TestDamageMetByReadBack(t *testing.T) {
	cfg := testConfig()
	cfg.WindowBytes = 4 << 10
	n := newNode(t, 1, cfg, 2)
	n.open()
	var hit []env.GroupID
	n.j.OnDamage(func(g env.GroupID, err error) {
		if !errors.Is(err, journal.ErrDamaged) {
			t.Errorf("%v is not ErrDamaged", err)
		}
		hit = append(hit, g)
	})
	for g := env.GroupID(1); g <= 2; g++ {
		n.put(g, journal.HardState{Term: 1, Commit: 40}, span(1, 40, 1, strings.Repeat("m", 300)))
		n.j.View(g).SetApplied(40)
	}
	w := n.written(2)[0]
	n.inode(w.File).rot(w.Offset + 100)
	for range 3 {
		for g := env.GroupID(1); g <= 2; g++ {
			_, _ = n.j.View(g).Entries(1, 5, 1e6)
		}
		n.settle()
	}
	if len(hit) != 1 || hit[0] != 2 || n.j.View(2).Damage() == nil || n.j.View(1).Damage() != nil {
		t.Errorf("told of %v; %v, %v", hit, n.j.View(1).Damage(), n.j.View(2).Damage())
	}
	if _, err := n.j.View(2).Entries(1, 5, 1e6); !errors.Is(err, raft.ErrCompacted) {
		t.Errorf("raft would panic on %v", err)
	}
	if _, err := n.j.View(1).Entries(1, 5, 1e6); err != nil {
		t.Errorf("the other group: %v", err)
	}
	n.await(func(task *env.Task) {
		err := n.j.View(2).Replay(task, 1, 40, func(*raftpb.Entry) error { return nil })
		if !errors.Is(err, journal.ErrDamaged) {
			t.Errorf("replay: %v", err)
		}
	})
}

// A machine whose checkpoint is ahead of the log: the log goes on behind it.
func TestRestartAtCheckpoint(t *testing.T) {
	n := newNode(t, 1, testConfig(), 2)
	n.open()
	n.put(1, journal.HardState{Term: 3, Vote: 7}, span(1, 20, 3, "a"))
	n.j.Checkpointed(1, 5, 30, 4)
	v := n.j.View(1)
	check := func(when string) {
		t.Helper()
		v = n.j.View(1)
		first, _ := v.FirstIndex()
		last, _ := v.LastIndex()
		term, err := v.Term(30)
		hs, _, _ := v.InitialState()
		if first != 31 || last < 30 || term != 4 || err != nil || hs.GetCommit() < 30 || hs.GetTerm() != 3 || hs.GetVote() != 7 {
			t.Fatalf("%s: first %d, last %d, term %d, %v, %v", when, first, last, term, err, hs)
		}
		if _, err := v.Term(29); !errors.Is(err, raft.ErrCompacted) {
			t.Errorf("%s: term below: %v", when, err)
		}
	}
	check("at once")
	if s := n.j.Stats(); s.WindowBytes != 0 || s.PinnedBytes != 0 {
		t.Errorf("entries that are void hold memory: %+v", s)
	}
	n.put(1, journal.HardState{}, span(31, 33, 4, "b"))
	n.powerLoss(loseAll)
	n.open()
	check("after a crash")
	n.expect(1, span(31, 33, 4, "b"))
	r := n.j.Groups()[0]
	if r.CheckpointID != 5 || r.CheckpointIndex != 30 || r.CheckpointTerm != 4 || r.Fenced != nil {
		t.Errorf("recovered %+v", r)
	}
}

func TestReplayErrors(t *testing.T) {
	n := newNode(t, 1, testConfig(), 1)
	n.open()
	n.put(1, journal.HardState{Term: 1}, span(1, 5, 1, "a"))
	stop := errors.New("enough")
	n.await(func(task *env.Task) {
		seen := 0
		err := n.j.View(1).Replay(task, 2, 5, func(*raftpb.Entry) error {
			if seen++; seen == 2 {
				return stop
			}
			return nil
		})
		if !errors.Is(err, stop) || seen != 2 {
			t.Errorf("%v after %d entries", err, seen)
		}
		if err := n.j.View(1).Replay(task, 4, 6, nil); !errors.Is(err, journal.ErrDamaged) {
			t.Errorf("beyond the end: %v", err)
		}
	})
}
