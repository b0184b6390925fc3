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
// and damage them. Without faults each arrives once and intact, those of one lane
// to one peer in their order for as long as the connection stands; no lane waits
// for another to be empty.
type Network interface {
	// Attach names the receiver of everything that arrives. Called once, before
	// the first Send; a second call panics. Frames that arrive earlier are dropped,
	// and the node is up for nobody.
	Attach(r Receiver)

	// Send hands over a frame and returns at once. The frame must never change
	// after that: the network may hold it, and others may be given the same
	// bytes. A frame to an unknown peer or to the node itself, or one that does not
	// fit the lane's queue, is dropped; frames of up to 8 MiB, empty ones too, are
	// carried. Nothing is reported. It may be called inside a callback.
	Send(to NodeID, lane Lane, frame []byte)
}

// Receiver is the node as the network sees it. Calls come on the loop, one at a
// time, never inside Attach or Send.
type Receiver interface {
	// Receive delivers a frame. It is shared and must not be changed; it does not
	// change either and may be kept. It may be damaged, and from is only what the
	// transport believes. What was sent to a process never reaches its successor.
	Receive(from NodeID, lane Lane, frame []byte)

	// PeerUp and PeerDown tell of connections made and closed. They are hints: a
	// peer that lost its power may not be reported down, not even before it is
	// reported up again. But a peer that is up has a receiver, and what is sent to
	// it from then on, inside PeerUp already, arrives if no fault is in its way.
	// Frames may come before the peer is reported up.
	PeerUp(peer NodeID)
	PeerDown(peer NodeID)
}
