package direct_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/diskmodel"
	"github.com/lockstep-log/lockstep/engine/direct"
	"github.com/lockstep-log/lockstep/engine/env"
)

// TestWhatATrimLeftGoesOnlyAfterItsCheckpoint: the sync of the names of a trim's
// checkpoint fails, and the next process finds that checkpoint. What it removes is
// of the older one, which may be all that a power loss leaves.
func TestWhatATrimLeftGoesOnlyAfterItsCheckpoint(t *testing.T) {
	removed := 0
	for seed := range uint64(40) {
		l := fresh(t, seed, func(c *direct.Config) { c.CheckpointBytes = 2000 })
		for i := range 30 {
			if _, _, err := l.produce(i, 2); err != nil {
				t.Fatal(err)
			}
		}
		l.sleep(50 * time.Millisecond) // no checkpoint is under way
		renames := 0
		l.disk.Observe(func(s diskmodel.Step) {
			if s.Kind == diskmodel.StepRename {
				renames++
				l.disk.SetSyncErrors(renames == 2) // both records have their names
			}
		})
		l.log.Trim(40, func(int64, error) {})
		l.until(func() bool { return l.failed != nil })
		l.disk.SetSyncErrors(false)
		l.disk.Observe(func(diskmodel.Step) {})
		l.end(-1)

		n := boot(t, l.kernel, l.disk, nil)
		n.disk.Observe(func(s diskmodel.Step) {
			if s.Kind == diskmodel.StepRemove && strings.HasSuffix(s.Name, ".log") && !n.dead {
				removed++
				n.disk.Observe(func(diskmodel.Step) {})
				n.end(int(diskmodel.KeepPrefix))
			}
		})
		_ = n.in(n.log.Open)
		n.end(int(diskmodel.LoseAll))
		n = boot(t, l.kernel, l.disk, nil)
		if err := n.in(n.log.Open); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if n.log.EndOffset() != 60 {
			t.Fatalf("seed %d: ends at %d", seed, n.log.EndOffset())
		}
	}
	if removed == 0 {
		t.Fatal("nothing was ever removed")
	}
}

// A trim of all records begins a segment before the last one was full. The crash
// takes back the trim, for its checkpoint had no room: the records behind it are
// found again where they stand.
func TestATrimOfAllThatIsTakenBack(t *testing.T) {
	l := fresh(t, 1, func(c *direct.Config) { c.Log.Genesis.SegmentBytes = 1 << 16 })
	for i := range 3 {
		if _, _, err := l.produce(i, 2); err != nil {
			t.Fatal(err)
		}
	}
	l.sleep(50 * time.Millisecond)
	renames := 0
	l.disk.Observe(func(s diskmodel.Step) {
		if s.Kind == diskmodel.StepRename {
			renames++
		}
	})
	l.disk.SetFull(true)
	l.log.Trim(6, func(int64, error) {})
	l.sleep(50 * time.Millisecond)
	if renames > 0 {
		t.Fatalf("%d records of checkpoints were renamed on a full disk", renames)
	}
	l.disk.SetFull(false)
	for {
		_, _, err := l.produce(3, 2)
		if err == nil {
			break
		}
		if !errors.Is(err, env.ErrNoSpace) {
			t.Fatal(err)
		}
		l.sleep(10 * time.Millisecond)
	}
	before := renames
	l.end(-1)
	n := boot(t, l.kernel, l.disk, nil)
	if err := n.in(n.log.Open); err != nil || before > 0 {
		t.Fatalf("after %d checkpoints: %v", before, err)
	}
	if segments := n.log.Segments(); n.log.StartOffset() != 0 || n.log.EndOffset() != 8 || len(segments) != 2 {
		t.Fatalf("offsets %d to %d, segments %+v", n.log.StartOffset(), n.log.EndOffset(), segments)
	}
}
