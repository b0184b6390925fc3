package replica

import (
	"slices"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/engine/env"
)

// Wish says on which nodes a group's members should be. The group's leader
// brings it about, step by step, and another leader goes on from what it finds.
type Wish struct {
	Voters   []env.NodeID // empty: no wish, the members stay as they are
	Learners []env.NodeID // whose members get no vote
}

// none tells that there is no wish.
func (w Wish) none() bool { return len(w.Voters) == 0 }

// wants tells whether a node should have a member, of whatever kind.
func (w Wish) wants(node env.NodeID) bool {
	return slices.Contains(w.Voters, node) || slices.Contains(w.Learners, node)
}

func (r *Replica) wish() Wish {
	if r.cfg.Wish == nil {
		return Wish{}
	}
	return r.cfg.Wish()
}

// nextChange is what the membership needs next. Each step is judged by what is
// in force alone.
func (r *Replica) nextChange(now time.Duration) *raftpb.ConfChangeV2 {
	if r.members.Joint() {
		return r.leaveJoint()
	}
	w := r.wish()
	for _, step := range [...]func(time.Duration, Wish) *raftpb.ConfChangeV2{
		r.promoteNext, r.replaceNext, r.addNext, r.swapAll, r.dismissNext,
	} {
		if cc := step(now, w); cc != nil {
			return cc
		}
	}
	return nil
}

// leaveJoint ends a joint configuration. A leader that it would remove hands over
// before: the entry is decided with its vote, and if it were gone at once, a
// member that has not heard of the commit would still need it to be elected.
func (r *Replica) leaveJoint() *raftpb.ConfChangeV2 {
	if voters, _ := splitIDs(r.members.Members); slices.Contains(voters, r.cfg.Self) {
		return r.members.Leave()
	}
	r.changes.handOver = true
	return nil
}

// promoteNext gives a learner its vote that has caught up, unless the group has as
// many voters as it should have: then those that leave go in the same change.
func (r *Replica) promoteNext(now time.Duration, w Wish) *raftpb.ConfChangeV2 {
	voters, _ := splitIDs(r.members.Members)
	if !w.none() && len(voters) >= len(w.Voters) {
		return nil
	}
	for _, m := range r.members.Members {
		if !m.Learner || !w.none() && !slices.Contains(w.Voters, m.Node) || !r.fit(now, m.ID) {
			continue
		}
		if cc, err := r.members.Promote(m.ID); err == nil {
			return cc
		}
	}
	return nil
}

// fit tells whether a learner could vote from now on.
func (r *Replica) fit(now time.Duration, id env.ReplicaID) bool {
	return r.caughtUp(now, id) && r.changes.report(r.members.Node(id), id) == nil
}

// replaceNext has the successor of a lost member join. A member that is to leave
// anyway needs none.
func (r *Replica) replaceNext(_ time.Duration, w Wish) *raftpb.ConfChangeV2 {
	for i := range r.changes.reports {
		l := &r.changes.reports[i]
		if l.Replica == 0 || !w.none() && !w.wants(l.Node) {
			continue
		}
		m, _ := r.members.OnNode(l.Node)
		cc, err := r.members.Replace(m.ID, l.member())
		if err == nil && m.ID == l.Replica && m.ID != r.cfg.Self {
			return cc
		}
	}
	return nil
}

// addNext has a learner join on a node that should have a member and says that
// it has none.
func (r *Replica) addNext(_ time.Duration, w Wish) *raftpb.ConfChangeV2 {
	for i := range r.changes.reports {
		l := &r.changes.reports[i]
		if _, member := r.members.OnNode(l.Node); member || !w.wants(l.Node) {
			continue
		}
		if cc, err := r.members.Add(l.member()); err == nil {
			return cc
		}
	}
	return nil
}

// swapAll is the change that makes the voters those that are wished for, once all
// of them are there and have caught up.
func (r *Replica) swapAll(now time.Duration, w Wish) *raftpb.ConfChangeV2 {
	if w.none() {
		return nil
	}
	var promoted, removed []env.ReplicaID
	present := 0
	for _, m := range r.members.Members {
		wanted := slices.Contains(w.Voters, m.Node)
		switch {
		case wanted && m.Learner && !r.fit(now, m.ID):
			return nil
		case wanted && m.Learner:
			promoted = append(promoted, m.ID)
			present++
		case wanted:
			present++
		case !m.Learner:
			removed = append(removed, m.ID)
		}
	}
	if present < len(w.Voters) || len(promoted)+len(removed) == 0 {
		return nil
	}
	cc, err := r.members.Swap(promoted, removed)
	if err != nil {
		return nil
	}
	return cc
}

// dismissNext removes a learner that nobody wishes for.
func (r *Replica) dismissNext(_ time.Duration, w Wish) *raftpb.ConfChangeV2 {
	if w.none() {
		return nil
	}
	for _, m := range r.members.Members {
		if m.Learner && !w.wants(m.Node) {
			if cc, err := r.members.Dismiss(m.ID); err == nil {
				return cc
			}
		}
	}
	return nil
}
