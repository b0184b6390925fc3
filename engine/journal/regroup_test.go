package journal_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
)

// regroup changes the table and waits until that is durable, or the process died.
func (n *node) regroup(begin []journal.Genesis, end ...env.GroupID) (done bool) {
	n.tb.Helper()
	if err := n.j.Regroup(begin, end, func() { done = true }); err != nil {
		n.tb.Fatalf("regroup: %v", err)
	}
	n.run(func() bool { return done || n.crashed })
	return done
}

// groups lists what Open found, as group and replica.
func (n *node) groups() (out []journal.Genesis) {
	for _, r := range n.j.Groups() {
		out = append(out, journal.Genesis{Group: r.Group, Replica: r.Replica})
	}
	return out
}

func TestGroupsBeginAndEnd(t *testing.T) {
	n := newNode(t, 1, smallConfig(), 2)
	n.open()
	life := n.j.Life()
	n.put(2, journal.HardState{Term: 3, Vote: 9}, span(1, 4, 3, "two"))
	n.j.Append(2, journal.HardState{}, span(5, 5, 3, "never asked for again"), func() { t.Error("done for a group that has ended") })
	n.regroup([]journal.Genesis{{Group: 5, Replica: 7}, {Group: 9}}, 2)
	if n.j.View(2) != nil || n.j.Born() != 5 || life == 0 {
		t.Fatalf("view %v, born %d, life %x", n.j.View(2), n.j.Born(), life)
	}
	n.put(5, journal.HardState{Term: 1, Vote: 7}, span(1, 2, 1, "five"))
	n.adopt(9, 30, 0, 0)
	next := uint64(1)
	for range 3 {
		n.rollOn(&next, 2)
		n.powerLoss(loseAll)
		n.open()
		n.wantFenced()
		if want := []journal.Genesis{{Group: 1, Replica: 100}, {Group: 5, Replica: 7}, {Group: 9, Replica: 30}}; !slices.Equal(n.groups(), want) {
			t.Fatalf("groups %v", n.groups())
		}
		n.expect(5, span(1, 2, 1, "five"))
		if n.j.Born() != 5 || n.j.Life() != life {
			t.Fatalf("born %d, life %x", n.j.Born(), n.j.Life())
		}
	}
	n.regroup(nil, 5)
	n.regroup([]journal.Genesis{{Group: 5}, {Group: 2}}) // back, blank
	n.adopt(2, 200, 0, 0)
	n.put(2, journal.HardState{Term: 1}, span(1, 1, 1, "anew"))
	n.powerLoss(loseAll)
	n.open()
	if r := n.j.Groups()[1]; r.Group != 2 || r.Fenced != nil || !n.j.Groups()[2].Blank {
		t.Fatalf("recovered %+v", n.j.Groups())
	}
	n.expect(2, span(1, 1, 1, "anew"))
}

func TestRegroupRefuses(t *testing.T) {
	n := newNode(t, 1, smallConfig(), 2)
	n.open()
	for name, begin := range map[string][]journal.Genesis{
		"there already":     {{Group: 1}},
		"group 0":           {{Replica: 1}},
		"twice":             {{Group: 7, Replica: 1}, {Group: 7}},
		"not above another": {{Group: 9, Replica: 1}, {Group: 8, Replica: 1}},
		"not above Born":    {{Group: 2, Replica: 1}},
	} {
		if err := n.j.Regroup(begin, nil, func() { t.Errorf("%s: done", name) }); !errors.Is(err, journal.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	n.settle()
	first := n.regroup([]journal.Genesis{{Group: 4, Replica: 1}})
	err := n.j.Regroup([]journal.Genesis{{Group: 4, Replica: 2}}, []env.GroupID{4}, func() {})
	if !first || !errors.Is(err, journal.ErrConfig) {
		t.Errorf("a group that began here before, again under an id of its own: %v", err)
	}
	if got := len(n.groups()); n.j.View(4) == nil || got != 2 {
		t.Errorf("%d groups were found", got)
	}
}

// All of a change or nothing, wherever a crash meets it, and nothing that was
// acknowledged to others is touched.
func TestRegroupCrashAnywhere(t *testing.T) {
	before := []journal.Genesis{{Group: 1, Replica: 100}, {Group: 2, Replica: 101}}
	after := []journal.Genesis{{Group: 1, Replica: 100}, {Group: 5, Replica: 7}, {Group: 9}}
	for l := loss(-1); l < losses; l++ {
		for at := 0; ; at++ {
			n := newNode(t, uint64(at), smallConfig(), 2)
			n.open()
			n.put(1, journal.HardState{Term: 2, Vote: 9}, span(1, 3, 2, "one"))
			n.put(2, journal.HardState{Term: 3, Vote: 9}, span(1, 4, 3, "two"))
			n.crashAt = n.steps + at
			acked := false
			n.j.Append(1, journal.HardState{}, span(4, 5, 2, "one"), func() { acked = true })
			whole := n.regroup(after[1:], 2)
			n.crash(l)
			n.crashAt = n.steps + n.rng.IntN(40)
			if !n.open() {
				n.crash(loss(n.rng.IntN(int(losses)+1) - 1))
			}
			n.kill()
			n.crashAt = -1
			n.open()
			got := n.groups()
			if !slices.Equal(got, after) && (whole || !slices.Equal(got, before)) {
				t.Fatalf("%v, crash at %d: done %v, groups %v", l, at, whole, got)
			}
			if entries := n.all(1); acked && len(entries) != 5 || len(entries) < 3 {
				t.Fatalf("%v, crash at %d: acknowledged %v, %d entries of group 1", l, at, acked, len(entries))
			}
			if slices.Equal(got, before) {
				n.expect(2, span(1, 4, 3, "two"))
				n.regroup(after[1:], 2)
			}
			n.put(5, journal.HardState{Term: 1}, span(1, 1, 1, "five"))
			if whole {
				break
			}
		}
	}
}

// What began in a file that is lost is not known to have begun: so nothing may
// begin again under an id of then.
func TestALostTableBeginsAnotherLife(t *testing.T) {
	n := newNode(t, 1, smallConfig(), 2)
	n.open()
	life := n.j.Life()
	n.put(2, journal.HardState{Term: 1}, span(1, 1, 1, "two"))
	n.regroup([]journal.Genesis{{Group: 5, Replica: 7}})
	n.put(5, journal.HardState{Term: 1}, span(1, 1, 1, "five"))
	n.settle()
	n.kill()
	n.lose("journal/" + n.current())
	n.expected = []journal.Genesis{{Group: 1}, {Group: 5}}
	n.open()
	n.wantFenced(1, 2, 5)
	now := n.j.Life()
	if r := n.j.Groups()[2]; now == life || n.j.Born() != 0 || !r.Blank || !strings.Contains(r.Fenced.Error(), "missing") {
		t.Fatalf("life %x after %x, born %d, group 5 %+v", now, life, n.j.Born(), r)
	}
	for range 2 {
		n.powerLoss(loseAll)
		n.open()
		if n.j.Life() != now {
			t.Fatalf("life %x after %x", n.j.Life(), now)
		}
	}
	n.regroup([]journal.Genesis{{Group: 6, Replica: 1}})
}

// An inner file that is lost says nothing of groups that the newest table does
// not name.
func TestALostInnerFileKeepsTheLife(t *testing.T) {
	n := rolled(t)
	life := n.j.Life()
	n.lose(n.written(1)[0].File)
	n.expected = append(n.expected, journal.Genesis{Group: 77})
	n.open()
	n.wantFenced(1, 2, 3)
	if n.j.Life() != life || len(n.groups()) != 3 {
		t.Fatalf("life %x after %x, groups %v", n.j.Life(), life, n.groups())
	}
}
