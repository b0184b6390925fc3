package journal_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
)

// badSector makes one sector unreadable, by the offset of any of its bytes.
func (w *world) badSector(file string, off int64) {
	w.bad = func(name string, at int64) bool { return name == file && at == off/512*512 }
}

// rollOn lets group 1 fill files until so many more were begun, with nothing of
// its own to keep them.
func (n *node) rollOn(next *uint64, rolls uint64) {
	n.tb.Helper()
	for until := n.j.Stats().Rolls + rolls; n.j.Stats().Rolls < until; *next++ {
		n.put(1, journal.HardState{Term: 1, Commit: *next}, span(*next, *next, 1, strings.Repeat("w", 1500)))
		n.j.View(1).SetApplied(*next)
		n.j.Checkpointed(1, *next, *next, 1)
		n.j.Retain(1, *next+1)
	}
	n.settle()
}

// A read that fails once is tried again, and that is all.
func TestReadErrorThatPasses(t *testing.T) {
	n := filled(t)
	w := n.written(2)[1]
	times := 2 // in the big read, then alone
	n.bad = func(name string, at int64) bool {
		hit := times > 0 && name == w.File && at == w.Offset/512*512
		if hit {
			times--
		}
		return hit
	}
	n.open()
	n.wantFenced()
	if times != 0 {
		t.Errorf("%d read errors were not met", times)
	}
	n.expect(2, append(span(1, 3, 1, "first2"), span(4, 9, 1, strings.Repeat("x", 200))...))
}

// A sector among durable bytes that cannot be read is damage of whom it held;
// the sectors around it are read one by one.
func TestUnreadableSector(t *testing.T) {
	n := filled(t)
	w := n.written(2)[1]
	n.bad = func(name string, off int64) bool { return name == w.File && off == (w.Offset+512)/512*512 }
	n.open()
	n.wantFenced(2)
	if err := n.fences()[2]; !strings.Contains(err.Error(), env.ErrIO.Error()) {
		t.Errorf("the reason does not tell of the read error: %v", err)
	}
	n.bad = nil
	n.expect(1, append(span(1, 3, 1, "first1"), span(4, 9, 1, strings.Repeat("x", 200))...))
	n.expect(3, append(span(1, 3, 1, "first3"), span(4, 9, 1, strings.Repeat("x", 200))...))
}

// A sector that cannot be read fences its group while that lasts, and no
// longer: the bytes are kept, also those behind the watermark, over many files
// and power losses.
func TestUnreadableSectorFencesWhileItLasts(t *testing.T) {
	cfg := smallConfig()
	cfg.SealAfter = 1 << 40
	n := newNode(t, 1, cfg, 3)
	n.open()
	n.put(2, journal.HardState{Term: 3, Vote: 9}, span(1, 3, 3, strings.Repeat("x", 1000)))
	n.put(3, journal.HardState{Term: 3}, span(1, 3, 3, strings.Repeat("y", 1000)))
	n.put(2, journal.HardState{Term: 4, Vote: 8}, span(4, 5, 4, "last")) // no watermark covers it
	w := n.written(2)[0]
	next := uint64(1)
	for range 3 {
		n.powerLoss(loseAll)
		n.badSector(w.File, w.Offset+600)
		n.open()
		n.wantFenced(2)
		if err := n.fences()[2]; !strings.Contains(err.Error(), w.File) || !strings.Contains(err.Error(), env.ErrIO.Error()) {
			t.Errorf("the reason names neither file nor read error: %v", err)
		}
		n.rollOn(&next, 2)
	}
	for range 2 {
		n.powerLoss(loseAll)
		n.open()
		n.wantFenced()
		n.expect(2, append(span(1, 3, 3, strings.Repeat("x", 1000)), span(4, 5, 4, "last")...))
		if hs := n.j.Groups()[1].HardState; hs.Term != 4 || hs.Vote != 8 {
			t.Errorf("hard state %+v", hs)
		}
	}
}

// The files of a group that cannot be read are kept up to a bound: then it is
// fenced for good, and they go.
func TestUnreadableSectorIsGivenUp(t *testing.T) {
	n := newNode(t, 1, smallConfig(), 2)
	n.open()
	n.put(2, journal.HardState{Term: 3}, span(1, 3, 3, strings.Repeat("x", 1000)))
	w := n.written(2)[0]
	n.settle()
	n.kill()
	n.badSector(w.File, w.Offset)
	n.open()
	next, most := uint64(1), 0
	for range 30 {
		n.rollOn(&next, 1)
		most = max(most, n.j.Stats().Files)
	}
	if most < 12 || most > 20 || n.inode(w.File) != nil {
		t.Errorf("%d files were kept at most", most)
	}
	n.powerLoss(loseAll)
	n.open()
	n.wantFenced(2)
}

// An adoption says all of its group: files that were kept because it could not be
// read go, and recovery may begin with one whose head says nothing of it.
func TestAnAdoptionGivesUnreadFilesBack(t *testing.T) {
	n := newNode(t, 1, smallConfig(), 2)
	n.open()
	n.put(2, journal.HardState{Term: 3}, span(1, 3, 3, strings.Repeat("x", 1000)))
	w := n.written(2)[0]
	n.settle()
	n.kill()
	n.badSector(w.File, w.Offset)
	n.open()
	next := uint64(1)
	n.rollOn(&next, 6) // their heads say nothing of group 2
	if files := n.j.Stats().Files; files < 7 {
		t.Fatalf("%d files are kept", files)
	}
	n.adopt(2, 300, 3, 3)
	n.put(2, journal.HardState{Term: 5}, span(4, 5, 5, "fresh"))
	for range 3 {
		n.rollOn(&next, 1)
		if files := n.j.Stats().Files; files > 5 {
			t.Errorf("%d files are kept after the adoption", files)
		}
		n.powerLoss(loseAll)
		n.open()
		n.wantFenced()
		n.expect(2, span(4, 5, 5, "fresh"))
	}
}

// What is known to be wrong fences for good, whatever else cannot be read.
func TestRotBesideAnUnreadableSector(t *testing.T) {
	n := filled(t)
	w := n.written(2)
	n.inode(w[1].File).rot(w[1].Offset + 90)
	n.badSector(w[0].File, w[0].Offset)
	n.open()
	n.wantFenced(1, 2, 3) // the sector held a header and both directories
	n.powerLoss(loseAll)
	n.inode(w[1].File).rot(w[1].Offset + 90) // back again: the fence was written down
	n.open()
	n.wantFenced(2)
}

// A sector that cannot be read behind the watermark may hold what was acknowledged
// last. Open waits a little; then who may have had it there is fenced for good, and
// the others go on, with all that was written behind the watermark.
func TestUnreadableTailIsNotTorn(t *testing.T) {
	for _, c := range []struct {
		name   string
		sector int64 // of the last batch; -1: where the next one would begin
		fenced []env.GroupID
	}{
		{"a record", 2, []env.GroupID{1}},
		{"the header and a directory", 0, []env.GroupID{1}},
		{"where the next batch would begin", -1, []env.GroupID{1, 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := testConfig()
			cfg.SealAfter = 1 << 40
			n := newNode(t, 1, cfg, 2)
			n.open()
			n.put(2, journal.HardState{Term: 1}, span(1, 3, 1, "a"))
			n.put(1, journal.HardState{Term: 1}, span(1, 3, 1, strings.Repeat("b", 3000)))
			n.put(2, journal.HardState{Term: 7, Vote: 4}, span(4, 6, 7, "c"))
			n.put(1, journal.HardState{Term: 1}, span(4, 6, 1, strings.Repeat("b", 3000)))
			w := n.written(1)[1]
			sector := w.Offset/512*512 + c.sector*512
			if c.sector < 0 {
				sector = (w.Offset + w.Length + 1023) / 512 * 512 // behind the second directory
			}
			n.kill()
			n.badSector(w.File, sector)
			n.open()
			n.wantFenced(c.fenced...)
			found, err := n.damages(), n.fences()[1]
			if len(found) != 1 || found[0].File != w.File || !strings.Contains(err.Error(), w.File) || !strings.Contains(err.Error(), env.ErrIO.Error()) {
				t.Errorf("reported as %v, the reason is %v", found, err)
			}
			if len(c.fenced) < 2 {
				n.expect(2, append(span(1, 3, 1, "a"), span(4, 6, 7, "c")...))
				if hs := n.j.Groups()[1].HardState; hs.Term != 7 || hs.Vote != 4 {
					t.Errorf("hard state %+v", hs)
				}
				n.put(2, journal.HardState{Term: 7, Vote: 4}, span(7, 7, 7, "d"))
			}
			// It reads again: who was silenced stays so.
			for range 2 {
				n.powerLoss(loseAll)
				n.open()
				n.wantFenced(c.fenced...)
			}
			// Another replica takes the place of one that is fenced so.
			n.await(func(t *env.Task) {
				t.Await(func(done func()) {
					if err := n.j.Adopt(1, 900, 1, 0, 0, done); err != nil {
						n.tb.Fatalf("adopt: %v", err)
					}
				})
			})
			n.powerLoss(loseAll)
			n.open()
			n.wantFenced(c.fenced[1:]...)
		})
	}
}

// damages gives what was reported as damaged.
func (n *node) damages() (out []env.Event) {
	for _, e := range n.events {
		if e.Kind == env.EventDamaged {
			out = append(out, e)
		}
	}
	return out
}

// A sector of the tail that reads at the third try costs nobody anything.
func TestUnreadableTailThatPasses(t *testing.T) {
	cfg := testConfig()
	cfg.SealAfter = 1 << 40
	n := newNode(t, 1, cfg, 1)
	n.open()
	n.put(1, journal.HardState{Term: 1}, span(1, 3, 1, "a"))
	n.put(1, journal.HardState{}, span(4, 6, 1, strings.Repeat("b", 3000)))
	w := n.written(1)[1]
	n.kill()
	tries := 7 // three a try, of which one is of the whole file
	n.bad = func(name string, off int64) bool {
		hit := tries > 0 && name == w.File && off == w.Offset/512*512+1024
		if hit {
			tries--
		}
		return hit
	}
	n.open()
	n.wantFenced()
	n.expect(1, append(span(1, 3, 1, "a"), span(4, 6, 1, strings.Repeat("b", 3000))...))
	if tries != 0 || len(n.damages()) != 0 {
		t.Errorf("%d read errors were not met, %v", tries, n.damages())
	}
}

// A replica that was adopted in the doubtful tail is silenced with its old self: the
// fence stands behind the adoption.
func TestUnreadableTailBehindAnAdoption(t *testing.T) {
	cfg := testConfig()
	cfg.SealAfter = 1 << 40
	n := newNode(t, 1, cfg, 2)
	n.open()
	n.j.Fence(1, journal.ErrDamaged)
	n.await(func(t *env.Task) {
		t.Await(func(done func()) {
			if err := n.j.Adopt(1, 900, 1, 0, 0, done); err != nil {
				n.tb.Fatalf("adopt: %v", err)
			}
		})
	})
	n.put(1, journal.HardState{Term: 5, Vote: 9}, span(1, 3, 5, strings.Repeat("b", 3000)))
	w := n.written(1)[0]
	n.kill()
	n.badSector(w.File, w.Offset/512*512+1024)
	n.open()
	n.wantFenced(1)
	if r := n.j.Groups()[0]; r.Replica != 900 {
		t.Errorf("replica %d is fenced, not 900", r.Replica)
	}
	n.powerLoss(loseAll)
	n.open()
	n.wantFenced(1)
}

// Both heads of a file unreadable for a moment: Open waits. For longer: nobody
// knows what it holds, every group is fenced, and the node goes on.
func TestUnreadableHead(t *testing.T) {
	n := filled(t)
	file := "journal/" + n.current()
	tries := 5
	n.bad = func(name string, at int64) bool {
		hit := tries > 0 && name == file && at < 1024
		if hit {
			tries--
		}
		return hit
	}
	n.open()
	n.wantFenced()
	if tries != 0 {
		t.Errorf("%d read errors were not met", tries)
	}
	n.kill()
	file = "journal/" + n.current()
	n.badSector(file, 0)
	n.open() // the second copy serves
	n.wantFenced()
	n.kill()
	file = "journal/" + n.current()
	n.bad = func(name string, at int64) bool { return name == file && at < 1024 }
	if _, err := n.tryOpen(); !errors.Is(err, journal.ErrDamaged) || !strings.Contains(err.Error(), file) {
		t.Fatalf("nobody told which groups to fence: %v", err)
	}
	n.kill()
	n.bad = func(name string, at int64) bool { return name == file && at < 1024 }
	n.expected = genesis(3)
	n.open()
	n.wantFenced(1, 2, 3)
}

// A bad sector where nothing was written is nobody's.
func TestUnreadableSectorBehindTheEnd(t *testing.T) {
	n := filled(t)
	file := "journal/" + n.current()
	n.badSector(file, n.cfg.FileBytes-512)
	n.open()
	n.wantFenced()
}

// TestUnreadableSectorAnywhere takes each sector of a journal away for the time
// of one process, which goes on with the groups that are left. Once it reads
// again, nothing of anybody is missing, but of those that were silenced for good.
func TestUnreadableSectorAnywhere(t *testing.T) {
	silenced, fenced, fine := 0, 0, 0
	for _, l := range []loss{-1, loseAll, keepSubset} {
		for place := 0; ; place++ {
			tb := &labelled{t, fmt.Sprintf("loss %d, sector %d", l, place)}
			m := newModel(newNode(tb, 4, smallConfig(), crashGroups), crashGroups)
			m.recovered()
			m.crashAt = m.steps + 58
			m.story(20)
			m.crash(l)
			if !m.takeSector(place) {
				break
			}
			if whole, err := m.tryOpen(); !whole || err != nil {
				tb.Fatalf("open: %v", err)
			}
			forGood := m.fencedForGood()
			switch {
			case m.goOnWithout():
				fenced++
			default:
				fine++
			}
			m.crash(l)
			if forGood {
				silenced++
				m.open()
				if !m.fencedForGood() {
					tb.Fatalf("who may have forgotten what could not be read speaks again")
				}
				continue
			}
			m.recovered()
			m.story(2)
			m.crash(loseAll)
			m.recovered()
		}
	}
	t.Logf("Open fenced %d times, %d of them for good, and needed nothing of the sector %d times", fenced, silenced, fine)
	if silenced == 0 || fenced == 0 || fine == 0 {
		t.Error("one of the three is not tested")
	}
}

// takeSector makes one sector of all journal files unreadable.
func (m *model) takeSector(place int) bool {
	for _, name := range slices.Sorted(maps.Keys(m.disk.names)) {
		if !strings.Contains(name, "/j-") {
			continue
		}
		if sectors := len(m.inode(name).cache) / 512; place >= sectors {
			place -= sectors
			continue
		}
		m.badSector(name, int64(place)*512)
		return true
	}
	return false
}

// fencedForGood tells whether some group is fenced for what may have stood behind
// the watermark.
func (m *model) fencedForGood() bool {
	return slices.ContainsFunc(m.j.Groups(), func(r journal.Recovered) bool { return r.Reason == journal.FencedDamage })
}

// goOnWithout lets the groups live on that are not fenced, and tells whether
// some are.
func (m *model) goOnWithout() (fenced bool) {
	for _, r := range m.j.Groups() {
		if r.Fenced != nil {
			fenced = true
			continue
		}
		m.check(r)
		for round := range 7 {
			m.chapter(r.Group, round)
			m.settle()
		}
	}
	return fenced
}

// A read error that lasted one process must not fence for good once it read again.
func TestAReadErrorOfOneLifeIsForgottenLater(t *testing.T) {
	cfg := smallConfig()
	n := newNode(t, 1, cfg, 3)
	n.open()
	n.put(2, journal.HardState{Term: 3, Vote: 9}, span(1, 3, 3, strings.Repeat("x", 1000)))
	w := n.written(2)[0]
	n.settle()
	n.kill()
	n.badSector(w.File, w.Offset+600)
	n.open()
	n.wantFenced(2)
	next := uint64(1)
	n.rollOn(&next, 2) // heads with an unread row of group 2
	// Group 3 has an entry here that a slow follower needs.
	n.put(3, journal.HardState{Term: 1, Commit: 1}, span(1, 1, 1, "kept"))
	n.settle()
	n.rollOn(&next, 1)
	n.kill()
	n.open() // reads again
	n.wantFenced()
	n.expect(2, span(1, 3, 3, strings.Repeat("x", 1000)))
	// Group 2 goes on, checkpoints, and all its followers keep up.
	n.put(2, journal.HardState{Term: 3, Vote: 9, Commit: 4}, span(4, 4, 3, "more"))
	n.j.View(2).SetApplied(4)
	n.j.Checkpointed(2, 1, 4, 3)
	n.j.Retain(2, 5)
	n.rollOn(&next, 2)
	n.put(2, journal.HardState{Term: 3, Vote: 9, Commit: 4}, span(5, 5, 3, "even more"))
	n.settle()
	n.kill()
	n.open()
	n.wantFenced()
}

// A slow follower keeps many files; one read error in one process must not fence for good.
func TestAReadErrorAmongManyFilesIsForgottenLater(t *testing.T) {
	n := newNode(t, 1, smallConfig(), 2)
	n.open()
	n.put(2, journal.HardState{Term: 3}, span(1, 3, 3, "x")) // nobody retains: all is kept
	w := n.written(2)[0]
	next := uint64(1)
	n.rollOn(&next, 20)
	n.kill()
	n.badSector(w.File, w.Offset)
	n.open()
	n.wantFenced(1, 2) // a batch of one sector: both directories are gone
	n.kill()
	n.open() // reads again
	n.wantFenced()
	n.expect(2, span(1, 3, 3, "x"))
}
