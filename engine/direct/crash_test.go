package direct_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/diskmodel"
	"github.com/lockstep-log/lockstep/engine/direct"
	"github.com/lockstep-log/lockstep/engine/record"
)

// crashModes are the ways to end: of the process alone (-1), or of the power.
var crashModes = []int{-1, int(diskmodel.LoseAll), int(diskmodel.KeepPrefix), int(diskmodel.KeepSubset), int(diskmodel.TornSector)}

// claims are what clients were told.
type claims struct {
	end   int64            // of what was acknowledged
	start int64            // acknowledged
	asked int64            // start that was asked for
	acked map[int64][]byte // batches by their base offset
	tag   int

	uniform   bool            // batches of one size
	asks      [][]byte        // in this life
	condemned map[string]bool // asked in an earlier life, and not there after it
}

// load keeps three produces in flight, so that groups form and gather while a
// sync runs, and trims and idles now and then.
func (l *life) load(c *claims, rounds int) {
	left := 3
	for i := range 3 {
		l.chain(c, time.Duration(i)*40*time.Microsecond, rounds, func() { left-- })
	}
	for _, wait := range []time.Duration{900 * time.Microsecond, 3 * time.Millisecond} {
		l.sleep(wait)
		if l.dead {
			return
		}
		trimmed := false
		c.asked = l.log.EndOffset() / 2
		l.log.Trim(c.asked, func(start int64, err error) {
			l.must(err)
			c.start, trimmed = start, true
		})
		l.until(func() bool { return trimmed || l.dead })
	}
	l.until(func() bool { return left == 0 || l.dead })
	if !l.dead {
		l.sleep(3 * time.Millisecond) // idle: the durable end is noted
	}
}

// chain produces one after the other.
func (l *life) chain(c *claims, pause time.Duration, rounds int, ended func()) {
	if rounds == 0 {
		ended()
		return
	}
	c.tag++
	n := 2
	if !c.uniform {
		n = 1 + c.tag%3
	}
	b := batch(c.tag, n, c.uniform)
	c.asks = append(c.asks, b)
	l.log.Produce(b, l.now()+far, func(base int64, _ bool, err error) {
		l.must(err)
		c.acked[base], c.end = b, max(c.end, base+int64(n))
		clock{l}.AfterFunc(pause, func() { l.chain(c, pause, rounds-1, ended) })
	})
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
	got, there := map[int64][]byte{}, map[string]bool{}
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
		if c.condemned[payload(b)] {
			return fmt.Errorf("the batch at %d was cut, and is back", h.BaseOffset)
		}
		got[h.BaseOffset], next = b, h.NextOffset()
		there[payload(b)] = true
	}
	for _, b := range c.asks {
		if !there[payload(b)] { // cut, or trimmed off
			c.condemned[payload(b)] = true
		}
	}
	c.asks = nil
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

// payload is a batch without what stamping changes.
func payload(b []byte) string { return string(b[16:]) }

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
				for j := 1; !ended && k%6 < 2 && j < 60; j += 2 {
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
	c := &claims{acked: map[int64][]byte{}, condemned: map[string]bool{}, uniform: k%2 == 0}
	tune := func(c *direct.Config) {
		if k%4 < 2 {
			c.Log.ZeroBytes = 0
		}
	}
	l := fresh(t, uint64(1000*k+j), tune)
	l.interrupt(mode, k)
	l.load(c, 8)
	ended = !l.dead
	l.disk.Observe(nil)
	l.end(mode)
	if j > 0 {
		l = boot(t, l.kernel, l.disk, tune)
		l.interrupt(mode, j)
		if err := l.in(l.log.Open); err != nil {
			t.Fatalf("mode %d, operation %d, %d: %v", mode, k, j, err)
		}
		ended = !l.dead
		l.disk.Observe(nil)
		l.end(mode)
	}
	for pass := range 3 { // the last one after a power loss without a load before it
		l = boot(t, l.kernel, l.disk, tune)
		if err := l.in(l.log.Open); err != nil {
			t.Fatalf("mode %d, operation %d, %d, pass %d: %v", mode, k, j, pass, err)
		}
		if err := l.check(c); err != nil {
			t.Fatalf("mode %d, operation %d, %d, pass %d: %v", mode, k, j, pass, err)
		}
		c.end = l.log.EndOffset() // was shown to readers
		c.start = l.log.StartOffset()
		if pass == 1 {
			l.interrupt(mode, 1+(7*k+j)%43)
			l.load(c, 3)
			l.disk.Observe(nil)
		}
		l.end(int(diskmodel.LoseAll))
	}
	return ended
}
