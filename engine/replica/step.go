package replica

import (
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/membership"
)

// Tick advances raft's clock by one tick and looks after deadlines and the
// in-sync set.
func (r *Replica) Tick() {
	r.guard(func() {
		r.rn.Tick()
		now := r.now()
		if r.role == env.Leader {
			r.insync.due, r.changes.due = true, true
			r.sendings.expire(r, now)
		}
		r.reportStaging(now)
		r.askToGo(now)
		if r.retryAt != 0 && now >= r.retryAt {
			r.retryAt, r.checkpointDue = 0, true
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
		switch {
		case r.role == env.Leader:
			for _, list := range [...][]membership.Member{r.members.Members, r.members.Outgoing} {
				for _, m := range list {
					if m.Node == node {
						r.rn.ReportUnreachable(uint64(m.ID))
					}
				}
			}
			r.sendings.down(r, node, "its connection closed")
		case r.leader != 0 && r.nodeOf(r.leader) == node:
			lost := r.leader
			_ = r.rn.ForgetLeader() // never fails on a follower
			r.drain()               // a campaign that is due at once must see that nobody leads
			r.campaignInTurn(lost)
		}
		r.wake()
	})
}

const rankStep = 50 * time.Millisecond

// campaignInTurn plans a campaign by this replica's rank among the members
// that are left.
func (r *Replica) campaignInTurn(lost env.ReplicaID) {
	rank := 0
	voters, _ := splitIDs(r.members.Members)
	for _, id := range voters {
		if id == r.cfg.Self {
			break
		}
		if id != lost {
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
