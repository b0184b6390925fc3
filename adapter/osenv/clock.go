package osenv

import (
	"container/heap"
	"math"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
)

var _ env.Clock = (*Loop)(nil)

// Monotonic implements env.Clock: the time since NewLoop. The operating
// system's monotonic clock stands still while a machine sleeps.
func (l *Loop) Monotonic() time.Duration { return time.Since(l.origin) }

// Wall implements env.Clock.
func (l *Loop) Wall() int64 { return time.Now().UnixNano() }

// Post implements env.Clock.
func (l *Loop) Post(f func()) { l.posted = append(l.posted, f) }

// AfterFunc implements env.Clock. Timers of equal deadline fire in the order
// they were made.
func (l *Loop) AfterFunc(d time.Duration, f func()) env.Timer {
	l.seq++
	now := l.Monotonic()
	t := &timer{loop: l, at: now + min(max(d, 0), math.MaxInt64-now), seq: l.seq, f: f}
	heap.Push(&l.timers, t)
	return t
}

// timer is a pending AfterFunc; pos is its place in the heap, -1 once it fired
// or was stopped.
type timer struct {
	loop *Loop
	at   time.Duration
	seq  uint64
	pos  int
	f    func()
}

// Stop implements env.Timer.
func (t *timer) Stop() bool {
	if t.pos < 0 {
		return false
	}
	heap.Remove(&t.loop.timers, t.pos)
	t.f = nil
	return true
}

// runTimers fires what is due now. A timer made meanwhile waits for the next
// turn, so that a chain of zero delays cannot starve the queue.
func (l *Loop) runTimers() bool {
	if len(l.timers) == 0 {
		return true
	}
	now, last := l.Monotonic(), l.seq
	for len(l.timers) > 0 && l.timers[0].at <= now && l.timers[0].seq <= last {
		t := heap.Pop(&l.timers).(*timer)
		t.f()
		if l.stopped.Load() {
			return false
		}
	}
	return true
}

// untilTimer tells how long the loop may sleep.
func (l *Loop) untilTimer() (time.Duration, bool) {
	if len(l.timers) == 0 {
		return 0, false
	}
	return max(l.timers[0].at-l.Monotonic(), 0), true
}

// timerHeap orders by deadline, then by age.
type timerHeap []*timer

func (h timerHeap) Len() int { return len(h) }

func (h timerHeap) Less(i, j int) bool {
	if h[i].at != h[j].at {
		return h[i].at < h[j].at
	}
	return h[i].seq < h[j].seq
}

func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].pos, h[j].pos = i, j
}

func (h *timerHeap) Push(x any) {
	t := x.(*timer)
	t.pos = len(*h)
	*h = append(*h, t)
}

func (h *timerHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	t.pos = -1
	return t
}
