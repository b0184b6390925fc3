package direct_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/diskmodel"
	"github.com/lockstep-log/lockstep/engine/direct"
	"github.com/lockstep-log/lockstep/engine/wal"
)

// TestABadSegmentFailsReadsOfItAlone: a read that begins in front of a segment that
// is known to be bad gives what is there.
func TestABadSegmentFailsReadsOfItAlone(t *testing.T) {
	l := fresh(t, 5, nil)
	for i := range 40 {
		if _, _, err := l.produce(i, 2); err != nil {
			t.Fatal(err)
		}
	}
	bad := l.log.Segments()[1]
	l.disk.Rot(bad.Name, 100, 3)
	read := func(at int64) (err error) {
		done := false
		l.log.Read(at, l.log.EndOffset(), 1<<20, func(_ []byte, e error) { err, done = e, true })
		l.until(func() bool { return done })
		return err
	}
	if err := read(bad.Base); !errors.Is(err, wal.ErrDamaged) {
		t.Fatalf("a read of the bad segment: %v", err)
	}
	for _, at := range []int64{0, bad.Base - 1, bad.End} {
		if err := read(at); err != nil {
			t.Errorf("a read from offset %d: %v; offsets %d to %d are bad", at, err, bad.Base, bad.End-1)
		}
	}
}

// TestNobodyHearsOfATrimBeforeItIsDurable: a read below a trim that is under way is
// served, or is out of range once StartOffset has gone up.
func TestNobodyHearsOfATrimBeforeItIsDurable(t *testing.T) {
	l := filled(t)
	trimmed := false
	l.log.Trim(10, func(start int64, err error) {
		trimmed = true
		if start != 10 || err != nil || l.log.StartOffset() != 10 {
			t.Errorf("trim: %d, %v; the log begins at %d", start, err, l.log.StartOffset())
		}
	})
	served, refused := 0, 0
	for !trimmed || refused == 0 {
		done := false
		l.log.Read(2, l.log.EndOffset(), 1000, func(p []byte, err error) {
			done = true
			switch {
			case err == nil && len(p) > 0:
				served++
			case errors.Is(err, wal.ErrOffsetOutOfRange) && l.log.StartOffset() == 10:
				refused++
			default:
				t.Fatalf("%d bytes, %v; the log begins at %d", len(p), err, l.log.StartOffset())
			}
		})
		l.until(func() bool { return done })
		l.sleep(10 * time.Microsecond) // a read of memory takes no time
	}
	if served == 0 {
		t.Error("no read was served while the trim was under way")
	}
}

// TestANameWhoseSyncFailed: the sync of a new segment's name fails, the node ends,
// and the next process finds the file. Its name reads back and no sync will save
// it: what is served must rest on another one.
func TestANameWhoseSyncFailed(t *testing.T) {
	l := fresh(t, 5, func(c *direct.Config) { c.CheckpointBytes = 1 << 30 })
	synced := map[string]bool{}
	l.disk.Observe(func(s diskmodel.Step) {
		if of := l.log.Segments(); s.Kind == diskmodel.StepSync && len(of) == 2 {
			synced[s.Name] = true
			l.disk.SetSyncErrors(synced[of[0].Name] && synced[of[1].Name])
		}
	})
	for i := 0; l.failed == nil; i++ {
		_, _, _ = l.produce(i, 2)
	}
	if !strings.Contains(l.failed.Error(), "syncdir") {
		t.Fatal(l.failed)
	}
	l.disk.Observe(func(diskmodel.Step) {})
	l.disk.SetSyncErrors(false)
	l.end(-1)
	l = l.again()
	end, last := l.log.EndOffset(), l.last()
	if last.Base == 0 {
		t.Fatal("the new segment was not found")
	}
	l.end(int(diskmodel.LoseAll))
	if l = l.again(); l.log.EndOffset() != end {
		t.Errorf("the log ended at %d and was served, after a power loss it ends at %d", end, l.log.EndOffset())
	}
}
