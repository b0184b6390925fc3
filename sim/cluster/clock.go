package cluster

import (
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/sim"
)

// epochNs is the wall time at which every run begins: 2024-01-01 00:00 UTC.
const epochNs = 1_704_067_200_000_000_000

// longestDrift bounds the durations that drift is applied to exactly; the
// product with parts per million must fit an int64.
const longestDrift = int64(time.Hour)

// clock is a process' env.Clock on virtual time. The host's clock may be offset
// and may drift; a paused process' timers fire late.
type clock process

func (c *clock) Monotonic() time.Duration {
	elapsed := c.c.k.Now() - c.origin
	ppm := c.host.driftPPM
	return time.Duration(elapsed + elapsed/million*ppm + elapsed%million*ppm/million)
}

func (c *clock) Wall() int64 {
	return epochNs + c.c.k.Now() + c.host.wallOffset
}

func (c *clock) Post(f func()) { c.posted = append(c.posted, f) }

func (c *clock) AfterFunc(d time.Duration, f func()) env.Timer {
	t := &timer{process: (*process)(c), f: f}
	t.run = t.expire
	t.at = c.c.k.After(c.real(d), t.fire)
	return t
}

// real is the virtual time in which the drifting clock advances by at least d.
func (c *clock) real(d time.Duration) time.Duration {
	if d <= 0 || c.host.driftPPM == 0 || int64(d) > longestDrift {
		return d
	}
	return time.Duration(int64(d)*million/(million+c.host.driftPPM)) + 2
}

// timer is a pending AfterFunc of a process.
type timer struct {
	process *process
	f       func()
	run     func() // expire, made once
	at      sim.Timer
	over    bool
}

func (t *timer) fire() { t.process.exec(t.run) }

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
