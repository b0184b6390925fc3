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
//   - One damaged partition never stops the others: its replica is fenced.
//   - A failed write or sync stops the node; nothing it covered is acknowledged.
//   - An empty or foreign directory is never formatted by Start.
//
// # Limits and known gaps
//
// The topology is static and must be the one the directory was formatted with.
// A fenced replica stays fenced; repair and replacement by peers are not there
// yet. Requests are served by leaders only.
//
// # Decisions
//
// A leader that has not committed in its term answers NOT_LEADER_OR_FOLLOWER to
// a produce (retriable, nothing written) and OFFSET_NOT_AVAILABLE to reads, as
// Kafka does. When waiting requests or pinned memory reach their limits,
// requests get THROTTLING_QUOTA_EXCEEDED, retriable, before memory grows.
package engine
