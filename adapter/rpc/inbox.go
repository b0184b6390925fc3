package rpc

import (
	"context"
	"sync"

	"github.com/lockstep-log/lockstep/engine/env"
)

// notice is what a stream has to say to the loop.
type notice struct {
	kind    noticeKind
	lane    env.Lane
	peer    *peer
	session uint64
	process uint64                  // of the peer, at a session's beginning
	end     context.CancelCauseFunc // of our session
	frames  [][]byte
	bytes   int // of frames
}

type noticeKind uint8

const (
	noticeFrames  noticeKind = iota // frames arrived
	noticeInUp                      // the peer opened a stream toward us
	noticeInDown                    // that stream ended
	noticeOutUp                     // our session toward the peer was accepted
	noticeOutDown                   // our session ended
)

// inbox gathers the notices of all streams, in their order, and gives them to
// the loop as one event for as many as came since the last.
type inbox struct {
	limit  int // bytes of frames
	submit func() bool

	mu      sync.Mutex
	room    sync.Cond // the loop took what was there, or closed
	waiting []notice
	bytes   int
	closed  bool

	taken []notice // loop only: the other half of the double buffer
}

// put hands over a notice. Frames wait while the inbox is full; a session's
// beginning and end do not. It reports false once the inbox is closed.
func (b *inbox) put(n notice) bool {
	b.mu.Lock()
	for n.bytes > 0 && b.bytes >= b.limit && !b.closed {
		b.room.Wait()
	}
	if b.closed {
		b.mu.Unlock()
		return false
	}
	b.waiting = append(b.waiting, n)
	b.bytes += n.bytes
	first := len(b.waiting) == 1
	b.mu.Unlock()
	return !first || b.submit()
}

// take gives the loop all that waits; the slice is valid until the next take.
func (b *inbox) take() []notice {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.taken)
	b.taken, b.waiting = b.waiting, b.taken[:0]
	if b.bytes >= b.limit {
		b.room.Broadcast()
	}
	b.bytes = 0
	return b.taken
}

// close drops what waits and releases who waits.
func (b *inbox) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.waiting, b.bytes = nil, 0
	b.room.Broadcast()
}
