package diskmodel

import (
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/sim"
)

// Disk is the platter of one machine.
type Disk struct {
	kernel *sim.Kernel
	entity uint64
	config Config

	root     *node
	files    []*node // all of them, in order of their id
	lastNode uint64
	removed  bool // some file may have lost its last name

	entryChanges []entryChange
	covered      []bool // room for syncEntries

	process *mount // nil: nobody has the disk mounted
	entries queue  // directory operations, in order
	pages   pool
	idle    []*operation

	latency  *sim.Rand
	observer func(Step)
	stats    Stats

	// The faults in force, beside what lies over files.
	slow           time.Duration
	stalledTo      sim.Time
	bytesPerSecond int64
	transferredAt  sim.Time // when the transfers under way are through
	failSyncs      int
	syncErrors     bool
	full           bool
	lost           bool
	orders         []order
}

// Stats counts what a disk has done since it was made.
type Stats struct {
	Reads, Writes, Syncs, EntryOps uint64
	BytesRead, BytesWritten        uint64
	WrittenBack                    uint64 // files written back for Config.DirtyBytes
	Throttled                      uint64 // operations that waited for SetThrottle

	Crashes     uint64 // of the process, those by power losses included
	PowerLosses uint64
	LostWrites  uint64 // unsynced changes lost wholly or in part by them
	TornSectors uint64
	LostEntries uint64 // unsynced entry changes lost
	LostFiles   uint64 // files that lost their last name by it

	RottenBits        uint64 // flipped by Rot
	MisdirectedWrites uint64 // that met MisdirectNextWrite
	LostDeviceWrites  uint64 // that met LoseNextWrite

	// Operations that a fault made fail.
	FailedSyncs  uint64 // by FailNextSync and SetSyncErrors
	ReadErrors   uint64 // by FailReads
	NoSpace      uint64 // by SetFull and Config.CapacityBytes
	DeviceErrors uint64 // by Lose
	// Errors counts those of the four above that a process was told, before it
	// hears: it has a reason to stop.
	Errors uint64
}

// New makes an empty disk. The entity keys its randomness and names it in the
// trace.
func New(k *sim.Kernel, entity uint64, cfg Config) *Disk {
	d := &Disk{kernel: k, entity: entity, config: cfg, latency: k.Rand("disk.latency", entity)}
	d.root = &node{dir: newDirectory()}
	return d
}

// Mount gives the disk to a process. exec runs callbacks on the process' loop:
// it may delay them and, once the process is dead, drop them. A process that
// had the disk before is taken to have crashed.
func (d *Disk) Mount(exec func(f func())) env.Disk {
	if d.process != nil {
		d.Crash()
	}
	d.process = &mount{disk: d, exec: exec}
	return d.process
}

// Stats tells what the disk has done.
func (d *Disk) Stats() Stats { return d.stats }

// Durable tells whether the n bytes at off of the file now under name would
// survive any power loss now, under that name, whatever faults lie over them. A
// lost disk has none.
func (d *Disk) Durable(name string, off, n int64) bool {
	file := d.durablePath(checkName(name))
	return !d.lost && file != nil && file.dir == nil && file.survives(off, n) && !file.queue.disturbs(off, n)
}

// Files are the names of all files as processes see them, in the order of a
// walk by name.
func (d *Disk) Files() []string {
	var names []string
	if d.lost {
		return nil
	}
	walk(d.root, func(n *node) {
		if n.dir == nil && !n.entryLost {
			names = append(names, n.name)
		}
	})
	return names
}

// Size is how long a file is as processes see it; 0 if there is no such file.
func (d *Disk) Size(name string) int64 {
	n := d.file(name)
	if n == nil {
		return 0
	}
	return n.cache.size
}

// ReadRaw gives the bytes of a file as a process would read them now, those that
// it cannot read as zeros; false if there is no such file. It takes no time and
// leaves no trace.
func (d *Disk) ReadRaw(name string) ([]byte, bool) {
	n := d.file(name)
	if n == nil {
		return nil, false
	}
	p := make([]byte, n.cache.size)
	n.cache.read(p, 0)
	if n.overlay != nil {
		n.show(p, 0)
	}
	return p, true
}
