package env

// Lane is a queue of its own toward a peer, so that bulk data never delays a vote.
type Lane uint8

// The lanes, most urgent first.
const (
	Urgent Lane = iota // votes, heartbeats, read-index rounds
	Append             // log entries and their acknowledgements
	Bulk               // snapshots
	Lanes              // how many there are
)

// String names the lane.
func (l Lane) String() string {
	switch l {
	case Urgent:
		return "urgent"
	case Append:
		return "append"
	case Bulk:
		return "bulk"
	default:
		return "lane?"
	}
}

// Network sends frames to other nodes. It may lose, duplicate, delay, reorder
// and damage them.
type Network interface {
	// Attach names the receiver of everything that arrives. Called once, before
	// the first Send; frames that arrive earlier are dropped.
	Attach(r Receiver)

	// Send hands over a frame and returns at once. The frame must never change
	// after that: the network may hold it, and others may be given the same
	// bytes. A frame to an unknown peer, or one that does not fit the lane's
	// queue, is dropped. Nothing is reported.
	Send(to NodeID, lane Lane, frame []byte)
}

// Receiver is the node as the network sees it. Calls come on the loop.
type Receiver interface {
	// Receive delivers a frame. It is shared and must not be changed; it may be
	// damaged, and from is only what the transport believes.
	Receive(from NodeID, lane Lane, frame []byte)

	// PeerUp and PeerDown tell of connections made and closed. They are hints:
	// a peer that lost its power is not reported down.
	PeerUp(peer NodeID)
	PeerDown(peer NodeID)
}
