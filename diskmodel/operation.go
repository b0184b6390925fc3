package diskmodel

import (
	"errors"
	"io"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/sim"
)

// opKind says what an operation does; its number is in the trace.
type opKind uint8

const (
	opRead opKind = iota + 1
	opWrite
	opTruncate
	opSize
	opSync
	opOpen
	opRename
	opRemove
	opMkdir
	opList
	opSyncDir
	opCrash
	opPowerLoss
	// Faults that are laid or lifted.
	opRot
	opFailReads
	opMisdirect
	opLoseWrite
	opForgetWrites
	opStrayed
	opLoseEntry
	opFull
	opSyncErrors
	opFailSyncs
	opSlow
	opStall
	opThrottle
	opLose
	opReplace
	opLift
	opKinds
)

func (k opKind) String() string {
	if k == 0 || k >= opKinds {
		return "op?"
	}
	return [...]string{
		"", "read", "write", "truncate", "size", "sync", "open", "rename", "remove", "mkdir", "list", "syncdir", "crash", "power loss",
		"rot", "unreadable", "misdirect the next write", "lose the next write", "forget orders", "strayed write", "lost entry",
		"full", "sync errors", "fail syncs", "slow", "stall", "throttle", "lost device", "new device", "faults lifted",
	}[k]
}

// operation is one thing asked of the disk. Operations are used again, so that
// asking allocates nothing.
type operation struct {
	disk    *Disk
	process *mount
	queue   *queue
	kind    opKind
	mode    env.OpenMode
	node    *node // of a file operation
	p       []byte
	off     int64
	name    string
	to      string

	// While it is under way.
	readyAt, transferredAt sim.Time // of a throttled one: when its latency and its bytes are through
	held                   bool     // by a stall

	// The outcome.
	err      error
	injected bool // err is a fault's
	made     bool // an open made the file
	n        int64
	file     *file
	names    []string

	// Whom to tell: the one that fits the kind.
	doneError func(error)
	doneRead  func(int, error)
	doneSize  func(int64, error)
	doneOpen  func(env.File, error)
	doneNames func([]string, error)

	expire func() // its latency has passed
	report func() // it is its process' turn
}

func (m *mount) operation(kind opKind, q *queue) *operation {
	d := m.disk
	var op *operation
	if n := len(d.idle); n > 0 {
		op = d.idle[n-1]
		d.idle = d.idle[:n-1]
	} else {
		op = &operation{disk: d}
		op.expire = op.expired
		op.report = op.reported
	}
	op.process, op.queue, op.kind = m, q, kind
	return op
}

// recycle clears what the operation referred to.
func (op *operation) recycle() {
	*op = operation{disk: op.disk, expire: op.expire, report: op.report}
	op.disk.idle = append(op.disk.idle, op)
}

// begin starts the clock of an operation that stands first in its queue.
func (op *operation) begin() {
	d := op.disk
	l := &d.config.Entry
	bytes := int64(len(op.p))
	switch op.kind {
	case opRead, opSize:
		l = &d.config.Read
	case opWrite, opTruncate:
		l = &d.config.Write
	case opSync:
		l = &d.config.Sync
		bytes = op.node.dirty
	case opSyncDir:
		l = &d.config.SyncDir
	default: // the directory's entries: the latency above
	}
	at := d.kernel.Now() + sim.Time(max(l.draw(d.latency, bytes)+d.slow, 0))
	if d.bytesPerSecond > 0 && op.node != nil {
		at = d.transfer(op, bytes, at)
	}
	op.queue.timer = d.kernel.At(at, op.expire)
}

// expired carries the operation out and lets the next one begin.
func (op *operation) expired() {
	d := op.disk
	if now := d.kernel.Now(); now < d.stalledTo {
		op.held = true
		op.queue.timer = d.kernel.At(d.stalledTo, op.expire)
		return
	}
	op.queue.pop()
	op.carryOut()
	op.queue.begin()
	if d.observer != nil && !op.closed() {
		d.observer(op.step())
		if op.process.dead {
			op.recycle()
			return
		}
	}
	op.process.exec(op.report)
}

// closed tells whether a closed file was asked: nothing is carried out for it.
func (op *operation) closed() bool { return errors.Is(op.err, env.ErrClosed) }

// reported tells the process, if it still lives.
func (op *operation) reported() {
	done := *op
	op.recycle()
	if done.process.dead {
		return
	}
	if done.injected {
		done.disk.stats.Errors++
	}
	switch {
	case done.doneError != nil:
		done.doneError(done.err)
	case done.doneRead != nil:
		done.doneRead(int(done.n), done.err)
	case done.doneSize != nil:
		done.doneSize(done.n, done.err)
	case done.doneNames != nil:
		done.doneNames(done.names, done.err)
	case done.err != nil:
		done.doneOpen(nil, done.err)
	default:
		done.doneOpen(done.file, nil)
	}
}

// carryOut changes the disk, and records that in the trace.
func (op *operation) carryOut() {
	if op.err != nil {
		return
	}
	if op.disk.lost {
		op.refuse()
	}
	if op.node != nil {
		op.carryOutFile()
	} else {
		op.carryOutEntry()
	}
}

func (op *operation) carryOutFile() {
	d, n := op.disk, op.node
	p := op.p
	switch {
	case op.err != nil: // the device is gone
		p = nil
	case op.kind == opRead:
		p = op.read()
	case op.kind == opWrite:
		op.write(len(op.p))
	case op.kind == opTruncate:
		if op.off > d.config.MaxFileBytes {
			op.err = env.ErrNoSpace
		} else if op.extends() {
			n.truncate(op.off, &d.pages)
		}
	case op.kind == opSize:
		op.n = n.cache.size
	case op.kind == opSync:
		op.sync()
	default:
		panic("diskmodel: no file operation: " + op.kind.String())
	}
	op.record(p)
}

// read fills the operation's bytes, and gives those that were read.
func (op *operation) read() []byte {
	d, n := op.disk, op.node
	p := op.p[:n.cache.read(op.p, op.off)]
	d.stats.Reads++
	if n.overlay != nil && !n.show(p, op.off) {
		clear(p)
		d.stats.ReadErrors++
		op.inject(env.ErrIO)
		return nil
	}
	op.n = int64(len(p))
	if len(p) < len(op.p) {
		op.err = io.EOF
	}
	d.stats.BytesRead += uint64(op.n)
	return p
}

// write carries out the first bytes of a write.
func (op *operation) write(bytes int) {
	d, n := op.disk, op.node
	if op.off > d.config.MaxFileBytes-int64(bytes) {
		op.err = env.ErrNoSpace
		return
	}
	if d.limited() {
		bytes = op.fits(bytes)
	}
	n.write(op.p[:bytes], op.off, &d.pages)
	if len(d.orders) > 0 && op.err == nil {
		d.meetOrder(n, op.off, int64(bytes))
	}
	d.stats.Writes++
	d.stats.BytesWritten += uint64(bytes)
	if n.dirty > d.config.DirtyBytes {
		n.sync(&d.pages)
		d.stats.WrittenBack++
	}
}

func (op *operation) sync() {
	d, n := op.disk, op.node
	d.stats.Syncs++
	op.n = n.dirty
	if d.syncFails() {
		n.failSync()
		op.inject(env.ErrIO)
	} else {
		n.sync(&d.pages)
	}
}

// inject fails the operation with a fault's error.
func (op *operation) inject(err error) {
	if op.node != nil {
		op.name = op.node.name
	}
	op.fail(err)
	op.injected = true
}

// record puts a file operation into the trace; see Describe.
func (op *operation) record(p []byte) {
	b := uint64(op.kind)<<traceKindShift | op.node.id
	if op.injected {
		b |= traceFailed
	}
	op.disk.kernel.Record(sim.KindDisk, op.disk.entity, b, uint64(op.off), p)
}
