package diskmodel

import (
	"time"

	"github.com/lockstep-log/lockstep/sim"
)

// FailNextSync makes the next n syncs, of files or directories, fail with
// env.ErrIO: what they covered reads back, counts as clean, and is not durable.
// Simulated: 1.
func (d *Disk) FailNextSync(n int) {
	if d.failSyncs != n {
		d.failSyncs = n
		d.recordFault(opFailSyncs, 0, uint64(n), 0)
	}
}

// SetSyncErrors makes every sync fail as FailNextSync does, or ends that.
func (d *Disk) SetSyncErrors(failing bool) {
	if d.syncErrors != failing {
		d.syncErrors = failing
		d.recordFault(opSyncErrors, 0, flag(failing), 0)
	}
}

// PendingSyncFailures is how many of the failures that FailNextSync ordered no
// sync has met yet.
func (d *Disk) PendingSyncFailures() int { return d.failSyncs }

// SetSlow adds extra to every operation that begins from now on; zero ends it.
// Simulated: 1 ms to 1 s.
func (d *Disk) SetSlow(extra time.Duration) {
	if d.slow != extra {
		d.slow = extra
		d.recordFault(opSlow, 0, uint64(extra), 0)
	}
}

// Stall lets no operation end before the given time. Simulated: up to 10 s.
func (d *Disk) Stall(until sim.Time) {
	if d.stalledTo < until {
		d.stalledTo = until
		d.recordFault(opStall, 0, uint64(until), 0)
	}
}

// Unstall ends a stall: what it held goes on at once.
func (d *Disk) Unstall() {
	now := d.kernel.Now()
	if d.stalledTo <= now {
		return
	}
	d.stalledTo = now
	d.recordFault(opStall, 0, uint64(now), 0)
	for _, op := range d.underWay(func(op *operation) bool { return op.held }) {
		op.endAt(now)
	}
}

// syncFails takes one of the failures that FailNextSync ordered.
func (d *Disk) syncFails() bool {
	if !d.syncErrors {
		if d.failSyncs == 0 {
			return false
		}
		d.failSyncs--
	}
	d.stats.FailedSyncs++
	return true
}

// LiftFaults removes all that is laid over files and names, and ends every other
// fault but a lost device: what a stall or a throttle held goes on at once. What
// a power loss or a failed sync took does not come back.
func (d *Disk) LiftFaults() {
	lifted := d.switchOff()
	for _, n := range d.files {
		lifted = n.absolve() || lifted || n.overlay != nil || n.entryLost
		n.overlay, n.entryLost = nil, false
	}
	if lifted {
		d.recordFault(opLift, 0, 0, 0)
	}
}

// switchOff ends the faults that are not laid over anything. It reports whether
// there were any.
func (d *Disk) switchOff() bool {
	on := d.full || d.syncErrors || d.failSyncs > 0 || len(d.orders) > 0 || d.slow != 0 || d.stalledTo > d.kernel.Now() || d.bytesPerSecond > 0
	d.full, d.syncErrors, d.failSyncs, d.orders, d.slow = false, false, 0, nil, 0
	d.Unstall()
	old := d.bytesPerSecond
	d.bytesPerSecond = 0
	d.retime(old)
	return on
}

// recordFault puts a fault that was laid or lifted into the trace; see Describe.
func (d *Disk) recordFault(kind opKind, id, c uint64, n int) {
	d.kernel.RecordSum(sim.KindDisk, d.entity, uint64(kind)<<traceKindShift|id, c, n, 0)
}

func flag(on bool) uint64 {
	if on {
		return 1
	}
	return 0
}
