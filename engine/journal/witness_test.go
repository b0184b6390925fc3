package journal_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
)

const witness = "journal.witness"

// lose takes a name away for good, and what stands under it.
func (w *world) lose(name string) {
	delete(w.disk.names, name)
	delete(w.disk.durable, name)
}

// rolled is a journal of several files that all are needed; the process is gone.
func rolled(t *testing.T) *node {
	n := newNode(t, 1, smallConfig(), 3)
	n.open()
	for i := uint64(1); i <= 60; i++ {
		n.put(1, journal.HardState{Term: 1}, span(i, i, 1, strings.Repeat("m", 1000)))
	}
	n.put(2, journal.HardState{Term: 3, Vote: 9}, span(1, 2, 3, "two"))
	n.settle()
	n.kill()
	if n.j.Stats().Files < 5 {
		t.Fatalf("%+v", n.j.Stats())
	}
	n.expected = []journal.Genesis{{Group: 1}, {Group: 2}, {Group: 3}}
	return n
}

// wantLost expects that every group is fenced for the loss of a file, that the node
// goes on, and that a group which was adopted stays well in later processes.
func (n *node) wantLost(name string, blank bool) {
	n.tb.Helper()
	was := n.j.Incarnation()
	n.open()
	n.wantFenced(1, 2, 3)
	for _, r := range n.j.Groups() {
		if r.Blank != blank || (r.Replica == 0) != blank || !strings.Contains(r.Fenced.Error(), name) || r.Reason != journal.FencedDamage {
			n.tb.Errorf("blank %v: recovered %+v", blank, r)
		}
	}
	if n.j.Incarnation() <= was {
		n.tb.Errorf("incarnation %d after %d", n.j.Incarnation(), was)
	}
	n.adopt(2, 200, 0, 0)
	n.put(2, journal.HardState{Term: 1}, span(1, 2, 1, "again"))
	for _, l := range []loss{loseAll, -1, keepSubset} {
		n.crash(l)
		n.open()
		n.wantFenced(1, 3)
		n.expect(2, span(1, 2, 1, "again"))
	}
}

func TestMissingInnerFileFencesAll(t *testing.T) {
	n := rolled(t)
	w := n.written(1)
	inner := w[len(w)/2].File
	if inner == "journal/"+n.current() || inner == w[0].File {
		t.Fatalf("%s is no inner file", inner)
	}
	n.lose(inner)
	n.wantLost(inner, false)
}

func TestMissingOldestFileFencesAll(t *testing.T) {
	n := rolled(t)
	oldest := n.written(1)[0].File
	n.lose(oldest)
	n.wantLost(oldest, false)
}

// B55: the newest file's name is lost. What is left looks whole, and is not.
func TestMissingNewestFileFencesAll(t *testing.T) {
	n := rolled(t)
	newest := "journal/" + n.current()
	n.lose(newest)
	n.wantLost(newest, false)
}

// B09: an emptied directory is a lost journal, not a first boot.
func TestEmptiedDirectoryIsALostJournal(t *testing.T) {
	for _, dirToo := range []bool{false, true} {
		n := rolled(t)
		newest, disk := "journal/"+n.current(), n.j.Disk()
		for name := range n.disk.names {
			if strings.HasPrefix(name, "journal/") {
				n.lose(name)
			}
		}
		if dirToo {
			delete(n.disk.dirs, "journal")
		}
		n.wantLost(newest, true)
		if n.j.Disk() != disk {
			t.Errorf("disk %x, it was %x", n.j.Disk(), disk)
		}
	}
}

// All heads are rotten: the files are there, and nobody knows what they hold.
func TestAllHeadsRottenFencesWhatIsExpected(t *testing.T) {
	n := rolled(t)
	newest := "journal/" + n.current()
	for name, f := range n.disk.names {
		if strings.HasPrefix(name, "journal/j-") {
			f.zero(0, 2048)
		}
	}
	n.wantLost(newest, true)
}

// The witness alone costs nothing: lost, rotten in one slot or in both, it is made
// again.
func TestWitnessIsMadeAgain(t *testing.T) {
	for what, harm := range map[string]func(n *node){
		"lost":      func(n *node) { n.lose(witness) },
		"one slot":  func(n *node) { n.inode(witness).rot(20) },
		"the other": func(n *node) { n.inode(witness).rot(512 + 20) },
		"both":      func(n *node) { n.inode(witness).zero(0, 1024) },
	} {
		t.Run(what, func(t *testing.T) {
			n := rolled(t)
			harm(n)
			n.open()
			n.wantFenced()
			n.powerLoss(loseAll)
			newest := "journal/" + n.current()
			n.lose(newest)
			n.wantLost(newest, false)
		})
	}
}

// Of a journal without files and a witness that cannot be read nothing is known.
func TestNothingLeftIsAnError(t *testing.T) {
	n := rolled(t)
	for name := range n.disk.names {
		if strings.HasPrefix(name, "journal/") {
			n.lose(name)
		}
	}
	n.inode(witness).zero(0, 1024)
	if _, err := n.tryOpen(); !errors.Is(err, journal.ErrDamaged) || !strings.Contains(err.Error(), witness) {
		t.Fatalf("open: %v", err)
	}
	n.await(func(task *env.Task) {
		if err := journal.Format(task, n.env(), n.cfg, testID, n.expected); !errors.Is(err, journal.ErrFormatted) {
			t.Errorf("format over it: %v", err)
		}
	})
}

func TestForeignWitness(t *testing.T) {
	n, other := rolled(t), newNode(t, 9, smallConfig(), 3)
	n.disk.names[witness] = other.inode(witness)
	if _, err := n.tryOpen(); !errors.Is(err, journal.ErrForeign) {
		t.Fatalf("a witness of another disk: %v", err)
	}
}

// TestLostFilesCrashAnywhere crashes the recovery from a loss at every operation:
// the loss is found again, or was written down.
func TestLostFilesCrashAnywhere(t *testing.T) {
	for _, l := range []loss{-1, loseAll, keepPrefix, keepSubset} {
		for at, whole := 0, false; !whole; at++ {
			n := rolled(t)
			n.lose("journal/" + n.current())
			n.crashAt = n.steps + at
			whole = n.open()
			n.crash(l)
			n.open()
			n.wantFenced(1, 2, 3)
			n.adopt(1, 300, 0, 0)
			n.powerLoss(loseAll)
			n.open()
			n.wantFenced(2, 3)
		}
	}
}

// The witness is written before a new file takes appends.
func TestWitnessComesBeforeAppends(t *testing.T) {
	n := newNode(t, 1, smallConfig(), 1)
	var order []string
	n.fault = func(op, name string) error {
		if strings.Contains(name, "/j-") && op == "write" || name == witness && op == "sync" {
			order = append(order, name)
		}
		return nil
	}
	n.open()
	for i := uint64(1); i <= 40; i++ {
		n.put(1, journal.HardState{Term: 1}, span(i, i, 1, strings.Repeat("m", 1000)))
	}
	files := slices.Compact(order)
	for i, name := range files {
		if (name == witness) != (i%2 == 0) {
			t.Fatalf("writes and syncs in order %v", files)
		}
	}
	if len(files) < 6 {
		t.Errorf("only %v", files)
	}
}
