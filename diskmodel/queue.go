package diskmodel

import "github.com/lockstep-log/lockstep/sim"

// queue holds operations that are carried out one after the other. The first
// one is under way: its timer runs.
type queue struct {
	ops   []*operation
	first int
	timer sim.Timer
}

func (q *queue) empty() bool { return q.first == len(q.ops) }

func (q *queue) waiting() []*operation { return q.ops[q.first:] }

func (q *queue) push(op *operation) {
	idle := q.empty()
	q.ops = append(q.ops, op)
	if idle {
		op.begin()
	}
}

func (q *queue) pop() {
	q.ops[q.first] = nil
	q.first++
	if q.empty() {
		q.ops, q.first = q.ops[:0], 0
	} else if q.first >= 32 && q.first > len(q.ops)/2 {
		n := copy(q.ops, q.ops[q.first:])
		clear(q.ops[n:])
		q.ops, q.first = q.ops[:n], 0
	}
}

func (q *queue) begin() {
	if !q.empty() {
		q.ops[q.first].begin()
	}
}

// disturbs tells whether an operation that waits may change [off, off+n).
func (q *queue) disturbs(off, n int64) bool {
	for _, op := range q.waiting() {
		ch := change{off: op.off, n: int64(len(op.p)), truncate: op.kind == opTruncate}
		if (op.kind == opWrite || ch.truncate) && ch.overlaps(off, n) {
			return true
		}
	}
	return false
}

// clear drops all that wait.
func (q *queue) clear() {
	q.timer.Stop()
	for _, op := range q.waiting() {
		op.recycle()
	}
	clear(q.ops)
	q.ops, q.first = q.ops[:0], 0
}
