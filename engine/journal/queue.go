package journal

import (
	"slices"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/engine/env"
)

// request is one Append, or what makes a group's log void or its replica silent,
// that waits to be written.
type request struct {
	group      *group
	hs         HardState
	changed    bool // term or vote differ from before
	entries    []*raftpb.Entry
	taken      int // entries already in an earlier batch
	cuts       uint64
	special    recordKind // 0: an Append
	checkpoint checkpoint
	replica    env.ReplicaID // adopted
	reason     error         // of a fence
	done       func()
}

// empty tells that only a callback waits.
func (r *request) empty() bool { return len(r.entries) == 0 && !r.changed && r.special == 0 }

// headBytes is what its first record takes without entries.
func (r *request) headBytes() int {
	switch r.special {
	case recordRestart:
		return recordHeaderBytes + restartBytes
	case recordFence:
		return recordHeaderBytes + len(reasonText(r.reason))
	default:
		return recordHeaderBytes
	}
}

// bytes is about what its records take in a file.
func (r *request) bytes() int64 {
	if r.empty() {
		return 0
	}
	n := r.headBytes()
	for _, e := range r.entries {
		n += entryBytes(e)
	}
	return int64(n)
}

// queue is a first-in first-out list that reuses its memory. Its length is
// bounded by what raft keeps in flight, its bytes by Journal.Pressure.
type queue struct {
	items []request
	head  int
	bytes int64 // of all that wait, those partly written included
}

func (q *queue) waiting() []request    { return q.items[q.head:] }
func (q *queue) len() int              { return len(q.items) - q.head }
func (q *queue) clear()                { clear(q.items); q.items, q.head, q.bytes = q.items[:0], 0, 0 }
func (q *queue) front(n int) []request { return q.items[q.head : q.head+n] }

func (q *queue) push(r request) {
	q.items = append(q.items, r)
	q.bytes += r.bytes()
}

// remove removes the requests of a group, in between two batches.
func (q *queue) remove(g *group) {
	kept := slices.DeleteFunc(q.items[q.head:], func(r request) bool {
		if r.group == g {
			q.bytes -= r.bytes()
		}
		return r.group == g
	})
	q.items = q.items[:q.head+len(kept)]
}

// drop removes the first n requests.
func (q *queue) drop(n int) {
	for i := range q.front(n) {
		q.bytes -= q.items[q.head+i].bytes()
	}
	clear(q.items[q.head : q.head+n])
	q.head += n
	if q.head == len(q.items) {
		q.items, q.head = q.items[:0], 0
	} else if q.head > len(q.items)/2 {
		kept := copy(q.items, q.items[q.head:])
		clear(q.items[kept:])
		q.items, q.head = q.items[:kept], 0
	}
}
