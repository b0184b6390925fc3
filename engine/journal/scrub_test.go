package journal_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
)

// scrubbed is what one pass finds.
func (n *node) scrubbed() (found []journal.Damage, read int64) {
	n.tb.Helper()
	n.await(func(t *env.Task) {
		pace := func(t *env.Task, bytes int64) {
			read += bytes
			t.Sleep(n.env().Clock, time.Millisecond)
		}
		if err := n.j.Scrub(t, pace, func(d journal.Damage) { found = append(found, d) }); err != nil {
			n.tb.Fatalf("scrub: %v", err)
		}
	})
	return found, read
}

func (n *node) traced(kind env.EventKind) (out []env.Event) {
	for _, e := range n.events {
		if e.Kind == kind {
			out = append(out, e)
		}
	}
	return out
}

// scrubStory is a journal of several files whose groups have no checkpoint.
func scrubStory(t *testing.T) *node {
	n := newNode(t, 1, smallConfig(), 3)
	n.open()
	for i := uint64(1); i <= 30; i++ {
		n.put(1, journal.HardState{Term: 1, Commit: i}, span(i, i, 1, strings.Repeat("s", 1000)))
		n.j.View(1).SetApplied(i)
	}
	n.put(2, journal.HardState{Term: 5, Vote: 9}, nil)
	n.settle()
	return n
}

// Rot is found in one pass wherever it is: in heads, batches, the current file.
// The file goes once checkpoints cover it, and the next process misses nothing.
func TestScrubFindsRotAndTheFileGoes(t *testing.T) {
	whole := scrubStory(t)
	if found, read := whole.scrubbed(); len(found) > 0 || read < 30_000 {
		t.Fatalf("a sound journal: %v, %d bytes read", found, read)
	}
	for what, place := range map[string]func(n *node) (file string, off int64){
		"inner batch":  func(n *node) (string, int64) { w := n.written(1)[8]; return w.File, w.Offset + 100 },
		"last batch":   func(n *node) (string, int64) { w := n.written(1)[29]; return w.File, w.Offset + 100 },
		"first head":   func(n *node) (string, int64) { return n.written(1)[8].File, 60 },
		"second head":  func(n *node) (string, int64) { return n.written(1)[8].File, 512 + 60 },
		"current head": func(n *node) (string, int64) { return "journal/" + n.current(), 60 },
	} {
		t.Run(what, func(t *testing.T) {
			n := scrubStory(t)
			file, off := place(n)
			n.inode(file).rot(off)
			found, _ := n.scrubbed()
			if len(found) != 1 || found[0].File != file || found[0].Offset > off || found[0].Offset+found[0].Length <= off || !errors.Is(found[0].Err, journal.ErrDamaged) {
				t.Fatalf("found %+v, rot at %s:%d", found, file, off)
			}
			if batch := strings.Contains(what, "batch"); batch != (fmt.Sprint(found[0].Groups) == "[1]") {
				t.Errorf("groups %v", found[0].Groups)
			}
			n.after(5 * time.Second)
			if got := n.j.Laggards(100); len(got) != 1 || got[0] != 1 {
				t.Fatalf("%v should checkpoint", got)
			}
			n.j.Checkpointed(1, 1, 30, 1)
			n.after(5 * time.Second)
			if m := n.traced(env.EventRepaired); len(m) != 1 || m[0].File != file || len(n.traced(env.EventDamaged)) != 1 {
				t.Fatalf("repaired: %v", m)
			}
			if again, _ := n.scrubbed(); len(again) > 0 {
				t.Errorf("found again: %v", again)
			}
			n.powerLoss(loseAll)
			n.open()
			n.wantFenced()
			if hs := n.j.Groups()[1].HardState; hs.Term != 5 || hs.Vote != 9 {
				t.Errorf("hard state %+v", hs)
			}
		})
	}
}

// What no checkpoint covers in time is lost to the next process: its group is
// fenced now, and the file goes with that.
func TestScrubFencesWhatIsNotCovered(t *testing.T) {
	n := scrubStory(t)
	told := 0
	n.j.OnDamage(func(g env.GroupID, err error) {
		if told++; g != 1 || !errors.Is(err, journal.ErrDamaged) {
			t.Errorf("group %d: %v", g, err)
		}
	})
	w := n.written(1)[8]
	n.inode(w.File).rot(w.Offset + 100)
	n.scrubbed()
	n.after(25 * time.Second)
	if told > 0 {
		t.Error("given up at once")
	}
	n.after(10 * time.Second)
	if m := n.traced(env.EventRepaired); told != 1 || len(m) != 1 {
		t.Errorf("told %d times, repaired: %v", told, m)
	}
	n.powerLoss(loseAll)
	n.open()
	n.wantFenced(1)
}

// inspected is what Inspect says of a file.
func (n *node) inspected(name string) (items []journal.Item, err error) {
	b := n.inode(name).cache
	err = journal.Inspect(bytes.NewReader(b), int64(len(b)), name, func(i journal.Item) { items = append(items, i) })
	return items, err
}

func TestInspect(t *testing.T) {
	n := filled(t)
	file := "journal/" + n.current()
	items, err := n.inspected(file)
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, i := range items {
		text += i.What + "\n"
	}
	for _, want := range []string{"copy 1 of the head: file 2 of cluster 7, node 3", "group 3: replica 102", "entries 4..9; term 1, vote 9", "seal", "end of data"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	w := n.written(2)[1]
	n.inode(file).rot(w.Offset + 90)
	_, err = n.inspected(file)
	if d := new(journal.DamageError); !errors.As(err, &d) || d.File != file || d.Offset > w.Offset {
		t.Errorf("damage: %v", err)
	}
	if items, err := n.inspected(witness); err != nil || len(items) != 2 {
		t.Errorf("witness: %v, %v", items, err)
	}
	n.inode(file).cache[4], n.inode(file).cache[512+4] = 1, 1
	if _, err := n.inspected(file); !errors.Is(err, journal.ErrVersion) {
		t.Errorf("version 1: %v", err)
	}
}

// Inspect finds what Open finds: a flipped byte anywhere in durable bytes, but the
// zeros that fill up a sector.
func TestInspectFindsRotAnywhere(t *testing.T) {
	silent, bad := 0, 0
	for place := 0; ; place += 61 {
		n, ok := rotted(t, place)
		if !ok {
			break
		}
		found := false
		for name := range n.disk.names {
			if strings.Contains(name, "/j-") {
				_, err := n.inspected(name)
				found = found || err != nil
			}
		}
		whole, err := n.tryOpen()
		if !whole || err != nil {
			t.Fatal(err)
		}
		fenced := len(n.fences()) > 0 && (n.fences()[1] != nil || n.fences()[2] != nil || n.fences()[3] != nil)
		if fenced && !found {
			t.Fatalf("byte %d: Open fences %v, Inspect finds nothing", place, n.fences())
		}
		if found {
			bad++
		} else {
			silent++
		}
	}
	if bad == 0 || silent == 0 {
		t.Errorf("%d found, %d not", bad, silent)
	}
}
