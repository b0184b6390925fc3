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
// # Membership
//
// Who is a member is what the group has decided and this replica has applied
// (package membership); the topology names the beginning only. A replica starts
// with the membership of its checkpoint and meets the changes behind it in the
// log. Checkpoints hold the membership at their index, raft's configuration is
// computed from it, and so are the routes, the in-sync set and the border.
//
// The leader changes it, one step at a time, from what it sees at each tick; no
// step is remembered, so a crash or another leader needs nothing handed over:
//
//	joint configuration           -> leave it; a leader of the outgoing half alone
//	                                 hands over before
//	learner that keeps up         -> promote it
//	member reported lost          -> replace it: its successor joins as a learner
//	node that is wished for and
//	    says that it has no member -> a learner joins there
//	all that are wished for keep up,
//	    or vote already           -> one joint change: their votes, the others' end
//	learner not wished for        -> remove it
//
// Where members should be is the caller's wish (Wish); without one they stay where
// they are, and the fourth line on is not for them. A replica that was removed
// votes on until every voter knows durably that it was (leaving.go says why).
//
// A leader does so only once an entry of its own term is committed and applied.
//
// At the border a member speaks from its own node, and from the disk that its id
// was granted to. One that is newer than what is applied here is taken at its
// word (the replica may have been away while its leader was replaced); one that
// was removed is told so, and its replica fences itself for good.
//
// # A replica that may have forgotten
//
// Damage of the journal, a removal, or a blank disk make an id void: no message
// leaves under it any more. Its node reports it (Lost) until the leader has
// replaced it and answers with a fresh id (Grant), which the node makes its own
// in the journal before a new Replica speaks under it. That one starts from the
// node's own checkpoint, which is committed state whoever reads it, and catches
// up as a learner.
//
// # Snapshots
//
// A member that needs more than the leader's journal has is offered the newest
// durable checkpoint, never one older than the newest membership (raft drops a
// snapshot whose configuration lacks the receiver). The offer names a manifest;
// the files travel beside raft (package ship).
//
//	idle -> staging -> staged -> installing -> idle
//
// On the way in raft sees an offer only once all files are on this disk: what it
// has taken cannot be given back. Then, in this order:
//
//	1  the machine becomes the snapshot, durably, and marks its checkpoint so
//	2  the journal restarts behind it, with the hard state that came along
//	3  what raft owes for it leaves; what came meanwhile is appended
//
// A crash between 1 and 2 is ended by Recover: the mark tells it from a journal
// that lost its end. A machine that refuses in 1 has the replica made anew from
// the disk (Host.Reopen). An offer of a term that is over is ignored by raft; the
// files stay for the next leader's. A newer offer supersedes an older one.
//
// On the way out an offer that makes no progress for SnapshotTimeout, whose
// member says that it failed, or whose node is gone or back in a new life, is
// given up, and raft probes the member again.
//
// # Promises
//
//   - Nothing is proposed or read before an entry of the leader's own term was
//     committed and applied.
//   - A panic of raft or of the machine fences this replica alone: its RawNode
//     is never touched again, and the node goes on with the others.
//   - An applied entry, an in-sync set change and a membership are the same on all
//     replicas: they come from the log only. A configuration change that does not
//     fit is passed over by all alike.
//   - Term and vote outlive an installation, whenever it is cut short.
//   - While the disk is full no proposal but a small one that makes room is taken, and appends of more than
//     SmallAppendBytes are dropped; raft sends them again.
//
// # Limits and known gaps
//
// A leader never replaces itself, and a group in which no quorum is left of
// members that remember is stuck: nothing false is served, nobody is replaced.
// Replicas of a group's genesis are not bound to a disk until they are replaced.
// An append that is dropped on a full disk holds back the small ones behind it.
// Appends that wait for an installation are bounded by raft's inflight only.
package replica
