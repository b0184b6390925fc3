package rpc

import (
	"context"
	"sync"

	"github.com/lockstep-log/lockstep/engine/env"
)

// messageBytes is how much a stream's writer puts in one gRPC message, a single
// larger frame excepted. Batching saves the cost of a message each when many
// small frames wait; more would only delay the first of them.
const messageBytes = 256 << 10

// cost is what a frame counts for: its bytes and a share for keeping it, so that
// tiny frames are limited too.
func cost(frame []byte) int { return len(frame) + 32 }

// laneQueue holds the frames of one lane toward one peer: pushed by the loop,
// taken by the stream's writer. It is open while a session is.
type laneQueue struct {
	lane  env.Lane
	limit int // bytes
	count *counters
	wake  chan struct{} // one token: something was pushed

	mu     sync.Mutex
	open   bool
	frames [][]byte
	head   int // frames[:head] are taken
	bytes  int // of frames[head:]
}

func newLaneQueue(lane env.Lane, limit int, count *counters) *laneQueue {
	return &laneQueue{lane: lane, limit: limit, count: count, wake: make(chan struct{}, 1)}
}

// push queues a frame, or drops one: see the package comment for which.
func (q *laneQueue) push(frame []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.open {
		q.count.down.Add(1)
		return
	}
	for q.bytes > 0 && q.bytes+cost(frame) > q.limit {
		q.count.full[q.lane].Add(1)
		if q.lane != env.Urgent {
			return
		}
		q.pop()
	}
	if q.head > 0 && q.head == len(q.frames) {
		q.frames, q.head = q.frames[:0], 0
	}
	q.frames = append(q.frames, frame)
	q.bytes += cost(frame)
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// pop removes the oldest frame. Under mu, and not empty.
func (q *laneQueue) pop() []byte {
	frame := q.frames[q.head]
	q.frames[q.head] = nil
	q.head++
	q.bytes -= cost(frame)
	return frame
}

// take waits for frames and appends about messageBytes of them to dst, at least
// one. It gives none once ctx has ended.
func (q *laneQueue) take(ctx context.Context, dst [][]byte) [][]byte {
	for {
		if dst = q.takeNow(dst); len(dst) > 0 {
			return dst
		}
		select {
		case <-q.wake:
		case <-ctx.Done():
			return dst
		}
	}
}

func (q *laneQueue) takeNow(dst [][]byte) [][]byte {
	q.mu.Lock()
	defer q.mu.Unlock()
	for n := 0; q.head < len(q.frames) && (n == 0 || n+cost(q.frames[q.head]) <= messageBytes); {
		frame := q.pop()
		n += cost(frame)
		dst = append(dst, frame)
	}
	q.compact()
	return dst
}

// compact keeps the taken part of a queue that never runs empty from growing.
func (q *laneQueue) compact() {
	if q.head < 1024 || q.head*2 < len(q.frames) {
		return
	}
	kept := copy(q.frames, q.frames[q.head:])
	clear(q.frames[kept:])
	q.frames, q.head = q.frames[:kept], 0
}

// setOpen opens the queue for a session, or closes it and drops what waits.
func (q *laneQueue) setOpen(open bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.open = open
	q.count.down.Add(uint64(len(q.frames) - q.head))
	clear(q.frames)
	q.frames, q.head, q.bytes = q.frames[:0], 0, 0
}
