package diskmodel

import "github.com/lockstep-log/lockstep/engine/env"

// SetFull fills the disk, or ends that. While it is full nothing grows: a write
// beyond a file's end, a truncation that extends and a new entry fail with
// env.ErrNoSpace, whatever was removed before: another process takes it at once.
// A write that runs out of space may leave a prefix of its bytes. What overwrites
// existing bytes works.
func (d *Disk) SetFull(full bool) {
	if d.full != full {
		d.full = full
		d.recordFault(opFull, 0, flag(full), 0)
	}
}

// space is how many of the bytes that files are to grow by there is room for.
func (d *Disk) space(grow int64) int64 {
	switch {
	case d.full:
		return 0
	case d.config.CapacityBytes == 0:
		return grow
	}
	free := d.config.CapacityBytes
	for _, n := range d.files {
		if n.at.set() || n.handles > 0 {
			free -= n.cache.size
		}
	}
	return max(min(free, grow), 0)
}

// limited tells whether growing needs a look at the space there is.
func (d *Disk) limited() bool { return d.full || d.config.CapacityBytes > 0 }

// fits gives how many of the first bytes of a write there is room for. If that
// is not all, the operation fails, and some prefix of it is what is written.
func (op *operation) fits(bytes int) int {
	d, n := op.disk, op.node
	grow := op.off + int64(bytes) - n.cache.size
	if grow <= 0 || !d.limited() {
		return bytes
	}
	room := d.space(grow)
	if room == grow {
		return bytes
	}
	op.refuseSpace()
	fit := max(n.cache.size+room-op.off, 0)
	return int(d.keyed("disk.full", n.id).Between(0, fit))
}

// extends tells whether there is room for a truncation.
func (op *operation) extends() bool {
	grow := op.off - op.node.cache.size
	if grow > 0 && op.disk.limited() && op.disk.space(grow) < grow {
		op.refuseSpace()
		return false
	}
	return true
}

// refusesEntry tells whether there is no room for a new entry.
func (op *operation) refusesEntry() bool {
	if op.disk.full {
		op.refuseSpace()
	}
	return op.disk.full
}

func (op *operation) refuseSpace() {
	op.disk.stats.NoSpace++
	op.inject(env.ErrNoSpace)
}
