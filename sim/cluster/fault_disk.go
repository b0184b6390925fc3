package cluster

import (
	"slices"
	"time"

	"github.com/lockstep-log/lockstep/sim"
)

// diskFaults are what faults do to a host's disk, beside what they destroy. They
// overlap, so they are counted.
type diskFaults struct {
	slowNs    int64    // sum over the faults that slow it
	throttles []*Fault // in force
	stalls    int
	stalledTo sim.Time
	failSyncs int
	syncErrs  int
	fulls     int
	foreign   bool // it belongs into another machine

	refusals uint64 // errors that it had given its processes when the last one began
}

// degraded tells whether a fault delays the disk or makes it refuse.
func (d *diskFaults) degraded() bool {
	return d.slowNs != 0 || len(d.throttles) > 0 || d.stalls > 0 || d.syncErrs > 0 || d.fulls > 0 || d.foreign
}

// works tells whether it is fast enough for a tick of raft, and refuses nothing.
func (d *diskFaults) works() bool {
	return d.slowNs <= int64(slowest) && len(d.throttles) == 0 && d.stalls == 0 && d.syncErrs == 0 && d.fulls == 0 && !d.foreign
}

func (c *Cluster) beginSlowDisk(f *Fault, targets []*host) { c.slow(f.LatencyNs, targets) }
func (c *Cluster) endSlowDisk(f *Fault, targets []*host)   { c.slow(-f.LatencyNs, targets) }

func (c *Cluster) slow(byNs int64, targets []*host) {
	for _, h := range targets {
		h.slowNs += byNs
		h.disk.SetSlow(time.Duration(h.slowNs))
	}
}

func (c *Cluster) beginThrottleDisk(f *Fault, targets []*host) {
	for _, h := range targets {
		h.throttles = append(h.throttles, f)
		h.throttle()
	}
}

func (c *Cluster) endThrottleDisk(f *Fault, targets []*host) {
	for _, h := range targets {
		if i := slices.Index(h.throttles, f); i >= 0 {
			h.throttles = slices.Delete(h.throttles, i, i+1)
		}
		h.throttle()
	}
}

// throttle tells the disk the tightest bandwidth in force.
func (h *host) throttle() {
	rate := int64(0)
	for _, f := range h.throttles {
		rate = tighter(rate, f.BytesPerSecond)
	}
	h.disk.SetThrottle(rate)
}

func (c *Cluster) beginStallDisk(f *Fault, targets []*host) {
	for _, h := range targets {
		h.stalls++
		h.stalledTo = max(h.stalledTo, c.k.Now()+f.ForNs)
		h.disk.Stall(h.stalledTo)
	}
}

// endStallDisk has nothing to undo: the stall ends by itself.
func (c *Cluster) endStallDisk(_ *Fault, targets []*host) {
	for _, h := range targets {
		h.stalls--
	}
}

func (c *Cluster) beginFailSync(_ *Fault, targets []*host) {
	for _, h := range targets {
		h.failSyncs++
		h.disk.FailNextSync(h.disk.PendingSyncFailures() + 1)
	}
}

// endFailSync takes back a failure that no sync has met, and leaves those of
// other faults.
func (c *Cluster) endFailSync(_ *Fault, targets []*host) {
	for _, h := range targets {
		h.failSyncs--
		if h.disk.PendingSyncFailures() > h.failSyncs {
			h.disk.FailNextSync(h.failSyncs)
		}
	}
}

func (c *Cluster) beginSyncErrors(_ *Fault, targets []*host) {
	for _, h := range targets {
		h.syncErrs++
		h.disk.SetSyncErrors(true)
	}
}

func (c *Cluster) endSyncErrors(_ *Fault, targets []*host) {
	for _, h := range targets {
		h.syncErrs--
		h.disk.SetSyncErrors(h.syncErrs > 0)
	}
}

// beginFullDisk lets nothing grow.
func (c *Cluster) beginFullDisk(_ *Fault, targets []*host) {
	for _, h := range targets {
		h.fulls++
		h.disk.SetFull(true)
	}
}

func (c *Cluster) endFullDisk(_ *Fault, targets []*host) {
	for _, h := range targets {
		h.fulls--
		h.disk.SetFull(h.fulls > 0)
	}
}

// settleDisk gives a host's disk what the faults in force on the host do to it: it
// has come from another one.
func (h *host) settleDisk() {
	h.disk.Unstall()
	h.disk.ForgetNextWrites()
	h.disk.SetSlow(time.Duration(h.slowNs))
	h.throttle()
	h.disk.Stall(h.stalledTo)
	h.disk.FailNextSync(h.failSyncs)
	h.disk.SetSyncErrors(h.syncErrs > 0)
	h.disk.SetFull(h.fulls > 0)
}
