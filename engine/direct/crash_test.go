package direct_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/lockstep-log/lockstep/diskmodel"
	"github.com/lockstep-log/lockstep/engine/record"
)

// crashModes are the ways to end: of the process alone (-1), or of the power.
var crashModes = []int{-1, int(diskmodel.LoseAll), int(diskmodel.KeepPrefix), int(diskmodel.KeepSubset), int(diskmodel.TornSector)}

// claims are what clients were told.
type claims struct {
	end    int64            // of what was acknowledged
	start  int64            // acknowledged
	maxEnd int64            // of what was asked
	asked  int64            // start that was asked for
	acked  map[int64][]byte // batches by their base offset
	tag    int
}

// load produces three at a time, so that groups form, and trims once.
func (l *life) load(c *claims, rounds int) {
	for round := range rounds {
		if l.dead {
			return
		}
		left := 3
		for range 3 {
			c.tag++
			b, n := batch(c.tag, 1+c.tag%3), int64(1+c.tag%3)
			c.maxEnd = max(c.maxEnd, l.log.EndOffset()) + n
			l.log.Produce(b, l.now()+far, func(base int64, _ bool, err error) {
				if err != nil {
					l.t.Fatalf("produce: %v", err)
				}
				c.acked[base], c.end = b, max(c.end, base+n)
				left--
			})
		}
		l.until(func() bool { return left == 0 || l.dead })
		if round == rounds/2 && !l.dead {
			trimmed := false
			c.asked = l.log.EndOffset() / 2
			l.log.Trim(c.asked, func(start int64, err error) {
				l.must(err)
				c.start, trimmed = start, true
			})
			l.until(func() bool { return trimmed || l.dead })
		}
		if round%3 == 2 && !l.dead {
			l.sleep(2e6) // idle: the durable end is noted
		}
	}
}

// check compares the log with what clients were told.
func (l *life) check(c *claims) error {
	if l.log.EndOffset() < c.end {
		return fmt.Errorf("the log ends at %d, %d was acknowledged", l.log.EndOffset(), c.end)
	}
	if s := l.log.StartOffset(); s < c.start || s > max(c.start, c.asked) {
		return fmt.Errorf("the log begins at %d, told %d, asked %d", s, c.start, c.asked)
	}
	all, err := l.read()
	if err != nil {
		return err
	}
	got := map[int64][]byte{}
	next := int64(-1)
	for b, err := range record.Batches(all) {
		if err != nil {
			return err
		}
		h, err := record.Validate(b, 0)
		if err != nil {
			return err
		}
		if next >= 0 && h.BaseOffset != next {
			return fmt.Errorf("offset %d follows %d", h.BaseOffset, next)
		}
		got[h.BaseOffset], next = b, h.NextOffset()
	}
	for base, want := range c.acked {
		h, _ := record.ParseHeader(want)
		if base+int64(h.Count) <= l.log.StartOffset() {
			continue
		}
		if b := got[base]; b == nil || !bytes.Equal(b, record.AppendStamped(nil, want, base, 0)) {
			return fmt.Errorf("the batch acknowledged at %d is not there", base)
		}
	}
	return nil
}

// interrupt ends the process at the k-th operation of the disk from now on.
func (l *life) interrupt(mode, k int) {
	count := 0
	l.disk.Observe(func(diskmodel.Step) {
		if count++; count == k {
			l.end(mode)
		}
	})
}

func TestCrashAtEveryOperation(t *testing.T) {
	for _, mode := range crashModes {
		t.Run(fmt.Sprintf("mode %d", mode), func(t *testing.T) {
			t.Parallel()
			states := 0
			for k, ended := 1, false; !ended; k++ {
				ended = crashAt(t, mode, k, 0)
				states++
				for j := 1; !ended && k%3 == 0 && j < 60; j++ {
					if crashAt(t, mode, k, j) {
						break
					}
					states++
				}
			}
			t.Logf("%d states", states)
		})
	}
}

// crashAt is one history: a load that a crash ends at the k-th operation, a
// recovery that one ends at the j-th (0: none), a recovery, more load, and a last
// power loss. It reports whether the load, or the recovery, ended before.
func crashAt(t *testing.T, mode, k, j int) (ended bool) {
	t.Helper()
	c := &claims{acked: map[int64][]byte{}}
	l := fresh(t, uint64(1000*k+j), nil)
	l.interrupt(mode, k)
	l.load(c, 9)
	ended = !l.dead
	l.disk.Observe(nil)
	l.end(mode)
	if j > 0 {
		l = boot(t, l.kernel, l.disk, nil)
		l.interrupt(mode, j)
		if err := l.in(l.log.Open); err != nil {
			t.Fatalf("mode %d, operation %d, %d: %v", mode, k, j, err)
		}
		ended = !l.dead
		l.disk.Observe(nil)
		l.end(mode)
	}
	for pass := range 3 { // the last one after a power loss without a load before it
		l = boot(t, l.kernel, l.disk, nil)
		if err := l.in(l.log.Open); err != nil {
			t.Fatalf("mode %d, operation %d, %d, pass %d: %v", mode, k, j, pass, err)
		}
		if err := l.check(c); err != nil {
			t.Fatalf("mode %d, operation %d, %d, pass %d: %v", mode, k, j, pass, err)
		}
		c.end = l.log.EndOffset() // was shown to readers
		c.start = l.log.StartOffset()
		if pass == 1 {
			l.load(c, 3)
		}
		l.end(int(diskmodel.LoseAll))
	}
	return ended
}
