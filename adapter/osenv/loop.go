package osenv

import (
	"sync"
	"sync/atomic"
	"time"
)

// DefaultQueueEvents is the limit of a loop's queue if none is given.
const DefaultQueueEvents = 4096

// Loop is the one goroutine a node lives on. It implements env.Clock. Submit,
// Call, Stop and Done may be used from any goroutine except the loop's own;
// the methods of env.Clock belong to callbacks on the loop, and to the one
// goroutine that prepares things before Start.
type Loop struct {
	limit  int
	origin time.Time
	wake   chan struct{} // one token: something waits
	done   chan struct{} // closed when the loop's goroutine has ended

	mu      sync.Mutex
	room    sync.Cond // the queue was emptied, or the loop stopped
	queue   []func()
	stopped atomic.Bool // written under mu

	// Loop only.
	running []func()
	posted  []func()
	later   []func()
	timers  timerHeap
	seq     uint64
}

// NewLoop makes a loop that does not run yet. limit is the number of events
// that may wait before Submit blocks; zero means DefaultQueueEvents.
func NewLoop(limit int) *Loop {
	if limit <= 0 {
		limit = DefaultQueueEvents
	}
	l := &Loop{
		limit:  limit,
		origin: time.Now(),
		wake:   make(chan struct{}, 1),
		done:   make(chan struct{}),
	}
	l.room.L = &l.mu
	return l
}

// Start begins to run events, in a goroutine of its own. Called once.
func (l *Loop) Start() { go l.run() }

// Submit hands f to the loop. It blocks while the queue is full, and reports
// false if the loop stopped: then f will not run.
func (l *Loop) Submit(f func()) bool {
	l.mu.Lock()
	for len(l.queue) >= l.limit && !l.stopped.Load() {
		l.room.Wait()
	}
	if l.stopped.Load() {
		l.mu.Unlock()
		return false
	}
	l.queue = append(l.queue, f)
	first := len(l.queue) == 1
	l.mu.Unlock()
	if first {
		l.signal()
	}
	return true
}

// Call runs f on the loop and waits for it. It reports false if the loop
// stopped before f ran.
func (l *Loop) Call(f func()) bool {
	ran := make(chan struct{})
	if !l.Submit(func() { f(); close(ran) }) {
		return false
	}
	select {
	case <-ran:
		return true
	case <-l.done:
		select {
		case <-ran: // it ran in the last turn
			return true
		default:
			return false
		}
	}
}

// Stop ends the loop after the callback that runs now; whatever waits is
// dropped. It does not wait, so it may be called on the loop too: Done tells
// the end. A second Stop does nothing.
func (l *Loop) Stop() {
	l.mu.Lock()
	l.stopped.Store(true)
	l.queue = nil
	l.mu.Unlock()
	l.room.Broadcast()
	l.signal()
}

// Stopped tells whether Stop was called. A callback that delivers several things
// asks between them.
func (l *Loop) Stopped() bool { return l.stopped.Load() }

// Done is closed once a started loop has ended: no callback runs after it.
func (l *Loop) Done() <-chan struct{} { return l.done }

func (l *Loop) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *Loop) run() {
	defer close(l.done)
	alarm := time.NewTimer(time.Hour)
	defer alarm.Stop()
	for l.turn() {
		if len(l.posted) > 0 {
			continue
		}
		if d, ok := l.untilTimer(); ok {
			alarm.Reset(d)
			select {
			case <-l.wake:
			case <-alarm.C:
			}
		} else {
			<-l.wake
		}
	}
}

// turn runs what waits, then the timers that are due, then what was posted
// before or meanwhile. It reports false if the loop was stopped.
func (l *Loop) turn() bool {
	if !l.take() {
		return false
	}
	if !l.runAll(l.running) || !l.runTimers() {
		return false
	}
	l.posted, l.later = l.later[:0], l.posted
	return l.runAll(l.later)
}

// take moves the queue to running and makes room.
func (l *Loop) take() bool {
	l.mu.Lock()
	full := len(l.queue) >= l.limit
	l.running, l.queue = l.queue, l.running[:0]
	l.mu.Unlock()
	if full {
		l.room.Broadcast()
	}
	return !l.stopped.Load()
}

// runAll runs the events and lets go of them. It reports false once the loop
// is stopped.
func (l *Loop) runAll(events []func()) bool {
	for i, f := range events {
		events[i] = nil
		if l.stopped.Load() {
			return false
		}
		f()
	}
	return !l.stopped.Load()
}
