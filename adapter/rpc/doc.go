// Package rpc is the wire between real nodes, and between clients and nodes,
// over gRPC.
//
// # Node to node
//
// Network implements env.Network. A node dials each peer once and keeps one
// stream a lane open toward it; frames travel only from the dialler, so a pair
// of nodes has two connections. The three streams of an attempt form a session:
// they open together, and when one breaks the others are ended and all are
// opened anew, after a pause that doubles up to a limit, with jitter. The first
// message names the cluster, both nodes and the session; a node of another
// cluster is refused, with a line in the log.
//
// PeerUp means: our session toward the peer is accepted, the peer's session
// toward us is complete, and both are with the same process of the peer (hello
// and answer carry a number of the process). So what is sent from then on
// arrives unless something breaks; a session left over from a process that died
// does not count. PeerDown follows at once when any of these six streams ends, or
// when another process of the peer opens one, which also ends our session with
// the old. The closing of a socket is seen immediately; a peer that fell silent is
// found by keep-alive after about 15 seconds, so silence is the business of
// raft's ticks.
//
// # Limits and what happens at them
//
//   - A lane's queue holds Config.QueueBytes. The urgent lane then drops its
//     oldest frames: a newer heartbeat or vote replaces an older one. The append
//     and bulk lanes drop the new frame: what is queued is contiguous, and a
//     hole in the middle would make the follower refuse all that is behind it.
//   - While a peer is not connected nothing is queued for it; frames are
//     dropped, so that a reconnect does not begin with stale ones.
//   - A frame above Config.FrameBytes is dropped.
//   - Frames that arrive wait for the loop in one inbox of Config.InboxBytes;
//     when it is full the streams are read no further, and flow control carries
//     that back to the senders.
//
// Every drop is counted, by reason (Stats). Frames that wait for one stream go
// out together, up to 256 KiB a gRPC message. With that the standard codec costs
// half a microsecond for a 256-byte frame and carries 3 GB/s at 16 KiB on
// loopback (BenchmarkFrames): a codec of our own would save nothing that counts.
//
// # Clients
//
// ClientService translates the client service to calls on the node's loop.
// Conns makes attempts at nodes for engine/client and tells a request that
// never left from one whose outcome is unknown.
//
// # Known gaps
//
// There is no TLS and no authentication: whoever reaches the port can read,
// write, and claim to be a peer.
package rpc
