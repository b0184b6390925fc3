// Package replica is one member of one raft group: a RawNode of
// go.etcd.io/raft/v3, its view of the node's journal, and the state machine.
//
// # A turn
//
// Events (a frame, a tick, a completed write, a request) only note what is to
// do and wake the replica; at the end of the loop's turn the node calls Flush
// once. Flush puts all proposals of the turn into one MsgProp (each MsgProp
// broadcasts once, so this is what makes a busy leader cheap), starts at most
// one ReadIndex round, drains raft's Ready, and answers whoever can be
// answered.
//
//	journal  <- MsgStorageAppend: entries and hard state; its responses (votes,
//	            append acknowledgements) leave only when they are durable
//	machine  <- MsgStorageApply: committed entries, applied within the turn
//	network  <- everything else, at once: the leader's own write overlaps
//	            replication
//
// # Acknowledgement
//
// A proposal is acknowledged when it is committed, applied, and durable on at
// least min ISR members of the in-sync set in force, this leader included
// (KIP-966 explains why the quorum alone is not enough for
// users who ask for more). Raft's Match is durable by construction: an append
// acknowledgement leaves a follower only after its sync.
//
// A waiter is known by (term, index). When leadership is lost every waiter is
// answered "unknown": the entry may yet be committed by the next leader.
//
// # Promises
//
//   - Nothing is proposed or read before an entry of the leader's own term was
//     committed and applied.
//   - A panic of raft or of the machine fences this replica alone: its RawNode
//     is never touched again, and the node goes on with the others.
//   - An applied entry and an in-sync set change are the same on all replicas:
//     both come from the log only.
//
// # Limits and known gaps
//
// Membership is static: a committed configuration change fences the replica.
// Snapshots are neither sent nor taken in: journal entries are kept until every
// member holds them durably (the leader's RetainFrom hint), so a member that
// stays away keeps the journals of the others growing, and so does a replica
// that was fenced while it served: its entries are what a repair will need.
package replica
