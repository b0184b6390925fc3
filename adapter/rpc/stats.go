package rpc

import (
	"sync/atomic"

	"github.com/lockstep-log/lockstep/engine/env"
)

// Stats counts frames since the network was made.
type Stats struct {
	Sent          [env.Lanes]uint64 // handed to the operating system's socket
	SentBytes     [env.Lanes]uint64
	Received      [env.Lanes]uint64 // handed to the receiver
	ReceivedBytes [env.Lanes]uint64

	DroppedFull     [env.Lanes]uint64 // the lane's queue had no room
	DroppedUnknown  uint64            // no such peer
	DroppedDown     uint64            // the peer was not connected, or the session broke
	DroppedTooLarge uint64            // above FrameBytes
	DroppedEarly    uint64            // arrived before Attach

	Sessions uint64 // accepted by peers, reconnects included
	Refused  uint64 // streams refused by this node
}

// counters is Stats as it is counted, from several goroutines.
type counters struct {
	sent, sentBytes, received, receivedBytes, full [env.Lanes]atomic.Uint64

	unknown, down, tooLarge, early, sessions, refused atomic.Uint64
}

// Stats gives the counters. May be called from any goroutine.
func (n *Network) Stats() Stats {
	c := &n.counters
	s := Stats{
		DroppedUnknown:  c.unknown.Load(),
		DroppedDown:     c.down.Load(),
		DroppedTooLarge: c.tooLarge.Load(),
		DroppedEarly:    c.early.Load(),
		Sessions:        c.sessions.Load(),
		Refused:         c.refused.Load(),
	}
	for lane := range env.Lanes {
		s.Sent[lane] = c.sent[lane].Load()
		s.SentBytes[lane] = c.sentBytes[lane].Load()
		s.Received[lane] = c.received[lane].Load()
		s.ReceivedBytes[lane] = c.receivedBytes[lane].Load()
		s.DroppedFull[lane] = c.full[lane].Load()
	}
	return s
}
