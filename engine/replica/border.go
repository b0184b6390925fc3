package replica

import (
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/wire"
)

// SmallAppendBytes is how much entry data an append may carry while the disk is
// full: a new leader's empty entry and changes of the in-sync set and of the
// membership have to go on, or nothing could be committed and so nothing freed.
const SmallAppendBytes = 1 << 10

const mostRoutes = 16

// route is where a replica lives that is newer than what is applied here.
type route struct {
	id   env.ReplicaID
	node env.NodeID
}

// Step takes one message of another replica, sent by the node that it lives on,
// whose disk is named. What does not belong here is dropped: raft itself checks
// neither To nor that local message types come from inside (facts: a vote
// request for replica 77 was granted by replica 3).
func (r *Replica) Step(from env.NodeID, disk uint64, w wire.Message) {
	m := w.Raft
	sender := env.ReplicaID(m.GetFrom())
	if r.rn == nil || m.GetTo() != uint64(r.cfg.Self) || from == 0 || !acceptable(m.GetType()) || r.hollow(m) || !r.admits(from, disk, sender) {
		return
	}
	r.guard(func() {
		if w.RetainFrom > 0 {
			r.cfg.Journal.Retain(r.cfg.Group, w.RetainFrom)
		}
		switch {
		case m.GetType() == raftpb.MsgSnap:
			r.wantSnapshot(from, m)
		case m.GetType() == raftpb.MsgApp && r.tooLarge(m):
			return // raft sends it again
		default:
			r.step(sender, m)
		}
		r.wake()
	})
}

func (r *Replica) step(sender env.ReplicaID, m *raftpb.Message) {
	// Only a response of a sender without progress is refused: one that was
	// removed, or is not known yet.
	_ = r.rn.Step(m)
	if r.role == env.Leader && m.GetTerm() == r.term && answers(m.GetType()) {
		r.insync.heard(sender)
		if m.GetType() == raftpb.MsgAppResp && !m.GetReject() {
			r.sendings.reached(r, sender, m.GetIndex())
		}
	}
}

// acceptable tells whether a message type may come from another node: no local
// ones and nothing forwarded.
func acceptable(t raftpb.MessageType) bool {
	return !raft.IsLocalMsg(t) && t != raftpb.MsgProp && t != raftpb.MsgReadIndex
}

// hollow tells of an answer to an append that acknowledges nothing. raft sends
// one to the leader of an older term, so that it steps down. If that node leads
// the newer term by the time it arrives, its raft takes index 0 for what it
// probes for, and begins to send from the first entry on: a snapshot, for a
// follower that lacks a few entries.
func (r *Replica) hollow(m *raftpb.Message) bool {
	return m.GetType() == raftpb.MsgAppResp && !m.GetReject() && m.GetIndex() == 0 && m.GetTerm() == r.term
}

func answers(t raftpb.MessageType) bool {
	return t == raftpb.MsgAppResp || t == raftpb.MsgHeartbeatResp
}

// admits tells whether a replica may speak from a node. A member speaks from its
// own node and, if the group knows it, its own disk. A sender that is newer than
// what is applied here is taken at its word: a replica that was away while its
// leader was replaced would drop it for ever. One that was removed is told.
func (r *Replica) admits(from env.NodeID, disk uint64, sender env.ReplicaID) bool {
	if sender == 0 || sender == r.cfg.Self {
		return false
	}
	if m, ok := r.members.Member(sender); ok {
		return m.Node == from && (m.Disk == 0 || m.Disk == disk)
	}
	if sender < r.members.Next {
		r.stray(from, sender)
		return false
	}
	return r.learnRoute(sender, from)
}

// learnRoute remembers where a newer replica answers from.
func (r *Replica) learnRoute(id env.ReplicaID, node env.NodeID) bool {
	for _, known := range r.routes {
		if known.id == id {
			return known.node == node
		}
	}
	if len(r.routes) == mostRoutes {
		r.routes = append(r.routes[:0], r.routes[1:]...)
	}
	r.routes = append(r.routes, route{id, node})
	return true
}

// forgetRoutes drops those that the membership answers now.
func (r *Replica) forgetRoutes() {
	kept := r.routes[:0]
	for _, one := range r.routes {
		if one.id >= r.members.Next {
			kept = append(kept, one)
		}
	}
	r.routes = kept
}

// nodeOf is where a replica lives as far as known here; 0: unknown.
func (r *Replica) nodeOf(id env.ReplicaID) env.NodeID {
	if node := r.members.Node(id); node != 0 {
		return node
	}
	for _, one := range r.routes {
		if one.id == id {
			return one.node
		}
	}
	return 0
}

// tooLarge tells whether an append has to wait until there is room: on the disk,
// or in a journal that is at its bound.
func (r *Replica) tooLarge(m *raftpb.Message) bool {
	size := 0
	for _, e := range m.GetEntries() {
		size += len(e.GetData())
	}
	return size > SmallAppendBytes && !r.cfg.Space(int64(size))
}
