package sim

// queue orders events by (time, sequence). It is a heap of four children a
// node, of values without pointers; the functions stand beside it in slots that
// are used again. A cancelled event stays in the heap, without its function,
// until it surfaces or until cancelled ones outnumber the live.
type queue struct {
	heap      []queued
	slots     []slot
	free      []uint32
	sequence  uint64
	cancelled int
}

type queued struct {
	at       Time
	sequence uint64
	slot     uint32
}

// slot holds a pending event's function; f is nil if it was cancelled. The
// generation tells a timer whether the slot is still its own.
type slot struct {
	f          func()
	generation uint32
}

const (
	heapArity = 4
	// compactAbove is how many cancelled events may lie about before anyone
	// thinks of sweeping.
	compactAbove = 256
)

func (a queued) before(b queued) bool {
	return a.at < b.at || a.at == b.at && a.sequence < b.sequence
}

func (q *queue) live() int { return len(q.heap) - q.cancelled }

func (q *queue) push(at Time, f func()) (index, generation uint32) {
	if f == nil {
		panic("sim: an event without a function")
	}
	if n := len(q.free); n > 0 {
		index = q.free[n-1]
		q.free = q.free[:n-1]
	} else {
		index = uint32(len(q.slots))
		q.slots = append(q.slots, slot{})
	}
	q.slots[index].f = f
	q.sequence++
	q.heap = append(q.heap, queued{at, q.sequence, index})
	q.up(len(q.heap) - 1)
	return index, q.slots[index].generation
}

func (q *queue) pending(index, generation uint32) bool {
	s := &q.slots[index]
	return s.generation == generation && s.f != nil
}

func (q *queue) cancel(index, generation uint32) bool {
	if !q.pending(index, generation) {
		return false
	}
	q.slots[index].f = nil
	q.cancelled++
	if q.cancelled > compactAbove && q.cancelled > len(q.heap)/2 {
		q.compact()
	}
	return true
}

// next is the time of the first live event.
func (q *queue) next() (Time, bool) {
	q.skipCancelled()
	if len(q.heap) == 0 {
		return 0, false
	}
	return q.heap[0].at, true
}

func (q *queue) pop() (at Time, f func(), ok bool) {
	q.skipCancelled()
	if len(q.heap) == 0 {
		return 0, nil, false
	}
	first := q.removeFirst()
	f = q.slots[first.slot].f
	q.release(first.slot)
	return first.at, f, true
}

func (q *queue) skipCancelled() {
	for q.cancelled > 0 && q.slots[q.heap[0].slot].f == nil {
		q.release(q.removeFirst().slot)
		q.cancelled--
	}
}

func (q *queue) release(index uint32) {
	s := &q.slots[index]
	s.f = nil
	s.generation++
	q.free = append(q.free, index)
}

// compact drops all cancelled events. The order of the rest does not depend on
// the heap's shape, so neither does any run.
func (q *queue) compact() {
	kept := q.heap[:0]
	for _, e := range q.heap {
		if q.slots[e.slot].f != nil {
			kept = append(kept, e)
		} else {
			q.release(e.slot)
		}
	}
	q.heap = kept
	q.cancelled = 0
	for i := (len(q.heap) - 2) / heapArity; i >= 0; i-- {
		q.down(i)
	}
}

func (q *queue) removeFirst() queued {
	first := q.heap[0]
	last := len(q.heap) - 1
	q.heap[0] = q.heap[last]
	q.heap = q.heap[:last]
	if last > 1 {
		q.down(0)
	}
	return first
}

func (q *queue) up(i int) {
	e := q.heap[i]
	for i > 0 {
		parent := (i - 1) / heapArity
		if !e.before(q.heap[parent]) {
			break
		}
		q.heap[i] = q.heap[parent]
		i = parent
	}
	q.heap[i] = e
}

func (q *queue) down(i int) {
	if i >= len(q.heap) {
		return
	}
	e := q.heap[i]
	for {
		child := heapArity*i + 1
		if child >= len(q.heap) {
			break
		}
		least := child
		for c := child + 1; c < min(child+heapArity, len(q.heap)); c++ {
			if q.heap[c].before(q.heap[least]) {
				least = c
			}
		}
		if !q.heap[least].before(e) {
			break
		}
		q.heap[i] = q.heap[least]
		i = least
	}
	q.heap[i] = e
}
