package journal_test

import (
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
)

// goesOn has group 2 append, apply and checkpoint so many entries from *i on, as
// long as there is room and the process lives.
func (n *node) goesOn(i *uint64, entries int) bool {
	for range entries {
		if !n.j.Takes(large) {
			n.settle() // what is refused may make room
			if !n.j.Takes(large) {
				return false
			}
		}
		done, next := false, *i
		n.j.Append(2, journal.HardState{Term: 1, Commit: next}, span(next, next, 1, strings.Repeat("w", large)), func() { done = true })
		n.run(func() bool { return done || n.crashed })
		if n.crashed {
			return true
		}
		n.j.View(2).SetApplied(next)
		n.j.Checkpointed(2, next, next, 1)
		*i++
	}
	return true
}

// A group that cannot commit keeps nobody from going on: its entries move.
func TestWhatIsNotAppliedMovesOn(t *testing.T) {
	n := newNode(t, 1, tightConfig(), 2)
	n.open()
	n.put(1, journal.HardState{Term: 3, Vote: 9}, span(1, 3, 3, "waits"))
	i := uint64(1)
	for range 3 {
		if !n.goesOn(&i, 100) {
			t.Fatalf("entry %d of group 2 finds no room; blocking %+v", i, n.j.Blocking())
		}
		n.settle()
		if files := int64(n.j.Stats().Files); files*n.cfg.FileBytes > n.cfg.MaxBytes {
			t.Errorf("%d files", files)
		}
		n.powerLoss(loseAll)
		n.open()
		n.wantFenced()
		n.expect(1, span(1, 3, 3, "waits"))
		if hs := n.j.Group(1).HardState; hs.Term != 3 || hs.Vote != 9 {
			t.Fatalf("hard state %+v", hs)
		}
	}
	n.put(1, journal.HardState{Term: 4}, span(2, 2, 4, "replaced"))
	n.powerLoss(loseAll)
	n.open()
	n.expect(1, append(span(1, 1, 3, "waits"), span(2, 2, 4, "replaced")...))
}

// Wherever a crash meets a move, nothing that was acknowledged is missing.
func TestMoveCrashAnywhere(t *testing.T) {
	story := func(at int) (n *node, acked *uint64) {
		n = newNode(t, uint64(at%7), tightConfig(), 2)
		n.open()
		n.put(1, journal.HardState{Term: 3, Vote: 9}, span(1, 3, 3, "waits"))
		i := uint64(1)
		n.goesOn(&i, 20)
		n.crashAt = n.steps + at
		if at >= 0 {
			n.goesOn(&i, 60)
		}
		return n, &i
	}
	stride := 3
	if testing.Short() {
		stride = 29
	}
	for l := loss(-1); l < losses; l++ {
		for at := 0; ; at += stride {
			n, acked := story(at)
			whole := !n.crashed
			n.crash(l)
			n.crashAt = -1
			n.open()
			n.wantFenced()
			n.expect(1, span(1, 3, 3, "waits"))
			if last := n.j.Group(2).Last; last+1 < *acked {
				t.Fatalf("%v, crash at %d: group 2 ends at %d, %d was acknowledged", l, at, last, *acked-1)
			}
			if whole {
				break
			}
		}
	}
}

// Entries of a fenced group are nobody's: they put no pressure on others.
func TestAFencedGroupPinsNothing(t *testing.T) {
	cfg := tightConfig()
	cfg.WindowBytes, cfg.PendingBytes = 1<<20, 4000
	n := newNode(t, 1, cfg, 2)
	n.open()
	n.put(1, journal.HardState{Term: 1}, span(1, 3, 1, strings.Repeat("w", large)))
	n.j.Fence(1, journal.ErrDamaged)
	n.settle()
	if n.j.Pressure() {
		t.Error("a fenced group's entries put pressure on all others")
	}
	n.adopt(1, 300, 3, 1)
	n.put(1, journal.HardState{Term: 2}, span(4, 5, 2, "fresh"))
	n.powerLoss(loseAll)
	n.open()
	n.wantFenced()
	n.expect(1, span(4, 5, 2, "fresh"))
}

// A group that ends and begins again, blank, with the same file has no past.
func TestEndAndBeginAgainInOneRoll(t *testing.T) {
	for _, adopted := range []bool{false, true} {
		n := newNode(t, 1, smallConfig(), 2)
		n.open()
		n.put(1, journal.HardState{Term: 3, Vote: 9}, span(1, 4, 3, "keeps the file"))
		n.put(2, journal.HardState{Term: 3, Vote: 9}, span(1, 4, 3, "two"))
		n.regroup([]journal.Genesis{{Group: 2}}, env.GroupID(2))
		if adopted {
			n.adopt(2, 207, 0, 0)
			n.put(2, journal.HardState{Term: 5, Vote: 207}, span(1, 2, 5, "anew"))
		}
		live := n.j.Group(2)
		n.powerLoss(loseAll)
		n.open()
		r := n.j.Group(2)
		if r.Blank != live.Blank || r.Replica != live.Replica || r.Last != live.Last || r.HardState != live.HardState {
			t.Errorf("adopted %v:\n live %+v\nagain %+v", adopted, live, r)
		}
	}
}
