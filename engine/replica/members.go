package replica

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/isr"
	"github.com/lockstep-log/lockstep/engine/membership"
)

// ErrRemoved marks a replica that its group has replaced: it is silent for good,
// and its node may ask for a fresh id.
var ErrRemoved = errors.New("replica: removed from its group")

// changes is what a leader does about the membership. Nothing of it is handed
// over: the next leader sees the same membership and the same reports, and takes
// the next step itself.
type changes struct {
	due     bool     // a tick passed since the last review
	pending uint64   // index of a proposed change that is not applied; 0: none
	reports []Lost   // one a node
	ready   []streak // learners that could be promoted

	handOver bool // this leader is in the way of the next step
	mark     mark
	markDue  bool // somebody asks for a newer one
}

// streak is a learner that has been caught up since.
type streak struct {
	id    env.ReplicaID
	since time.Duration
}

// applyMembership applies a configuration change. One that does not fit changes
// nothing, on any replica; raft is not told of it.
func (r *Replica) applyMembership(e *raftpb.Entry) error {
	cc := &raftpb.ConfChangeV2{}
	if err := proto.Unmarshal(e.GetData(), cc); err != nil {
		return fmt.Errorf("entry %d: configuration change: %w", e.GetIndex(), err)
	}
	next, err := r.members.Apply(e.GetIndex(), cc)
	if err != nil {
		return nil //nolint:nilerr // refused alike on all replicas
	}
	if r.rn != nil {
		cs := r.rn.ApplyConfChange(cc)
		if err := next.ConfState().Equivalent(cs); err != nil {
			return fmt.Errorf("entry %d: raft's configuration is not the group's: %w", e.GetIndex(), err)
		}
	}
	r.setMembers(next)
	return nil
}

// setMembers takes over what is in force from now on, and tells whoever keeps
// something by member.
func (r *Replica) setMembers(next membership.State) {
	r.members = next
	state := keepVoters(r.insync.state, next)
	r.insync.membersChanged(state, next)
	r.forgetRoutes()
	r.roleChanged = true // the node shows members
	r.traceMembers()
}

// keepVoters drops from the set who is no voter of the newest configuration.
func keepVoters(state isr.State, m membership.State) isr.State {
	voters, _ := splitIDs(m.Members)
	for _, id := range state.Members {
		if !slices.Contains(voters, id) {
			state = state.Without(id, max(state.Version, m.Index))
		}
	}
	return state
}

// membersChanged drops who left from the set and follows who came.
func (s *insync) membersChanged(state isr.State, m membership.State) {
	s.state, s.due = state, true
	if s.tracker != nil {
		voters, learners := splitIDs(m.Members)
		s.tracker.SetFollowers(voters, learners)
	}
}

func splitIDs(members []membership.Member) (voters, learners []env.ReplicaID) {
	for _, m := range members {
		if m.Learner {
			learners = append(learners, m.ID)
		} else {
			voters = append(voters, m.ID)
		}
	}
	return voters, learners
}

func (r *Replica) traceMembers() {
	e := env.Event{Kind: env.EventMembers, Index: r.members.Index, Term: r.term}
	e.Voters, e.Learners = splitIDs(r.members.Members)
	e.Outgoing, _ = splitIDs(r.members.Outgoing)
	r.trace(e)
}

// removed tells whether the group has gone on without this replica. One that is
// newer than what it has applied is yet to learn of itself.
func (r *Replica) removed() bool {
	_, member := r.members.Member(r.cfg.Self)
	return !member && r.cfg.Self < r.members.Next
}

// fenceDurably takes the replica out of service in later processes, too.
func (r *Replica) fenceDurably(err error) {
	r.cfg.Journal.Fence(r.cfg.Group, err)
	r.Fence(err)
}

// electionTimeout is how long raft waits at least before it campaigns.
func (r *Replica) electionTimeout() time.Duration {
	return time.Duration(r.cfg.ElectionTicks) * r.cfg.Tick
}

// reviewMembership proposes the next step, if there is one. raft does not demand
// that a leader has committed in its term before it changes the configuration;
// without that two leaders could change it from different beginnings (raft
// dissertation, 4.1; the bug of 2015). lead checks it.
func (r *Replica) reviewMembership(now time.Duration) {
	c := &r.changes
	c.expire(now)
	if c.pending > r.applied {
		return
	}
	cc := r.nextChange(now)
	if c.handOver {
		c.handOver = false
		r.TransferAway(func(env.NodeID) bool { return false })
	}
	if cc == nil || r.rn == nil {
		return
	}
	kind, data, err := raftpb.MarshalConfChange(cc)
	if err != nil {
		panic("a configuration change does not encode: " + err.Error())
	}
	rd, err := r.proposeEntries([]*raftpb.Entry{{Type: &kind, Data: data}})
	if err != nil {
		return // refused for now; the next tick tries again
	}
	if e := rd.Entries[len(rd.Entries)-1]; e.GetType() == kind {
		c.pending = e.GetIndex()
	}
	r.ready(rd)
}

// caughtUp tells whether a learner has kept up for one election timeout and now
// holds all that is committed: a vote of one that lags could not elect anybody.
func (r *Replica) caughtUp(now time.Duration, id env.ReplicaID) bool {
	c := &r.changes
	at := slices.IndexFunc(c.ready, func(s streak) bool { return s.id == id })
	wait := r.electionTimeout()
	keepsUp := now-r.insync.tracker.CaughtUp(id) <= wait
	switch {
	case keepsUp && at < 0:
		c.ready = append(c.ready, streak{id: id, since: now})
		return false
	case !keepsUp && at >= 0:
		c.ready = slices.Delete(c.ready, at, at+1)
		return false
	case !keepsUp:
		return false
	default:
		return now-c.ready[at].since >= wait && r.insync.matchOf(id) >= r.commit
	}
}

func (c *changes) stopLeading() { *c = changes{} }
