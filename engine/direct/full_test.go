package direct_test

import (
	"errors"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/diskmodel"
	"github.com/lockstep-log/lockstep/engine/direct"
	"github.com/lockstep-log/lockstep/engine/env"
)

// trim lets the log begin later and waits.
func (l *life) trim(offset int64) (start int64, err error) {
	l.t.Helper()
	done := false
	l.log.Trim(offset, func(s int64, e error) { start, err, done = s, e, true })
	l.until(func() bool { return done || l.failed != nil })
	return start, err
}

// whole reads all of the log, which must begin at start.
func (l *life) whole(start int64) string {
	l.t.Helper()
	if l.log.StartOffset() != start {
		l.t.Errorf("the log begins at %d, want %d", l.log.StartOffset(), start)
	}
	all, err := l.read()
	l.must(err)
	return string(all)
}

// TestATrimThatFindsNoRoomChangesNothing: what is below it is read as before, now
// and after a restart, and once there is room the same trim can be had.
func TestATrimThatFindsNoRoomChangesNothing(t *testing.T) {
	for _, to := range []int64{30, 40} { // in the middle, and all there is
		l := fresh(t, 1, func(c *direct.Config) { c.CheckpointBytes = 1 << 30 })
		for i := range 20 {
			if _, _, err := l.produce(i, 2); err != nil {
				t.Fatal(err)
			}
		}
		l.sleep(50 * time.Millisecond)
		all := l.whole(0)
		l.disk.SetFull(true)
		if start, err := l.trim(to); !errors.Is(err, env.ErrNoSpace) {
			t.Fatalf("trim on a full disk: %d, %v", start, err)
		}
		if got := l.whole(0); got != all {
			t.Errorf("trim to %d: %d bytes are read, there were %d", to, len(got), len(all))
		}
		l.sleep(time.Second)
		l.disk.SetFull(false)
		l.sleep(time.Second)
		if _, _, err := l.produce(20, 2); err != nil {
			t.Fatal(err)
		}
		more := l.whole(0)
		l.end(int(diskmodel.LoseAll))
		l = l.again()
		if got := l.whole(0); got != more || got[:len(all)] != all {
			t.Errorf("trim to %d: %d bytes after a power loss, there were %d", to, len(got), len(more))
		}
		if start, err := l.trim(to); start != to || err != nil {
			t.Fatalf("trim once there is room: %d, %v", start, err)
		}
		rest := l.whole(to)
		l.end(int(diskmodel.LoseAll))
		if l = l.again(); l.whole(to) != rest {
			t.Errorf("trim to %d: other bytes after a power loss", to)
		}
	}
}

// TestAppendsDuringATrimOfEverything are in a segment of their own: the one that
// goes takes none of them along, at whatever step the power fails.
func TestAppendsDuringATrimOfEverything(t *testing.T) {
	for steps := range 60 {
		l := filled(t)
		end := l.log.EndOffset()
		trimmed, acked := false, false
		l.log.Trim(end, func(_ int64, err error) { trimmed = err == nil })
		l.log.Produce(batch(99, 2, false), l.now()+far, func(_ int64, _ bool, err error) { acked = err == nil })
		for range steps {
			l.kernel.Step()
		}
		l.end(int(diskmodel.LoseAll))
		l = l.again()
		if trimmed && l.log.StartOffset() != end || acked && l.log.EndOffset() != end+2 {
			t.Fatalf("%d steps: trimmed %v, acknowledged %v; the log is %d to %d", steps, trimmed, acked, l.log.StartOffset(), l.log.EndOffset())
		}
		if _, err := l.read(); err != nil {
			t.Fatalf("%d steps: %v", steps, err)
		}
	}
}
