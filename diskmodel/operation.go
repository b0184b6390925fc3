package diskmodel

import (
	"fmt"
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
	opKinds
)

func (k opKind) String() string {
	if k == 0 || k >= opKinds {
		return "op?"
	}
	return [...]string{"", "read", "write", "truncate", "size", "sync", "open", "rename", "remove", "mkdir", "list", "syncdir", "crash", "power loss"}[k]
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

	// The outcome.
	err   error
	n     int64
	file  *file
	names []string

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
	op.queue.timer = d.kernel.After(l.draw(d.latency, bytes)+d.slow, op.expire)
}

// expired carries the operation out and lets the next one begin.
func (op *operation) expired() {
	d := op.disk
	if now := d.kernel.Now(); now < d.stalledTo {
		op.queue.timer = d.kernel.At(d.stalledTo, op.expire)
		return
	}
	op.queue.pop()
	op.carryOut()
	op.queue.begin()
	op.process.exec(op.report)
}

// reported tells the process, if it still lives.
func (op *operation) reported() {
	done := *op
	op.recycle()
	if done.process.dead {
		return
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
	if op.node != nil {
		op.carryOutFile()
	} else {
		op.carryOutEntry()
	}
}

func (op *operation) carryOutFile() {
	d, n := op.disk, op.node
	switch op.kind {
	case opRead:
		op.n = int64(n.cache.read(op.p, op.off))
		if op.n < int64(len(op.p)) {
			op.err = io.EOF
		}
		d.stats.Reads++
		d.stats.BytesRead += uint64(op.n)
		op.record(op.p[:op.n])
		return
	case opWrite:
		op.write(len(op.p))
	case opTruncate:
		if op.off > d.config.MaxFileBytes {
			op.err = env.ErrNoSpace
		} else {
			n.truncate(op.off, &d.pages)
		}
	case opSize:
		op.n = n.cache.size
	case opSync:
		d.stats.Syncs++
		if d.syncFails() {
			n.failSync()
			op.err = fmt.Errorf("sync %s: %w", n.name, env.ErrIO)
		} else {
			n.sync(&d.pages)
		}
	default:
		panic("diskmodel: no file operation: " + op.kind.String())
	}
	op.record(op.p)
}

// write carries out the first bytes of a write.
func (op *operation) write(bytes int) {
	d, n := op.disk, op.node
	if op.off > d.config.MaxFileBytes-int64(bytes) {
		op.err = env.ErrNoSpace
		return
	}
	n.write(op.p[:bytes], op.off, &d.pages)
	d.stats.Writes++
	d.stats.BytesWritten += uint64(bytes)
	if n.dirty > d.config.DirtyBytes {
		n.sync(&d.pages)
		d.stats.WrittenBack++
	}
}

// record puts a file operation into the trace; see Describe.
func (op *operation) record(p []byte) {
	op.disk.kernel.Record(sim.KindDisk, op.disk.entity, uint64(op.kind)<<traceKindShift|op.node.id, uint64(op.off), p)
}
