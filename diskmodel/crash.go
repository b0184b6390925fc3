package diskmodel

import "github.com/lockstep-log/lockstep/sim"

// Crash ends the process that has the disk mounted, and nothing else: what was
// carried out reads back and is as unsynced as before. Of the operations that
// waited, a prefix of each queue is carried out. No completion comes any more.
func (d *Disk) Crash() {
	if d.process == nil {
		return
	}
	d.stats.Crashes++
	d.kernel.Record(sim.KindDisk, d.entity, uint64(opCrash)<<traceKindShift, 0, nil)
	d.cutOff(&d.entries, 0)
	for _, n := range d.files {
		d.cutOff(&n.queue, n.id)
		n.handles = 0
	}
	d.process.dead = true
	d.process = nil
	d.transferredAt = 0
}

// cutOff carries out a random prefix of a queue, the last write of it perhaps
// in part, and drops the rest.
func (d *Disk) cutOff(q *queue, id uint64) {
	if q.empty() {
		return
	}
	r := d.keyed("disk.crash", id)
	waiting := q.waiting()
	n := int(r.Below(uint64(len(waiting) + 1)))
	for _, op := range waiting[:n] {
		op.carryOut()
	}
	if n < len(waiting) && waiting[n].kind == opWrite && waiting[n].err == nil {
		op := waiting[n]
		op.p = op.p[:r.Below(uint64(len(op.p)/sectorBytes+1))*sectorBytes]
		op.carryOut()
	}
	q.clear()
}

// keyed is a stream for one decision about one file at this time.
func (d *Disk) keyed(what string, id uint64) *sim.Rand {
	return sim.NewRand(d.kernel.Seed(), what, sim.Mix(d.entity, uint64(d.kernel.Now()), id))
}
