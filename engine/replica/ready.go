package replica

import (
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
	"github.com/lockstep-log/lockstep/engine/wire"
)

// Flush ends the turn for this replica: proposals and reads go in, everything
// that raft has ready comes out, and whoever can be answered is.
func (r *Replica) Flush() {
	r.awake = false
	r.guard(r.flush)
}

// wake asks for Flush, once a turn.
func (r *Replica) wake() {
	if !r.awake {
		r.awake = true
		r.cfg.Host.Wake(r)
	}
}

func (r *Replica) flush() {
	r.proposeQueued()
	r.reads.issue(r)
	r.drain()
	r.takeStaged()
	if r.rn != nil && r.role == env.Leader {
		r.lead()
		r.drain() // an in-sync change may have been proposed
	}
	if r.checkpointDue {
		r.checkpointDue = false
		r.Checkpoint(func(error) {}) // refused while one runs
	}
	if r.applied != r.toldApplied || r.roleChanged {
		r.toldApplied, r.roleChanged = r.applied, false
		r.cfg.Host.Applied(r)
	}
}

// drain handles raft's Ready until there is none. Applying inside the turn can
// make more of it.
func (r *Replica) drain() {
	for r.rn != nil && r.rn.HasReady() {
		r.ready(r.rn.Ready())
	}
}

func (r *Replica) ready(rd raft.Ready) {
	if rd.Snapshot != nil {
		r.lastIndex = max(rd.Snapshot.GetMetadata().GetIndex(), 0)
	}
	if n := len(rd.Entries); n > 0 {
		r.lastIndex = rd.Entries[n-1].GetIndex()
		r.insync.grew(r.now(), r.lastIndex)
	}
	r.stateChanged(rd)
	if r.rn == nil {
		return // one of a deposed leader's answers ended the node
	}
	for _, state := range rd.ReadStates {
		r.reads.confirmed(state)
	}
	for _, m := range rd.Messages {
		switch m.GetTo() {
		case raft.LocalAppendThread:
			r.store(m)
		case raft.LocalApplyThread:
			r.tellCommit()
			r.apply(m)
		default:
			r.send(m)
		}
	}
	r.tellCommit()
}

// tellCommit traces a rise of the commit index, after the entries that it may
// have come with were stored and before any of them is applied.
func (r *Replica) tellCommit() {
	if r.commit > r.toldCommit && r.install.phase != installing {
		r.toldCommit = r.commit
		r.trace(env.Event{Kind: env.EventCommit, Term: r.term, Index: r.commit})
	}
}

// stateChanged takes over raft's soft and hard state and tells the tracer.
func (r *Replica) stateChanged(rd raft.Ready) {
	term, role, leader := r.term, r.role, r.leader
	if rd.HardState != nil {
		term = rd.HardState.GetTerm()
		r.commit = max(r.commit, rd.HardState.GetCommit())
	}
	if rd.SoftState != nil {
		role, leader = roleOf(rd.RaftState), env.ReplicaID(rd.Lead)
	}
	if term == r.term && role == r.role && leader == r.leader {
		return
	}
	led := r.role == env.Leader && (role != env.Leader || term != r.term)
	r.term, r.role, r.leader, r.roleChanged = term, role, leader, true
	r.trace(env.Event{Kind: env.EventRole, Role: role, Term: term, Peer: leader, Index: r.lastIndex})
	if led {
		r.insync.stopLeading()
		r.changes.stopLeading()
		r.sendings.stopLeading(r)
		r.abandon(ErrNotLeader)
	}
}

func roleOf(s raft.StateType) env.Role {
	switch s {
	case raft.StateLeader:
		return env.Leader
	case raft.StateCandidate:
		return env.Candidate
	case raft.StatePreCandidate:
		return env.PreCandidate
	case raft.StateFollower:
	}
	return env.Follower
}

// store hands entries and hard state to the journal. The responses wait until
// all of it is durable; without responses nothing is owed. What comes while a
// snapshot is installed waits for its end.
func (r *Replica) store(m *raftpb.Message) {
	if m.GetSnapshot() != nil {
		r.installSnapshot(m)
		return
	}
	if r.install.phase == installing {
		r.install.queue = append(r.install.queue, m)
		return
	}
	r.cfg.Journal.Append(r.cfg.Group, hardStateOf(m), m.Entries, r.owed(m))
}

// owed is what runs once a message for the journal is durable; nil if nothing is
// owed.
func (r *Replica) owed(m *raftpb.Message) func() {
	if len(m.Responses) == 0 {
		return nil
	}
	return func() { r.stored(m.Responses) }
}

func hardStateOf(m *raftpb.Message) journal.HardState {
	return journal.HardState{Term: m.GetTerm(), Vote: env.ReplicaID(m.GetVote()), Commit: m.GetCommit()}
}

func (r *Replica) stored(responses []*raftpb.Message) {
	r.guard(func() {
		for _, m := range responses {
			r.traceResponse(m)
			if m.GetTo() == uint64(r.cfg.Self) {
				r.stepOwn(m)
			} else {
				r.send(m)
			}
		}
		r.wake()
	})
}

// stepOwn gives raft its own message. raft refuses none of them; if it does,
// that is our bug.
func (r *Replica) stepOwn(m *raftpb.Message) {
	if err := r.rn.Step(m); err != nil {
		panic("raft refused its own " + m.GetType().String() + ": " + err.Error())
	}
}

// traceResponse tells the oracles what is promised by a message that leaves now.
func (r *Replica) traceResponse(m *raftpb.Message) {
	if m.GetReject() {
		return
	}
	e := env.Event{Term: m.GetTerm(), Peer: env.ReplicaID(m.GetTo())}
	switch m.GetType() {
	case raftpb.MsgVoteResp:
		e.Kind = env.EventVoteSent
	case raftpb.MsgAppResp:
		e.Kind, e.Index = env.EventAckSent, m.GetIndex()
	default:
		return
	}
	r.trace(e)
}

func (r *Replica) send(m *raftpb.Message) {
	to := r.nodeOf(env.ReplicaID(m.GetTo()))
	if to == 0 {
		return // a replica that is no member
	}
	if m.GetType() == raftpb.MsgSnap {
		r.sendings.began(r, m)
	}
	w := wire.Message{Group: r.cfg.Group, Raft: m}
	if r.role == env.Leader {
		w.RetainFrom = r.insync.retain
	}
	r.cfg.Host.Send(to, w)
}
