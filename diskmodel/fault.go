package diskmodel

import (
	"time"

	"github.com/lockstep-log/lockstep/sim"
)

// FailNextSync makes the next n syncs, of files or directories, fail with
// env.ErrIO: what they covered reads back, counts as clean, and is not durable.
func (d *Disk) FailNextSync(n int) { d.failSyncs = n }

// SetSlow adds extra to every operation that begins from now on; zero ends it.
func (d *Disk) SetSlow(extra time.Duration) { d.slow = extra }

// Stall lets no operation end before the given time.
func (d *Disk) Stall(until sim.Time) { d.stalledTo = max(d.stalledTo, until) }

// FlipBit damages one bit of a file, in the cache and on the medium. It reports
// false if the file has no such byte.
func (d *Disk) FlipBit(name string, off int64, bit uint) bool {
	n := d.lookup(checkName(name))
	if n == nil || n.dir != nil || off < 0 || off >= n.cache.size {
		return false
	}
	mask := byte(1) << (bit % 8)
	i, at := int(off/pageBytes), off%pageBytes
	shared := n.cache.pages[i] != nil && n.cache.pages[i] == n.durable.at(i)
	if shared {
		n.cache.pages[i][at] ^= mask
		return true
	}
	var none image
	n.cache.own(i, &none, &d.pages)[at] ^= mask
	if off < n.durable.size {
		n.durable.own(i, &none, &d.pages)[at] ^= mask
	}
	return true
}

// syncFails takes one of the failures that FailNextSync ordered.
func (d *Disk) syncFails() bool {
	if d.failSyncs == 0 {
		return false
	}
	d.failSyncs--
	d.stats.FailedSyncs++
	return true
}
