package journal_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
)

// written gives the events of records with entries of a group, newest last.
func (n *node) written(g env.GroupID) []env.Event {
	var out []env.Event
	for _, e := range n.events {
		if e.Kind == env.EventWritten && e.Group == g && e.First > 0 {
			out = append(out, e)
		}
	}
	return out
}

// fences gives what Open said of each group.
func (n *node) fences() map[env.GroupID]error {
	out := map[env.GroupID]error{}
	for _, r := range n.j.Groups() {
		out[r.Group] = r.Fenced
	}
	return out
}

func (n *node) wantFenced(want ...env.GroupID) {
	n.tb.Helper()
	var got []env.GroupID
	for g, err := range n.fences() {
		if err != nil {
			got = append(got, g)
			if !errors.Is(err, journal.ErrDamaged) {
				n.tb.Errorf("group %d: %v is not ErrDamaged", g, err)
			}
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		n.tb.Fatalf("fenced are %v, want %v: %v", got, want, n.fences())
	}
}

func (n *node) inode(name string) *inode { return n.disk.names[name] }

// filled is a sealed journal: three groups, one batch each, and one of all.
func filled(t *testing.T) *node {
	n := newNode(t, 1, testConfig(), 3)
	n.open()
	for g := env.GroupID(1); g <= 3; g++ {
		n.put(g, journal.HardState{Term: 1, Vote: 9}, span(1, 3, 1, fmt.Sprint("first", g)))
	}
	for g := env.GroupID(1); g <= 3; g++ {
		n.j.Append(g, journal.HardState{}, span(4, 9, 1, strings.Repeat("x", 200)), nil)
	}
	n.settle()
	n.kill()
	return n
}

func TestDamagedRecordFencesItsGroup(t *testing.T) {
	for what, at := range map[string]int64{"payload": 90, "record header": 3} {
		t.Run(what, func(t *testing.T) {
			n := filled(t)
			w := n.written(2)[1]
			n.inode(w.File).rot(w.Offset + at)
			n.open()
			n.wantFenced(2)
			err := n.fences()[2]
			if text := err.Error(); !strings.Contains(text, w.File) || !strings.Contains(text, fmt.Sprint(w.Offset)) || !strings.Contains(text, "group 2") {
				t.Errorf("the reason names neither file, offset nor group: %v", err)
			}
			n.expect(1, append(span(1, 3, 1, "first1"), span(4, 9, 1, strings.Repeat("x", 200))...))
			n.expect(3, append(span(1, 3, 1, "first3"), span(4, 9, 1, strings.Repeat("x", 200))...))
			// The others go on, and the fence outlives the file it was found in.
			n.put(1, journal.HardState{}, span(10, 10, 1, "on"))
			n.powerLoss(loseAll)
			n.open()
			n.wantFenced(2)
			if again := n.fences()[2]; again.Error() != err.Error() {
				t.Errorf("the reason was %q and is %q", err, again)
			}
		})
	}
}

// A fence outlives the file with the damage.
func TestFenceOutlivesTheDamage(t *testing.T) {
	n := newNode(t, 1, smallConfig(), 2)
	n.open()
	n.put(2, journal.HardState{Term: 1}, span(1, 3, 1, "lost"))
	w := n.written(2)[0]
	n.settle()
	n.kill()
	n.inode(w.File).rot(w.Offset + 80)
	n.open()
	n.wantFenced(2)
	why := n.fences()[2].Error()
	for i := uint64(1); n.inode(w.File) != nil; i++ {
		n.put(1, journal.HardState{Term: 1, Commit: i}, span(i, i, 1, strings.Repeat("w", 1200)))
		n.j.View(1).SetApplied(i)
		n.j.Checkpointed(1, i, i, 1)
		n.j.Retain(1, i+1)
		n.settle()
	}
	for range 2 {
		n.powerLoss(loseAll)
		n.open()
		n.wantFenced(2)
		if again := n.fences()[2].Error(); again != why {
			t.Errorf("the reason was %q and is %q", why, again)
		}
	}
}

// zero takes sectors away, as a disk that remapped them.
func (f *inode) zero(from, to int64) {
	clear(f.durable[from:to])
	clear(f.cache[from:to])
}

// batchOf gives the extent of the batch that holds a record: Written events of
// one batch begin in its first sector, and batches begin on sectors.
func (n *node) batchOf(e env.Event) (from, to int64) {
	from = -1
	for _, b := range n.batches(e.File) {
		if b[0] <= e.Offset && e.Offset < b[1] {
			from, to = b[0], b[1]
		}
	}
	if from < 0 {
		n.tb.Fatalf("no batch holds %+v", e)
	}
	return from, to
}

// batches finds the batches of a file by their magic, heads excluded.
func (n *node) batches(name string) [][2]int64 {
	var out [][2]int64
	b := n.inode(name).cache
	for off := 0; off+512 <= len(b); off += 512 {
		if string(b[off:off+4]) == "LKJB" && b[off+6] != 1 {
			length := int64(b[off+48]) | int64(b[off+49])<<8 | int64(b[off+50])<<16
			out = append(out, [2]int64{int64(off), int64(off) + length})
		}
	}
	return out
}

func TestHeaderLostButSecondDirectoryReads(t *testing.T) {
	n := filled(t)
	w := n.written(1)[1] // the batch of all three groups, several sectors long
	from, to := n.batchOf(w)
	if to-from < 4*512 {
		t.Fatalf("the batch has only %d bytes", to-from)
	}
	n.inode(w.File).zero(from, from+512) // header, first directory, part of group 1's record
	n.open()
	n.wantFenced(1)
	n.expect(3, append(span(1, 3, 1, "first3"), span(4, 9, 1, strings.Repeat("x", 200))...))
}

func TestTrailingSectorLostButFirstDirectoryReads(t *testing.T) {
	n := filled(t)
	w := n.written(3)[1]
	_, to := n.batchOf(w)
	n.inode(w.File).zero(to-512, to)
	n.open()
	if err := n.fences()[1]; err != nil {
		t.Errorf("group 1 has nothing in the lost sector: %v", err)
	}
	n.expect(1, append(span(1, 3, 1, "first1"), span(4, 9, 1, strings.Repeat("x", 200))...))
}

func TestBothDirectoriesLostFencesAll(t *testing.T) {
	n := filled(t)
	w := n.written(2)[0] // a batch of group 2 alone
	from, to := n.batchOf(w)
	n.inode(w.File).zero(from, to)
	n.open()
	n.wantFenced(1, 2, 3)
	if err := n.fences()[1]; !strings.Contains(err.Error(), fmt.Sprintf("%s at offset %d", w.File, from)) {
		t.Errorf("the reason does not name the place: %v", err)
	}
}

func TestTwoBatchesLostFencesAll(t *testing.T) {
	n := filled(t)
	first, last := n.written(1)[0], n.written(3)[0]
	from, _ := n.batchOf(first)
	_, to := n.batchOf(last)
	n.inode(first.File).zero(from, to-512)
	n.open()
	n.wantFenced(1, 2, 3)
}

// B19: the last batch, idle and sealed, is not taken for torn when it rots.
func TestSealedBatchThatRotsIsDamage(t *testing.T) {
	n := filled(t)
	w := n.written(3)[1]
	n.inode(w.File).rot(w.Offset + w.Length - 1)
	n.powerLoss(keepAll)
	n.open()
	n.wantFenced(3)
}

// The stated residual, and its limit: without a seal the last batch that rots
// is taken for torn, and nothing before it is.
func TestUnsealedBatchThatRotsIsTorn(t *testing.T) {
	cfg := testConfig()
	cfg.SealAfter = 1 << 40
	n := newNode(t, 1, cfg, 2)
	n.open()
	n.put(1, journal.HardState{Term: 1}, span(1, 3, 1, "a"))
	n.put(1, journal.HardState{}, span(4, 5, 1, "b"))
	w := n.written(1)[1]
	n.kill()
	n.inode(w.File).rot(w.Offset + w.Length - 1)
	n.open()
	n.wantFenced()
	n.expect(1, span(1, 3, 1, "a"))
	if !slices.ContainsFunc(n.events, func(e env.Event) bool { return e.Kind == env.EventTornTail && e.File == w.File }) {
		t.Error("no event tells of the torn tail")
	}
}

func TestRottenHead(t *testing.T) {
	n := newNode(t, 1, smallConfig(), 3)
	n.open()
	var want []*raftpb.Entry
	for i := uint64(1); n.j.Stats().Rolls < 2; i++ {
		want = append(want, span(i, i, 1, strings.Repeat("h", 1000))...)
		n.put(1, journal.HardState{Term: 1}, want[i-1:])
	}
	n.settle()
	n.kill()
	file := "journal/" + n.current()
	n.inode(file).rot(0)
	n.open()
	n.wantFenced() // the second copy serves
	n.expect(1, want)
	n.kill()
	file = "journal/" + n.current()
	n.inode(file).zero(0, 2048)
	for range 2 {
		n.open()
		n.wantFenced(1, 2, 3)
		if err := n.fences()[3]; !strings.Contains(err.Error(), file) {
			t.Errorf("the reason does not name the file: %v", err)
		}
		n.powerLoss(loseAll)
	}
}

func TestOnlyHeadRottenIsAnError(t *testing.T) {
	n := newNode(t, 1, testConfig(), 2)
	clear(n.file("0001").cache)
	_, err := n.tryOpen()
	if !errors.Is(err, journal.ErrDamaged) || !strings.Contains(err.Error(), "journal/j-0000000000000001") {
		t.Fatalf("open: %v", err)
	}
}

func TestShortFileIsDamage(t *testing.T) {
	n := filled(t)
	w := n.written(2)[1]
	f := n.inode(w.File)
	f.cache = f.cache[:w.Offset]
	n.open()
	if n.fences()[2] == nil || n.fences()[3] == nil {
		t.Fatalf("the lost end fences %v", n.fences())
	}
}

// TestRotAnywhere flips one byte at every place of a sealed journal of several
// files: whatever was acknowledged is there, or its group is fenced.
func TestRotAnywhere(t *testing.T) {
	stride := 37
	if testing.Short() {
		stride = 509
	}
	checked, fenced, whole := 0, 0, 0
	for place := 0; ; place += stride {
		n, ok := rotted(t, place)
		if !ok {
			break
		}
		checked++
		if _, err := n.tryOpen(); err != nil {
			t.Fatalf("byte %d: %v", place, err)
		}
		bad := 0
		for _, r := range n.j.Groups() {
			if r.Fenced != nil {
				bad++
				continue
			}
			n.expectStory(r, place)
		}
		fenced += min(bad, 1)
		if bad == 3 {
			whole++
		}
	}
	t.Logf("%d places: %d fence somebody, %d everybody", checked, fenced, whole)
	if fenced == 0 || fenced == checked || whole*4 > fenced*3 {
		t.Errorf("%d places: %d fence somebody, %d everybody", checked, fenced, whole)
	}
}

func rotted(t *testing.T, place int) (*node, bool) {
	cfg := smallConfig()
	cfg.Spares = 2
	n := newNode(t, 3, cfg, 3)
	n.open()
	for i := uint64(1); i <= 24; i++ {
		for g := env.GroupID(1); g <= 3; g++ {
			n.j.Append(g, journal.HardState{Term: i, Vote: 9}, span(i, i, i, strings.Repeat("y", int(g)*100)), nil)
		}
		n.settle()
	}
	n.kill()
	for _, name := range slices.Sorted(maps.Keys(n.disk.names)) {
		if !strings.Contains(name, "/j-") {
			continue
		}
		b := n.batches(name)
		if len(b) == 0 {
			continue
		}
		end := int(b[len(b)-1][1])
		if place < end {
			n.inode(name).rot(int64(place))
			return n, true
		}
		place -= end
	}
	return n, false
}

func (n *node) expectStory(r journal.Recovered, place int) {
	n.tb.Helper()
	if r.Last != 24 || r.First != 1 || r.HardState.Term != 24 || r.HardState.Vote != 9 {
		n.tb.Fatalf("byte %d: group %d is not fenced and recovered as %+v", place, r.Group, r)
	}
	for i, e := range n.all(r.Group) {
		if !same(e, span(uint64(i+1), uint64(i+1), uint64(i+1), strings.Repeat("y", int(r.Group)*100))[0]) {
			n.tb.Fatalf("byte %d: group %d: entry %v", place, r.Group, e)
		}
	}
}

// A recovery that dies before its rename leaves a head in a spare, and the next
// one writes a shorter head for the same file over it. When both copies of that
// rot, the second copy of the one before is not taken for them: its batches
// would be those of another use, and what was acknowledged since be lost.
func TestHeadOfAnInterruptedRecoveryIsNotRead(t *testing.T) {
	cfg := smallConfig()
	cfg.Dir = strings.Repeat("d", 400) // stands in every fence: the longer head
	n := newNode(t, 1, cfg, 3)
	n.open()
	n.put(1, journal.HardState{Term: 1}, span(1, 6, 1, strings.Repeat("s", 1200)))
	w := n.written(1)[0]
	n.settle()
	n.kill()

	first := n.batches(w.File)[0][0]
	n.bad = func(name string, at int64) bool { return name == w.File && at >= first && at < first+4096 }
	n.fault = func(op, _ string) error {
		n.crashed = n.crashed || op == "rename"
		return nil
	}
	if whole, err := n.tryOpen(); whole {
		t.Fatalf("no crash before the rename: %v", err)
	}
	n.kill()

	n.open()
	n.wantFenced()
	n.put(1, journal.HardState{}, span(7, 7, 1, "on"))
	file := n.written(1)[len(n.written(1))-1].File
	n.kill()
	f := n.inode(file)
	if heads := n.heads(file); len(heads) < 2 {
		t.Fatalf("heads at %v", heads)
	}
	f.rot(0)
	f.rot(512)
	n.open()
	if last := n.j.Groups()[0].Last; n.fences()[1] == nil && last < 7 {
		t.Errorf("both heads are rotten, nobody is fenced, and the last entry is %d of 7", last)
	}
}

// heads finds the heads of a file by their magic.
func (n *node) heads(name string) (at []int) {
	b := n.inode(name).cache
	for off := 0; off+512 <= len(b); off += 512 {
		if string(b[off:off+4]) == "LKJB" && b[off+6] == 1 {
			at = append(at, off)
		}
	}
	return at
}
