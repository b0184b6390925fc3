package sim

import (
	"math"
	"time"
)

// Time is virtual time: nanoseconds since the start of the run.
type Time = int64

// Kernel runs one simulation. All its methods belong to one goroutine; most
// are called by the events it runs.
type Kernel struct {
	seed     uint64
	now      Time
	executed uint64
	queue    queue
	trace    trace
}

// New makes a kernel at time zero. Everything random in it follows from seed.
func New(seed uint64) *Kernel {
	k := &Kernel{seed: seed}
	k.trace.hash = Mix(seed, traceSalt)
	return k
}

// Seed is what New was given.
func (k *Kernel) Seed() uint64 { return k.seed }

// Now is the current virtual time.
func (k *Kernel) Now() Time { return k.now }

// Events counts the events that have run.
func (k *Kernel) Events() uint64 { return k.executed }

// Pending counts the timers that have neither fired nor been stopped.
func (k *Kernel) Pending() int { return k.queue.live() }

// Idle tells whether nothing is left to run.
func (k *Kernel) Idle() bool { return k.queue.live() == 0 }

// At runs f at the given time, after all events already asked for that time. A
// time that has passed means now; f never runs inside At.
func (k *Kernel) At(at Time, f func()) Timer {
	slot, generation := k.queue.push(max(at, k.now), f)
	return Timer{kernel: k, slot: slot, generation: generation}
}

// After runs f once d has passed. A d of zero or less means as soon as the
// current event has ended; one beyond the end of time, then.
func (k *Kernel) After(d time.Duration, f func()) Timer {
	return k.At(k.now+min(Time(max(d, 0)), math.MaxInt64-k.now), f)
}

// Next tells when the next event runs; false if there is none.
func (k *Kernel) Next() (Time, bool) { return k.queue.next() }

// Step runs the next event. It reports false if there was none.
func (k *Kernel) Step() bool {
	at, f, ok := k.queue.pop()
	if !ok {
		return false
	}
	k.now = at
	k.executed++
	f()
	return true
}

// Run runs every event up to and including the time until, then stands there.
func (k *Kernel) Run(until Time) {
	for {
		at, ok := k.queue.next()
		if !ok || at > until {
			break
		}
		k.Step()
	}
	k.now = max(k.now, until)
}

// Timer is a pending event. The zero Timer is one that has fired.
type Timer struct {
	kernel     *Kernel
	slot       uint32
	generation uint32
}

// Stop cancels the event. It reports false if it has run, is running, or was
// stopped before.
func (t Timer) Stop() bool {
	return t.kernel != nil && t.kernel.queue.cancel(t.slot, t.generation)
}

// Pending tells whether the event is still to come.
func (t Timer) Pending() bool {
	return t.kernel != nil && t.kernel.queue.pending(t.slot, t.generation)
}
