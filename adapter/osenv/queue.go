package osenv

import "time"

// queue is the FIFO of one file, or of the directory operations. It is worked
// off by at most one worker at a time. Guarded by Disk.mu.
type queue struct {
	pending []operation
	spare   []operation // the slice that the worker gave back
	busy    bool        // a worker has it, or it waits for one
}

// verb says what an operation does; the word stands in its errors.
type verb string

const (
	verbWrite    verb = "write"
	verbRead     verb = "read"
	verbTruncate verb = "truncate"
	verbSize     verb = "stat"
	verbSync     verb = "sync"
	verbClose    verb = "close"
	verbOpen     verb = "open"
	verbRename   verb = "rename"
	verbRemove   verb = "remove"
	verbMkdir    verb = "mkdir"
	verbList     verb = "list"
	verbSyncDir  verb = "sync directory"
)

// operation is one step on a file or a directory. A worker fills n and err; the
// loop then calls the one callback that is set. It is flat so that a write
// allocates nothing.
type operation struct {
	verb verb
	file *File
	name string // of a directory operation
	act  func() error

	p   []byte
	off int64 // offset, or the size of a Truncate
	n   int64
	err error

	done  func(error)
	read  func(int, error)
	sized func(int64, error)
}

// complete reports to the asker. Loop only.
func (op *operation) complete() {
	switch {
	case op.done != nil:
		op.done(op.err)
	case op.read != nil:
		op.read(int(op.n), op.err)
	case op.sized != nil:
		op.sized(op.n, op.err)
	}
}

// push queues an operation and sees to a worker.
func (d *Disk) push(q *queue, op operation) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	q.pending = append(q.pending, op)
	if q.busy {
		return
	}
	q.busy = true
	if d.workers < d.limit {
		d.workers++
		go d.work(q)
		return
	}
	d.waiting = append(d.waiting, q)
}

// work drains q, then queues that wait for a worker, then ends. The completion
// of a write rides with that of the operation behind it: nearly always that is
// the sync the caller really waits for, and it saves a wake-up of the loop.
func (d *Disk) work(q *queue) {
	for q != nil {
		ops := d.begin(q)
		held := 0 // ops[held:i] are carried out and not reported
		for i := range ops {
			d.carryOut(&ops[i])
			if ops[i].verb != verbWrite {
				d.finish(ops[held : i+1])
				held = i + 1
			}
		}
		d.finish(ops[held:])
		q = d.next(q, ops)
	}
}

// carryOut runs on a worker.
func (d *Disk) carryOut(op *operation) {
	name, begun := op.name, time.Now()
	if op.act != nil {
		op.err = op.act()
	} else {
		op.err = op.file.carryOut(op)
		name = op.file.opened
	}
	op.err = mapError(op.verb, name, op.err)
	d.tally.add(op, name, time.Since(begun))
}

// begin takes all operations of q.
func (d *Disk) begin(q *queue) []operation {
	d.mu.Lock()
	defer d.mu.Unlock()
	ops := q.pending
	q.pending, q.spare = q.spare, nil
	return ops
}

// next gives a worker that has carried out ops of q its next queue: the one
// that waits longest, q itself if it has more, or none.
func (d *Disk) next(q *queue, ops []operation) *queue {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(ops)
	q.spare = ops[:0]
	if len(q.pending) > 0 {
		d.waiting = append(d.waiting, q)
	} else {
		q.busy = false
	}
	if len(d.waiting) == 0 {
		d.workers--
		d.ended.Broadcast()
		return nil
	}
	q = d.waiting[0]
	d.waiting[0] = nil
	d.waiting = d.waiting[1:]
	return q
}

// finish hands completions to the loop: one event for as many as gather until
// it runs.
func (d *Disk) finish(ops []operation) {
	if len(ops) == 0 {
		return
	}
	d.mu.Lock()
	first := len(d.finished) == 0
	d.finished = append(d.finished, ops...)
	d.mu.Unlock()
	if first {
		d.loop.Submit(d.drainEvent)
	}
}

// drain runs the completions that gathered. Loop only.
func (d *Disk) drain() {
	d.mu.Lock()
	d.draining, d.finished = d.finished, d.draining[:0]
	d.mu.Unlock()
	for i := range d.draining {
		if d.loop.stopped.Load() {
			return
		}
		op := d.draining[i]
		d.draining[i] = operation{}
		op.complete()
	}
}
