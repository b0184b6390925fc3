package diskmodel

import "github.com/lockstep-log/lockstep/engine/env"

// Lose takes the device away: every operation that ends from now on fails with
// env.ErrIO, also those under way and those of a process that mounts it later.
// Nothing on it is durable, intact or there any more.
func (d *Disk) Lose() {
	if !d.lost {
		d.lost = true
		d.recordFault(opLose, 0, 0, 0)
	}
}

// Lost tells whether the device is gone.
func (d *Disk) Lost() bool { return d.lost }

// Replace puts in a new device, empty and without any fault. A process that had
// the old one mounted is taken to have crashed.
func (d *Disk) Replace() {
	d.Crash()
	d.recordFault(opReplace, 0, 0, 0)
	for _, n := range d.files {
		n.release(&d.pages)
	}
	d.root = &node{dir: newDirectory()}
	clear(d.files)
	d.files, d.removed = d.files[:0], false
	clear(d.entryChanges)
	d.entryChanges = d.entryChanges[:0]
	d.lost = false
	d.switchOff()
}

// refuse fails an operation of a lost disk.
func (op *operation) refuse() {
	op.disk.stats.DeviceErrors++
	op.inject(env.ErrIO)
}
