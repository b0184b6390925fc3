package direct_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/diskmodel"
	"github.com/lockstep-log/lockstep/engine/direct"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/record"
	"github.com/lockstep-log/lockstep/engine/wal"
)

// filled is a log of ten batches, of two records each, whose end is noted and
// which no checkpoint covers.
func filled(t *testing.T) *life {
	l := fresh(t, 5, func(c *direct.Config) { c.CheckpointBytes = 1 << 30 })
	for i := range 10 {
		if base, _, err := l.produce(i, 2); err != nil || base != int64(2*i) {
			t.Fatal(base, err)
		}
	}
	l.sleep(20 * time.Millisecond)
	return l
}

// last is the segment that the log ends in.
func (l *life) last() wal.SegmentInfo {
	s := l.log.Segments()
	return s[len(s)-1]
}

func TestRotBelowTheDurableEndIsDamage(t *testing.T) {
	l := filled(t)
	before, first := l.last(), l.log.Segments()[1]
	l.end(int(diskmodel.LoseAll))
	l.disk.Rot(first.Name, 100, 3)
	for range 2 { // nothing was changed: the second look is as the first
		l = boot(t, l.kernel, l.disk, nil)
		err := l.in(l.log.Open)
		lost, ok := errors.AsType[*wal.LostError](err)
		if !ok || !errors.Is(err, wal.ErrDamaged) || lost.From != first.Base || lost.End != 20 || lost.File != first.Name {
			t.Fatalf("got %v", err)
		}
		if !strings.Contains(err.Error(), fmt.Sprintf("offsets %d to 19 are lost", first.Base)) {
			t.Errorf("the offsets are not named: %v", err)
		}
		if _, _, err := l.produce(1, 1); !errors.Is(err, direct.ErrClosed) {
			t.Errorf("produce: %v", err)
		}
		l.end(-1)
	}
	l.disk.LiftFaults()
	l = l.again()
	if l.log.EndOffset() != 20 || l.last() != before {
		t.Fatalf("ends at %d in %v, want 20 in %v", l.log.EndOffset(), l.last(), before)
	}
}

func TestALostSegmentIsDamage(t *testing.T) {
	l := filled(t)
	last := l.last()
	l.end(int(diskmodel.LoseAll))
	l.disk.LoseEntry(last.Name)
	l = boot(t, l.kernel, l.disk, nil)
	lost, ok := errors.AsType[*wal.LostError](l.in(l.log.Open))
	if !ok || lost.From != last.Base || lost.End != 20 {
		t.Fatalf("got %v", lost)
	}
}

func TestOneSlotOfTheNoteMayRot(t *testing.T) {
	for _, bad := range [][]int64{{0}, {4096}, {0, 4096}} {
		l := filled(t)
		l.end(int(diskmodel.LoseAll))
		for _, at := range bad {
			l.disk.Rot(dir+"/durable", at+9, 1)
		}
		l = boot(t, l.kernel, l.disk, nil)
		err := l.in(l.log.Open)
		if both := len(bad) == 2; both != errors.Is(err, wal.ErrDamaged) || !both && err != nil {
			t.Errorf("slots %v: %v", bad, err)
		}
	}
}

func TestWhatCannotBeReadIsNotCut(t *testing.T) {
	l := filled(t)
	last := l.last()
	l.end(int(diskmodel.LoseAll))
	l.disk.FailReads(last.Name, 0, last.Bytes)
	l = boot(t, l.kernel, l.disk, nil)
	if err := l.in(l.log.Open); !errors.Is(err, wal.ErrUnread) || !direct.Own(err) {
		t.Fatalf("got %v", err)
	}
	l.end(-1)
	l.disk.LiftFaults()
	if l = l.again(); l.log.EndOffset() != 20 {
		t.Fatalf("ends at %d", l.log.EndOffset())
	}
}

func TestAFailedSyncStopsOnceAndAcknowledgesNothing(t *testing.T) {
	l := filled(t)
	l.disk.FailNextSync(1)
	base, _, err := int64(-1), false, error(nil)
	l.log.Produce(batch(50, 1, false), l.now()+far, func(b int64, _ bool, e error) { base, err = b, e })
	l.until(func() bool { return l.failed != nil })
	if base >= 0 || err != nil {
		t.Errorf("answered: %d, %v", base, err)
	}
	l.end(int(diskmodel.LoseAll))
	if l = l.again(); l.log.EndOffset() < 20 {
		t.Fatalf("ends at %d", l.log.EndOffset())
	}
}

func TestAFullDisk(t *testing.T) {
	l := fresh(t, 9, func(c *direct.Config) { c.Log.ZeroBytes = 0 })
	var bases []int64
	for i := range 5 {
		base, _, err := l.produce(i, 2)
		l.must(err)
		bases = append(bases, base)
	}
	l.disk.SetFull(true)
	_, unknown, err := l.produce(20, 2)
	if !errors.Is(err, env.ErrNoSpace) || !unknown {
		t.Fatalf("on its way: %v, unknown: %v", err, unknown)
	}
	if _, unknown, err = l.produce(21, 2); !errors.Is(err, env.ErrNoSpace) || unknown || !l.log.NoSpace() {
		t.Fatalf("after it: %v, unknown: %v", err, unknown)
	}
	if l.log.EndOffset() != 10 {
		t.Fatalf("what is not durable shows: %d", l.log.EndOffset())
	}
	if _, err := l.read(); err != nil {
		t.Fatalf("reads go on: %v", err)
	}
	l.disk.SetFull(false)
	l.sleep(3 * time.Second)
	if l.log.NoSpace() || l.log.EndOffset() != 12 {
		t.Fatalf("there is room: %v, the log ends at %d", l.log.NoSpace(), l.log.EndOffset())
	}
	base, _, err := l.produce(22, 2)
	if err != nil || base != 12 || !slices.IsSorted(bases) {
		t.Fatal(base, err)
	}
	l.end(int(diskmodel.LoseAll))
	if l = l.again(); l.log.EndOffset() != 14 || l.failed != nil {
		t.Fatal(l.log.EndOffset(), l.failed)
	}
}

func TestACleanClose(t *testing.T) {
	l := filled(t)
	answered := 0
	for i := range 3 {
		l.log.Produce(batch(i, 1, false), l.now()+far, func(_ int64, _ bool, err error) { l.must(err); answered++ })
	}
	l.must(l.in(l.log.Close))
	if answered != 3 {
		t.Errorf("%d answered", answered)
	}
	l.end(int(diskmodel.LoseAll))
	if l = l.again(); l.log.EndOffset() != 23 || l.log.Salvaged().Bytes != 0 {
		t.Errorf("ends at %d, %v", l.log.EndOffset(), l.log.Salvaged())
	}
}

func TestLimits(t *testing.T) {
	l := fresh(t, 3, func(c *direct.Config) { c.MaxWaiters = 2 })
	var errs []error
	for i := range 3 {
		l.log.Produce(batch(i, 1, false), 0, func(_ int64, _ bool, err error) { errs = append(errs, err) })
	}
	if len(errs) != 1 || !errors.Is(errs[0], direct.ErrOverloaded) {
		t.Fatal(errs)
	}
	l.log.Expire(l.now())
	if len(errs) != 3 || !errors.Is(errs[2], direct.ErrTimeout) {
		t.Fatal(errs)
	}
	l.sleep(time.Second)
	if l.log.EndOffset() != 2 {
		t.Errorf("ends at %d", l.log.EndOffset())
	}
}

// TestWhatFollowsTheCutIsGone plants batches that would continue the log if one
// more of the same size came before them.
func TestWhatFollowsTheCutIsGone(t *testing.T) {
	l := filled(t)
	last := l.last()
	l.end(int(diskmodel.LoseAll))
	stale := record.AppendStamped(nil, batch(77, 2, true), 22, 0)
	later := fmt.Sprintf("%s/%020d.log", dir, 22)
	l = boot(t, l.kernel, l.disk, func(c *direct.Config) { c.Log.ZeroBytes = 0 })
	l.must(l.in(func(t *env.Task) error {
		for name, at := range map[string]int64{last.Name: last.Bytes + 200, later: 0} {
			f, err := t.Open(l.mount, name, env.OpenCreate)
			if err != nil {
				return err
			}
			if err := errors.Join(t.WriteAt(f, stale, at), t.Sync(f)); err != nil {
				return err
			}
			f.Close()
		}
		return t.SyncDir(l.mount, dir)
	}))
	l.must(l.in(l.log.Open))
	if s := l.log.Salvaged(); s.File != last.Name || s.Pos != last.Bytes {
		t.Errorf("cut at %+v, want %s at %d", s, last.Name, last.Bytes)
	}
	l.end(int(diskmodel.LoseAll))
	l = boot(t, l.kernel, l.disk, nil)
	l.must(l.in(func(t *env.Task) error {
		if _, err := t.Open(l.mount, later, env.OpenExisting); !errors.Is(err, env.ErrNotExist) {
			return fmt.Errorf("%s is there: %w", later, err)
		}
		f, err := t.Open(l.mount, last.Name, env.OpenExisting)
		if err != nil {
			return err
		}
		if size, err := t.Size(f); err != nil || size != last.Bytes {
			return fmt.Errorf("%s has %d bytes, want %d (%w)", last.Name, size, last.Bytes, err)
		}
		return nil
	}))
}
