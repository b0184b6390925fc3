// Package netmodel is env.Network on the simulator: links between addresses
// that lose, delay, repeat, reorder and damage what they carry, and that can be
// cut one way or both.
//
// # The fault contract
//
//   - Each ordered pair of addresses is a link with knobs of its own (Link). A
//     frame takes Base, a draw up to Jitter, PerKiB for its length and at times a
//     draw from a heavy tail.
//   - On one link and lane frames arrive in the order they were sent, except
//     those that the knobs reorder or duplicate. Lanes do not wait for each other
//     except for bandwidth.
//   - A damaged frame is a damaged copy: other receivers of the same bytes see
//     them intact.
//   - A cut link drops silently what is sent and what is under way, and counts
//     it. Cuts of one link add up: it carries again once each was healed.
//   - Attach with a receiver tells both sides PeerUp, after a link delay, if
//     neither direction is cut; otherwise once both are healed. Close (the process
//     crashed) tells every peer PeerDown where the link is not cut. PowerOff tells
//     nobody.
//   - What a process sent before it died may still arrive. What was sent to it
//     vanishes with it, and does not reach its successor. A frame to a node that
//     is not there, or to the sender itself, is dropped.
//   - Clients use Transfer: same latency, loss, cuts, bandwidth and clogs; a
//     damaged message counts as lost, none is repeated or reordered.
//
// # Bandwidth
//
// With Link.BytesPerSecond a link sends one frame after the other: of what waits
// the most urgent lane first, within a lane in order. A more urgent frame
// interrupts a less urgent one, whose rest follows; so a vote waits for votes
// alone. Base, Jitter, PerKiB and the tail come on top, once a frame has left.
// Link.QueueBytes limits what waits on each lane, the frame that is being sent
// not counted. When it is full the urgent lane drops its oldest frames, append
// and bulk drop the new one (as adapter/rpc does); an empty queue takes a frame of
// any size. Queues are memory of the processes: what waits there from a process
// or to one that dies is gone. Lost frames and the second of two duplicates take
// no bandwidth.
//
// # Clogs and resets
//
//   - A clogged link holds what comes to its end, notices too, and lets it arrive
//     in order and at once when the clog ends. What comes in the moment of the end
//     arrives behind. A cut, a reset or a death meanwhile counts for what is held.
//   - Reset is a TCP reset that both ends see and that both answer by dialling
//     again at once. What is under way both ways is lost, in queues and clogs too.
//     Both nodes hear PeerDown after a link delay. After a round trip the
//     connection stands, and both hear PeerUp a link delay later. In between a
//     node's frames are lost (a node queues nothing for a peer it has no
//     connection to); a client dials before it sends: its transfer waits.
//     Behind a cut the frames are lost and nobody hears anything.
//
// # The trace
//
// Each message is recorded when it is sent, with its fate and its delay. One that
// waits for bandwidth is recorded as queued, and again, with fate and delay, when
// it leaves. Drops by a full queue, a death in the queue and a reset are recorded
// when they happen, and so is what a clog holds; Describe reads them all. What is
// recorded and drawn on a link without bandwidth, clog and reset does not depend
// on these three.
//
// The randomness of a link is keyed by its two ends: traffic elsewhere changes
// nothing on it.
//
// # Known gaps
//
// A connection is no state of its own: in a one-way cut frames flow the other
// way even between nodes that were never connected. What a clog holds is not
// limited. A client is not told of a reset: it waits for an answer in vain.
package netmodel
