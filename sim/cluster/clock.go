package cluster

import (
	"math"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/sim"
)

// epochNs is the wall time at which every run begins: 2024-01-01 00:00 UTC.
const epochNs = 1_704_067_200_000_000_000

// longestDrift bounds the durations that drift is applied to exactly; the
// product with parts per million must fit an int64.
const longestDrift = int64(time.Hour)

// clock is a process' env.Clock on virtual time, by its host's hardware; a paused
// process' timers fire late.
type clock process

func (c *clock) Monotonic() time.Duration {
	return time.Duration(c.host.clock.local(c.c.k.Now()) - c.origin)
}

func (c *clock) Wall() int64 { return c.host.clock.wall(c.c.k.Now()) }

func (c *clock) Post(f func()) { c.posted = append(c.posted, f) }

func (c *clock) AfterFunc(d time.Duration, f func()) env.Timer {
	t := &timer{process: (*process)(c), f: f, due: later(c.Monotonic(), d)}
	t.run, t.ring = t.expire, t.fire
	t.arm()
	return t
}

// later is d after t, or the end of time.
func later(t, d time.Duration) time.Duration {
	if d > math.MaxInt64-t {
		return math.MaxInt64
	}
	return t + d
}

// real is the virtual time in which the drifting clock advances by at least d.
func (c *clock) real(d time.Duration) time.Duration {
	ppm := c.host.clock.ppm
	if d <= 0 || ppm == 0 || int64(d) > longestDrift {
		return d
	}
	return time.Duration(int64(d)*million/(million+ppm)) + 2
}

// timer is a pending AfterFunc of a process.
type timer struct {
	process *process
	f       func()
	run     func() // expire, made once
	ring    func() // fire, made once
	due     time.Duration
	at      sim.Timer
	over    bool
}

// arm plans the next look at the clock, which may have changed its rate by then.
func (t *timer) arm() {
	c := (*clock)(t.process)
	t.at = c.c.k.After(c.real(t.due-c.Monotonic()), t.ring)
}

func (t *timer) fire() {
	p := t.process
	switch {
	case p.host.frozen > 0:
		p.iced = append(p.iced, t)
	case (*clock)(p).Monotonic() < t.due:
		t.arm()
	default:
		p.exec(t.run)
	}
}

// expire runs on the loop; a timer that fired during a pause may have been
// stopped since.
func (t *timer) expire() {
	if !t.over {
		t.over = true
		t.f()
	}
}

func (t *timer) Stop() bool {
	if t.over {
		return false
	}
	t.over = true
	t.at.Stop()
	return true
}

// clientClock is the clock of simulated clients: true, and never paused.
type clientClock struct{ k *sim.Kernel }

func (c clientClock) Monotonic() time.Duration { return time.Duration(c.k.Now()) }
func (c clientClock) Wall() int64              { return epochNs + c.k.Now() }
func (c clientClock) Post(f func())            { c.k.After(0, f) }

func (c clientClock) AfterFunc(d time.Duration, f func()) env.Timer { return c.k.After(d, f) }
