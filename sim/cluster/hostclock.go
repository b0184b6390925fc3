package cluster

import "github.com/lockstep-log/lockstep/sim"

// slowestPPM is how slow a clock may run at most, however many faults slow it.
const slowestPPM = int64(900_000)

// hostClock is the hardware behind a host's two clocks: it runs at a rate that
// faults change, and may stand still. The wall clock is set beside it.
//
// Invariant: local(now) never goes back.
type hostClock struct {
	ownPPM int64    // fast or slow without a fault
	ppm    int64    // fast or slow now
	base   int64    // what it showed at since
	since  sim.Time // when its rate changed last
	still  bool

	wallOffset int64 // of the wall clock, from the epoch and the true time
	wallLost   int64 // by standing still
}

// local is how many nanoseconds the clock has counted since the run began.
func (c *hostClock) local(now sim.Time) int64 {
	if c.still {
		return c.base
	}
	elapsed := now - c.since
	return c.base + elapsed + elapsed/million*c.ppm + elapsed%million*c.ppm/million
}

// wall is the time of day, in nanoseconds since 1970. It does not drift: a daemon
// keeps it, unless it stands still or jumps.
func (c *hostClock) wall(now sim.Time) int64 {
	lost := c.wallLost
	if c.still {
		lost += now - c.since
	}
	return epochNs + now + c.wallOffset - lost
}

// run goes on at another rate.
func (c *hostClock) run(now sim.Time, ppm int64) {
	c.settle(now)
	c.ppm = ppm
}

// freeze stands still, thaw goes on.
func (c *hostClock) freeze(now sim.Time) {
	c.settle(now)
	c.still = true
}

func (c *hostClock) thaw(now sim.Time) {
	c.settle(now)
	c.still = false
}

func (c *hostClock) jump(byNs int64) { c.wallOffset += byNs }

// settle begins a new stretch of time.
func (c *hostClock) settle(now sim.Time) {
	local := c.local(now)
	if c.still {
		c.wallLost += now - c.since
	}
	c.base, c.since = local, now
}
