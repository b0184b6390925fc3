package journal_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
)

func TestGroupCommit(t *testing.T) {
	const groups = 64
	n := newNode(t, 1, testConfig(), groups)
	n.open()
	n.settle()
	before := n.syncs
	var order []string
	appendAll := func(index uint64) {
		for g := env.GroupID(1); g <= groups; g++ {
			n.j.Append(g, journal.HardState{}, span(index, index, 1, "e"), func() { order = append(order, fmt.Sprint(index, ".", g)) })
		}
	}
	appendAll(1)
	appendAll(2)
	n.run(func() bool { return len(order) == 2*groups })
	if got := n.syncs - before; got != 1 {
		t.Errorf("a turn's appends of %d groups took %d syncs", groups, got)
	}
	for i, got := range order {
		if want := fmt.Sprint(uint64(1+i/groups), ".", 1+i%groups); got != want {
			t.Fatalf("done %d was %s, want %s", i, got, want)
		}
	}
	// What arrives while a sync runs makes one batch more.
	before = n.syncs
	appendAll(3)
	n.run(func() bool { return n.dirty == 1 })
	appendAll(4)
	appendAll(5)
	n.run(func() bool { return len(order) == 5*groups })
	if got := n.syncs - before; got != 2 {
		t.Errorf("appends during a sync took %d syncs in all, want 2", got)
	}
	if n.maxSync != 1 {
		t.Errorf("%d syncs at a time", n.maxSync)
	}
}

func TestBatchesAreCutAtTheLimit(t *testing.T) {
	cfg := testConfig()
	n := newNode(t, 1, cfg, 4)
	n.open()
	n.settle()
	done := 0
	for g := env.GroupID(1); g <= 4; g++ {
		n.j.Append(g, journal.HardState{Term: 1}, span(1, 10, 1, strings.Repeat("z", 1000)), func() { done++ })
	}
	big := entry(11, 1, strings.Repeat("B", cfg.MaxBatchBytes+5000))
	n.j.Append(1, journal.HardState{}, append(span(11, 11, 1, "")[:0], big), func() { done++ })
	n.run(func() bool { return done == 5 })
	n.settle()
	over := 0
	for _, w := range n.written(1) {
		from, to := n.batchOf(w)
		if to-from > int64(cfg.MaxBatchBytes) {
			over++
		}
	}
	if over != 1 {
		t.Errorf("%d batches above the limit, want only that of the big entry", over)
	}
	if s := n.j.Stats(); s.Batches < 5 {
		t.Errorf("%d batches for %d bytes", s.Batches, s.Bytes)
	}
	n.powerLoss(loseAll)
	n.open()
	n.expect(1, append(span(1, 10, 1, strings.Repeat("z", 1000)), big))
}

func TestEntryBiggerThanAFile(t *testing.T) {
	cfg := smallConfig()
	n := newNode(t, 1, cfg, 1)
	n.open()
	big := entry(1, 1, strings.Repeat("B", int(cfg.FileBytes)+1000))
	n.put(1, journal.HardState{Term: 1}, append(span(1, 1, 1, "")[:0], big))
	n.put(1, journal.HardState{}, span(2, 2, 1, "after"))
	n.powerLoss(loseAll)
	n.open()
	n.expect(1, append(span(1, 0, 1, ""), big, span(2, 2, 1, "after")[0]))
}

func TestSealOnceWhenIdle(t *testing.T) {
	n := newNode(t, 1, testConfig(), 2)
	n.open()
	n.put(1, journal.HardState{Term: 1}, span(1, 1, 1, "a"))
	n.settle()
	for range 5 {
		n.j.Append(1, journal.HardState{}, nil, func() {})
		n.settle()
	}
	if s := n.j.Stats(); s.Seals != 1 || s.Batches != 2 {
		t.Errorf("%d batches, %d seals; want 2 and 1", s.Batches, s.Seals)
	}
}

func TestNoSealBetweenBusyBatches(t *testing.T) {
	cfg := testConfig()
	cfg.SealAfter = 1000
	n := newNode(t, 1, cfg, 1)
	n.open()
	for i := uint64(1); i <= 20; i++ {
		n.put(1, journal.HardState{}, span(i, i, 1, "a"))
	}
	if s := n.j.Stats(); s.Seals != 0 {
		t.Errorf("%d seals while appends kept coming", s.Seals)
	}
}

func TestCommitAloneOwesNoSync(t *testing.T) {
	n := newNode(t, 1, testConfig(), 2)
	n.open()
	n.put(1, journal.HardState{Term: 1}, span(1, 5, 1, "a"))
	n.settle()
	before, done := n.syncs, false
	n.j.Append(1, journal.HardState{Term: 1, Commit: 3}, nil, nil)
	n.j.Append(1, journal.HardState{Term: 1, Commit: 4}, nil, func() { done = true })
	n.settle()
	if n.syncs != before || !done {
		t.Errorf("a commit index took %d syncs, done: %v", n.syncs-before, done)
	}
	n.put(2, journal.HardState{Term: 8}, nil) // the commit index rides with this
	n.powerLoss(loseAll)
	n.open()
	if hs := n.j.Groups()[0].HardState; hs.Commit != 4 {
		t.Errorf("commit index %d, want the one that rode with another group's batch", hs.Commit)
	}
}

// The note of a checkpoint rides, too, and costs no sync.
func TestCheckpointNoteRides(t *testing.T) {
	n := newNode(t, 1, testConfig(), 2)
	n.open()
	n.put(1, journal.HardState{Term: 1, Commit: 5}, span(1, 5, 1, "a"))
	n.settle()
	before := n.syncs
	n.j.Checkpointed(1, 3, 5, 1)
	n.settle()
	if n.syncs != before {
		t.Errorf("a note took %d syncs", n.syncs-before)
	}
	n.put(2, journal.HardState{Term: 8}, nil)
	n.powerLoss(loseAll)
	n.open()
	if r := n.j.Groups()[0]; r.CheckpointID != 3 || r.CheckpointIndex != 5 || r.CheckpointTerm != 1 {
		t.Errorf("recovered %+v", r)
	}
}

// An empty append waits for what was appended before it.
func TestEmptyAppendKeepsOrder(t *testing.T) {
	n := newNode(t, 1, testConfig(), 1)
	n.open()
	n.settle()
	var order []int
	n.j.Append(1, journal.HardState{}, span(1, 1, 1, "a"), func() { order = append(order, 1) })
	n.j.Append(1, journal.HardState{}, nil, func() { order = append(order, 2) })
	n.run(func() bool { return n.dirty == 1 })
	n.j.Append(1, journal.HardState{}, nil, func() { order = append(order, 3) })
	if len(order) != 0 {
		t.Fatalf("done before the sync: %v", order)
	}
	n.run(func() bool { return len(order) == 3 })
	if !slices.Equal(order, []int{1, 2, 3}) {
		t.Errorf("done in order %v", order)
	}
}

// TestDoneMeansDurable loses power at the moment of every callback.
func TestDoneMeansDurable(t *testing.T) {
	for i := range uint64(12) {
		n := newNode(t, i, smallConfig(), 2)
		n.open()
		done := uint64(0)
		for k := uint64(1); k <= 12; k++ {
			n.j.Append(1, journal.HardState{Term: k}, span(k, k, k, strings.Repeat("q", 700)), func() { done = k })
			n.run(func() bool { return n.dirty == 1 || done == k })
		}
		n.run(func() bool { return done > i })
		want := done
		n.powerLoss(loseAll)
		n.open()
		if r := n.j.Groups()[0]; r.Last < want || r.HardState.Term < want {
			t.Fatalf("%d was acknowledged, recovered: %+v", want, r)
		}
	}
}

// TestFailedOperation lets each operation of a short life fail, one a run: the
// journal says so once and completes nothing after it.
func TestFailedOperation(t *testing.T) {
	broken := errors.New("the disk is broken")
	for _, kind := range []string{"write", "sync", "rename", "syncdir"} {
		for nth := 1; ; nth++ {
			if !failOne(t, kind, nth, broken) {
				if nth < 3 {
					t.Errorf("only %d operations of kind %s", nth-1, kind)
				}
				break
			}
		}
	}
}

func failOne(t *testing.T, kind string, nth int, broken error) bool {
	t.Helper()
	m := newModel(newNode(t, 4, smallConfig(), crashGroups), crashGroups)
	m.recovered()
	m.settle()
	seen, calls := 0, 0
	m.fault = func(op, _ string) error {
		if op != kind {
			return nil
		}
		if seen++; seen == nth {
			return broken
		}
		return nil
	}
	acked := map[env.GroupID]int{}
	for round := 0; round < 12 && m.failed == nil; round++ {
		for id := env.GroupID(1); id <= crashGroups; id++ {
			m.chapter(id, round)
		}
		m.settle()
	}
	if seen < nth {
		return false
	}
	if !errors.Is(m.failed, broken) {
		t.Fatalf("%s %d failed, the journal says %v", kind, nth, m.failed)
	}
	said := m.failed
	for id, g := range m.groups {
		acked[id] = g.acked
		m.j.Append(id, journal.HardState{Term: 99}, nil, func() { calls++ })
	}
	m.settle()
	for id, g := range m.groups {
		if g.acked != acked[id] {
			t.Fatalf("%s %d failed, and group %d went on", kind, nth, id)
		}
	}
	if calls > 0 || m.failed.Error() != said.Error() {
		t.Fatalf("%s %d failed: %d callbacks after it, told: %v", kind, nth, calls, m.failed)
	}
	// What was acknowledged is there; what the failed sync covered may be, too.
	m.powerLoss(keepAll)
	m.recovered()
	return true
}

// fullDisk makes every new file fail for want of room, until it is lifted.
func (n *node) fullDisk() (lift func()) {
	full := true
	n.fault = func(op, name string) error {
		if full && op == "open" && strings.Contains(name, "spare") {
			return env.ErrNoSpace
		}
		return nil
	}
	return func() { full = false }
}

// fill appends until the journal waits for room, and tells the last entry.
func (n *node) fill(acked *uint64) uint64 {
	last := uint64(0)
	for n.j.Stats().RollsWaiting == 0 && last < 200 {
		last++
		i := last
		n.j.Append(1, journal.HardState{}, span(i, i, 1, strings.Repeat("f", 1500)), func() { *acked = i })
		n.after(100 * time.Millisecond)
	}
	return last
}

// after lets some time pass.
func (n *node) after(d time.Duration) {
	n.tb.Helper()
	passed := false
	n.env().Clock.AfterFunc(d, func() { passed = true })
	n.run(func() bool { return passed })
}

// A full disk is no failure: the journal says so with a file in hand, then waits,
// acknowledges nothing meanwhile, and goes on once there is room.
func TestFullDisk(t *testing.T) {
	n := newNode(t, 1, smallConfig(), 1)
	n.open()
	n.settle()
	lift := n.fullDisk()
	acked, rolls := uint64(0), n.j.Stats().Rolls
	if n.j.NoSpace() {
		t.Error("no space, with a spare ready")
	}
	last := n.fill(&acked)
	if !n.j.NoSpace() || n.failed != nil || acked >= last || n.j.Stats().Rolls != rolls+1 {
		t.Fatalf("after %d entries, %d acknowledged: %+v, failed: %v", last, acked, n.j.Stats(), n.failed)
	}
	was := acked
	n.after(5 * time.Second)
	if acked != was || n.failed != nil {
		t.Fatalf("%d were acknowledged of %d: %v", acked, last, n.failed)
	}
	lift()
	n.run(func() bool { return acked == last })
	n.settle()
	if n.j.NoSpace() || n.j.Stats().RollsWaiting != 0 {
		t.Errorf("there is room, and %+v", n.j.Stats())
	}
	n.powerLoss(loseAll)
	n.open()
	if got := n.j.Groups()[0].Last; got != last {
		t.Errorf("last entry %d of %d", got, last)
	}
}

// The room ends anywhere in the midst of a spare; what was acknowledged before and
// after is there, whatever crash follows.
func TestFullDiskInAnyWrite(t *testing.T) {
	for nth := 1; nth < 12; nth++ {
		m := newModel(newNode(t, uint64(nth), smallConfig(), crashGroups), crashGroups)
		m.recovered()
		seen, until := 0, time.Duration(0)
		m.fault = func(op, name string) error {
			if !strings.Contains(name, "spare") || op != "write" && op != "open" && op != "sync" {
				return nil
			}
			if seen++; seen == nth {
				until = m.now + time.Second
			}
			if op != "sync" && m.now < until && (op == "open" || m.grows(name)) {
				return env.ErrNoSpace
			}
			return nil
		}
		m.story(14)
		if m.failed != nil {
			t.Fatalf("write %d: %v", nth, m.failed)
		}
		m.crash(loss(nth%int(losses+1) - 1))
		m.recovered()
	}
}

// grows tells whether a spare is still being made.
func (n *node) grows(name string) bool {
	f := n.inode(name)
	return f != nil && int64(len(f.cache)) < n.cfg.FileBytes
}

// Open waits for room too, and so does a disk that was full when the process died.
func TestFullDiskAtOpen(t *testing.T) {
	n := newNode(t, 1, smallConfig(), 1)
	n.open()
	n.settle()
	lift := n.fullDisk()
	acked := uint64(0)
	last := n.fill(&acked)
	lift()
	n.kill()
	lift = n.fullDisk()
	opened := false
	n.tasks.Go("open", func(task *env.Task) {
		var err error
		if n.j, err = journal.Open(task, n.env(), n.cfg, testID, nil, n.tasks, func(err error) { n.failed = err }); err != nil {
			t.Error(err)
		}
		opened = true
	})
	n.after(2 * time.Second)
	if opened {
		t.Fatal("opened without a file to go on in")
	}
	lift()
	n.run(func() bool { return opened })
	if got := n.j.Groups()[0].Last; got < acked || got > last {
		t.Errorf("last entry %d, %d were acknowledged", got, acked)
	}
}

// Close does not wait for room: it says what is missing.
func TestCloseOnAFullDisk(t *testing.T) {
	n := newNode(t, 1, smallConfig(), 1)
	n.open()
	n.settle()
	n.fullDisk()
	acked := uint64(0)
	n.fill(&acked)
	var closed error
	n.j.Close(func(err error) { closed = err })
	n.run(func() bool { return closed != nil })
	if !errors.Is(closed, env.ErrNoSpace) {
		t.Errorf("closed with %v", closed)
	}
}

func TestClose(t *testing.T) {
	n := newNode(t, 1, testConfig(), 2)
	n.open()
	acked, closed := false, false
	n.j.Append(1, journal.HardState{Term: 1}, span(1, 3, 1, "a"), func() { acked = true })
	n.j.Append(1, journal.HardState{Term: 1, Commit: 2}, nil, nil)
	n.j.Close(func(err error) {
		if err != nil || !acked {
			t.Errorf("closed with %v, acknowledged: %v", err, acked)
		}
		closed = true
	})
	n.run(func() bool { return closed })
	n.j.Append(1, journal.HardState{}, span(4, 4, 1, "late"), func() { t.Error("an append after Close is done") })
	n.j.Close(func(err error) {
		if !errors.Is(err, journal.ErrClosed) {
			t.Errorf("second Close: %v", err)
		}
	})
	n.settle()
	// Sealed: rot of the last batch is damage.
	w := n.written(1)[0]
	n.powerLoss(loseAll)
	n.inode(w.File).rot(w.Offset + w.Length - 1)
	n.open()
	n.wantFenced(1)
}

func TestCloseWithNothingToDo(t *testing.T) {
	n := newNode(t, 1, testConfig(), 1)
	n.open()
	closed := false
	n.j.Close(func(err error) { closed = err == nil })
	n.run(func() bool { return closed })
	n.powerLoss(loseAll)
	n.open()
}
