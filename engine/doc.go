// Package engine is the production engine: a node that hosts one replica of
// each of its raft groups, with Kafka's produce, fetch, list-offsets and
// metadata on top. It is single-threaded and event-driven, and does no I/O of
// its own: everything outside comes through the ports of package env. It does
// not know whether they are real.
//
// # Tour
//
// Format makes an empty data directory into a node's. Start recovers it, in a
// task, and begins to serve; Stop and Kill end it. While it serves, four things
// happen on its loop: frames arrive (Receive), timers tick, disk writes
// complete (inside package journal), and clients ask (Produce, Fetch,
// ListOffsets, Propose, ReadBarrier, Metadata). Each wakes the replicas it
// concerns; at the end of the turn each woken replica is flushed once and each
// peer gets at most one frame per lane.
//
// Files that serve those who look after the disk: border.go (frames and the lives
// of other nodes), shipping.go (snapshots and files), repair.go, replace.go,
// space.go, retention.go, scrub.go.
//
//	client -> Produce -> replica.Propose -> raft -> journal, followers
//	                                         raft -> wal.Apply -> acknowledgement
//
// # Promises
//
//   - An acknowledged produce is committed, applied, and durable on at least min
//     ISR in-sync replicas, the leader among them.
//   - A failed produce was definitely not written, unless Unknown says so.
//   - ListOffsets and linearizable fetches see everything acknowledged, by
//     anyone, before they were asked. A plain fetch returns committed records
//     only and claims no recency.
//   - One damaged partition never stops the others.
//   - A failed write or sync stops the node; nothing it covered is acknowledged. A
//     full disk does not: see below.
//   - An empty or foreign directory is never formatted by Start.
//
// # What becomes of damage
//
// The replica of a partition is in one of these states (State, in the metadata):
//
//	opening -> serving <--------------------------.
//	   |          | bad file: fetched while it    |
//	   |          | serves; its offsets are named |
//	   |-> repairing: files without which the     |
//	   |          log does not open; says nothing-|
//	   '-> fenced -> asking -> adopting ----------'  as a learner, under a fresh id
//
// Bad bytes of a log (repair.go) are only bytes: the journal knows what was
// promised. Each bad file is fetched from another replica, verified by its
// checksum and renamed into place, under the same id. Where no replica has good
// bytes, the metadata names the offsets, reads of them get KAFKA_STORAGE_ERROR,
// and the others are asked again each RepairEvery.
//
// What the journal has lost (replace.go) may have been a promise: a vote, or an
// entry that was acknowledged. The old id is silent from then on, durably. The
// node tells its group each LostEvery; the leader proposes one change that
// removes the old id and adds a learner with the next id of the group's own
// count, and grants it to this very life of the node: its disk's random number,
// its incarnation, a nonce. The node writes the adoption down before the new id
// speaks, and begins with its newest intact checkpoint, which is committed state
// whoever holds it; where both records of that are bad, with nothing, and keeps
// what segments are intact. A crash anywhere begins again at "fenced"; the next
// incarnation gets another id. FormatReplace makes a whole disk begin so.
//
// A panic fences its group for this process only and is not reported: the next
// replica would meet the same bug.
//
// The scrub (scrub.go) reads everything at ScrubBytes a second, so that rot is
// found while others have good copies.
//
// # A full disk
//
// The journal takes no byte that it has no room for, so nothing is half-written
// (space.go): produces get KAFKA_STORAGE_ERROR, a leader's appends are dropped
// unless they are small (raft sends them again), leadership goes to a node that
// has room, reads go on. What keeps a group alive and lets it be checkpointed
// fits in the room kept for it. When there is space everything goes on, in the
// same process. A journal at its MaxBytes is treated the same, but keeps its
// leadership: checkpoints free it. What leaders have on their way is bounded so that
// what all of them have fits in each journal (Config.journalConfig): otherwise two
// could wait for room in each other's, for ever.
//
// A trim is taken on a full disk too, one of a partition each two seconds. It gives
// room back with the next checkpoint of each replica. Known gap: that one needs room
// for its two records, and for bytes of the log's last segment that wait. On a disk
// without any, room has to come from elsewhere first.
//
// # Bounds
//
// Each queue and cache has a field of Config, with its unit and what happens when
// it is full: docs/bounds.md lists all of them, and the tests that show it. Those
// that are the node's own, not one partition's, tell how much of them is used
// (Node.Bounds, and the metrics bound_used and bound_limit).
//
// # Limits and known gaps
//
// The topology's nodes and partitions are static and must be those the directory
// was formatted with. Requests are served by leaders only. A machine that is no
// log looks after its own files: it is replaced, but not repaired. A segment that
// is bad here and trimmed away everywhere else cannot be fetched; a log that does
// not open without it stays out of service. An
// unreplicated partition (unreplicated.go, package direct) that lost records is
// fenced until somebody decides what to do with its files.
//
// # Decisions
//
// A leader that has not committed in its term answers NOT_LEADER_OR_FOLLOWER to
// a produce (retriable, nothing written) and OFFSET_NOT_AVAILABLE to reads, as
// Kafka does. When waiting requests or pinned memory reach their limits,
// requests get THROTTLING_QUOTA_EXCEEDED, retriable, before memory grows.
package engine
