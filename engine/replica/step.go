package replica

import (
	"slices"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/membership"
	"github.com/lockstep-log/lockstep/engine/wire"
)

// Step takes one message of another member, sent by the node it lives on. What
// does not belong here is dropped: raft itself checks neither To nor that
// local message types come from inside (facts: a vote request for replica 77
// was granted by replica 3).
func (r *Replica) Step(from env.NodeID, w wire.Message) {
	m := w.Raft
	sender := env.ReplicaID(m.GetFrom())
	if m.GetTo() != uint64(r.cfg.Self) || sender == r.cfg.Self || from == 0 || r.members.Node(sender) != from || !acceptable(m.GetType()) {
		return
	}
	r.guard(func() {
		if w.RetainFrom > 0 {
			r.cfg.Journal.Retain(r.cfg.Group, w.RetainFrom)
		}
		// The only error is a sender that raft does not know, which is checked above.
		_ = r.rn.Step(m)
		if r.role == env.Leader && m.GetTerm() == r.term && answers(m.GetType()) {
			r.insync.heard(sender)
		}
		r.wake()
	})
}

// acceptable tells whether a message type may come from another node: no local
// ones, no forwarded proposals, and no snapshots, whose files must be staged
// before raft sees them.
func acceptable(t raftpb.MessageType) bool {
	return !raft.IsLocalMsg(t) && t != raftpb.MsgProp && t != raftpb.MsgSnap && t != raftpb.MsgReadIndex
}

func answers(t raftpb.MessageType) bool {
	return t == raftpb.MsgAppResp || t == raftpb.MsgHeartbeatResp
}

// Tick advances raft's clock by one tick and looks after deadlines and the
// in-sync set.
func (r *Replica) Tick() {
	r.guard(func() {
		r.rn.Tick()
		now := r.now()
		if r.role == env.Leader {
			r.insync.due = true
		}
		r.waiters.expire(now)
		r.reads.expire(now, r)
		r.wake()
	})
}

// PeerDown is the hint that a node's connection closed. A leader stops sending
// blindly. Followers of a leader there forget it and campaign one after the
// other: the first in rank at once, the others after 50 ms steps with jitter,
// so that votes do not split.
func (r *Replica) PeerDown(node env.NodeID) {
	r.guard(func() {
		i := slices.IndexFunc(r.members.Members, func(m membership.Member) bool { return m.Node == node })
		if i < 0 {
			return
		}
		peer := r.members.Members[i].ID
		switch {
		case r.role == env.Leader:
			r.rn.ReportUnreachable(uint64(peer))
		case r.leader == peer:
			_ = r.rn.ForgetLeader() // never fails on a follower
			r.drain()               // a campaign that is due at once must see that nobody leads
			r.campaignInTurn(peer)
		}
		r.wake()
	})
}

const rankStep = 50 * time.Millisecond

// campaignInTurn plans a campaign by this replica's rank among the members
// that are left.
func (r *Replica) campaignInTurn(lost env.ReplicaID) {
	rank := 0
	for _, m := range r.members.Members {
		if m.ID == r.cfg.Self {
			break
		}
		if m.ID != lost {
			rank++
		}
	}
	wait := time.Duration(rank) * rankStep
	if rank > 0 {
		wait += time.Duration(r.env.Entropy.Uint64() % uint64(rankStep/2))
	}
	r.campaigns++
	planned := r.campaigns
	r.env.Clock.AfterFunc(wait, func() {
		r.guard(func() {
			if planned != r.campaigns || r.leader != 0 || r.role != env.Follower {
				return
			}
			_ = r.rn.Campaign() // refused only for members without a vote
			r.wake()
		})
	})
}
