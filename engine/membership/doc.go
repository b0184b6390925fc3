// Package membership is the replicated membership of one raft group: who votes,
// who learns, and which ids were ever given to whom.
//
// # What a State says
//
// It is the outcome of all configuration changes applied so far, so it is the
// same on every replica that applied the same entry, and it stands in every
// checkpoint. Raft's ConfState is computed from it, never the other way round.
//
// # An id belongs to one life
//
// A replica that may have forgotten what it promised never speaks again under
// its id. In its place the group grants a fresh one, State.Next, to the node,
// its disk and its incarnation. A node that asks again in a later incarnation
// without serving that id is granted another one, so no id is ever used by two
// lives, whatever is lost of the record of its adoption.
//
// # Changes
//
//	Replace  a member is removed and its successor joins as a learner on its node;
//	         an explicit joint configuration, left by
//	Leave    once it is in force
//	Add      a learner joins on a node that has no member
//	Promote  makes a learner a voter once it has caught up
//	Dismiss  removes a learner
//	Swap     gives several learners their votes and removes several members at
//	         once; an explicit joint configuration
//
// Each is a raft ConfChangeV2, known by the shape of its list of changes alone.
// Those of Replace and Add have a context: version (1 byte), then uvarints old id
// (0: none), new id, node, disk id, incarnation. Apply is pure. It refuses, on all
// replicas alike, what does not fit the membership it meets: raft is not told
// then, and nothing changes.
//
// Who leads while it is outgoing must hand over before the joint configuration is
// left: the entry that leaves it is decided by both halves, and if the leader is
// gone right after, one that has not heard of the commit would still need the
// outgoing half to be elected.
//
// # Encoding
//
//	1 byte   version, 1
//	uvarint  index of the entry that made it
//	uvarint  next fresh id
//	list     members
//	list     outgoing voters
//
// A list is a uvarint count; a member is uvarints id, node, disk id and
// incarnation, then a byte: 1 for a learner, 0 for a voter.
//
// # Promises
//
//   - Members are sorted by id, on different nodes, and at least one votes.
//   - Next is above every id ever used; a removed id never returns.
//   - Outgoing is empty, or all voters of the configuration being left.
//
// # Limits and known gaps
//
// A group without a voter cannot be made, so the only member of a group is never
// replaced on its node; it can be swapped for a learner elsewhere.
package membership
