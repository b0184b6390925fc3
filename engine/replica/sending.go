package replica

import (
	"fmt"
	"slices"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/ship"
	"github.com/lockstep-log/lockstep/engine/wire"
)

// sendings are the snapshots that a leader has offered, one a member. raft sends
// such a member nothing else until it is told how that ended.
type sendings []sending

type sending struct {
	to       env.ReplicaID
	ref      ship.Ref
	deadline time.Duration
}

// offer implements the storage's Snapshot for raft: the newest durable
// checkpoint. One that is older than the newest membership is of no use to a
// member that came with that: raft drops a snapshot whose configuration lacks
// the receiver.
func (r *Replica) offer() (*raftpb.Snapshot, error) {
	manifest, err := r.machine.Snapshot()
	if err != nil {
		return nil, raft.ErrSnapshotTemporarilyUnavailable
	}
	m, err := decodeMeta(manifest.Checkpoint.Meta)
	if err != nil {
		return nil, raft.ErrSnapshotTemporarilyUnavailable
	}
	if m.members.Index < r.members.Index {
		r.checkpointDue = true // not within raft's call
		return nil, raft.ErrSnapshotTemporarilyUnavailable
	}
	ref, err := r.cfg.Host.Offer(r, manifest)
	if err != nil {
		return nil, raft.ErrSnapshotTemporarilyUnavailable
	}
	index, term := manifest.Checkpoint.Index, manifest.Checkpoint.Term
	return &raftpb.Snapshot{
		Data:     ref.Append(nil),
		Metadata: &raftpb.SnapshotMetadata{ConfState: m.members.ConfState(), Index: &index, Term: &term},
	}, nil
}

// began notes that a snapshot leaves for a member.
func (s *sendings) began(r *Replica, m *raftpb.Message) {
	ref, err := ship.ParseRef(m.GetSnapshot().GetData())
	if err != nil {
		panic("a snapshot that this replica did not offer: " + err.Error())
	}
	to := env.ReplicaID(m.GetTo())
	s.end(r, to)
	*s = append(*s, sending{to: to, ref: ref, deadline: r.now() + r.cfg.SnapshotTimeout})
	r.trace(env.Event{Kind: env.EventSnapshotSent, Peer: to, Index: ref.Index, Term: ref.Term})
}

// of finds the sending to a member; nil if there is none.
func (s sendings) of(to env.ReplicaID) *sending {
	for i := range s {
		if s[i].to == to {
			return &s[i]
		}
	}
	return nil
}

// end forgets the sending to a member, if there is one: nobody needs its files
// any more.
func (s *sendings) end(r *Replica, to env.ReplicaID) {
	kept := (*s)[:0]
	for _, one := range *s {
		if one.to == to {
			r.cfg.Host.Withdraw(one.ref)
		} else {
			kept = append(kept, one)
		}
	}
	*s = kept
}

// reached ends a sending once the member has what the snapshot would give it.
// raft goes on by itself only where the journal still has what follows: where it
// went meanwhile, raft would wait for a report for ever.
func (s *sendings) reached(r *Replica, from env.ReplicaID, index uint64) {
	if one := s.of(from); one != nil && index >= one.ref.Index {
		s.end(r, from)
		r.rn.ReportSnapshot(uint64(from), raft.SnapshotFinish)
	}
}

// fail gives a sending up: raft goes back to probing what the member has.
func (s *sendings) fail(r *Replica, to env.ReplicaID, why string) {
	one := s.of(to)
	if one == nil {
		return
	}
	r.trace(env.Event{Kind: env.EventSnapshotFailed, Peer: to, Index: one.ref.Index, Text: why})
	s.end(r, to)
	r.rn.ReportSnapshot(uint64(to), raft.SnapshotFailure)
}

// expire gives up what makes no progress.
func (s *sendings) expire(r *Replica, now time.Duration) {
	for _, one := range slices.Backward(*s) { // they leave the slice as they fail
		if one.deadline <= now {
			s.fail(r, one.to, fmt.Sprintf("no progress for %v", r.cfg.SnapshotTimeout))
		}
	}
}

// down gives up what is on its way to a node.
func (s *sendings) down(r *Replica, node env.NodeID, why string) {
	for _, one := range slices.Backward(*s) {
		if r.nodeOf(one.to) == node {
			s.fail(r, one.to, why)
		}
	}
}

// stopLeading ends all: the next leader offers its own.
func (s *sendings) stopLeading(r *Replica) {
	for _, one := range *s {
		r.cfg.Host.Withdraw(one.ref)
	}
	*s = nil
}

// SnapStatus takes a member's word of how the staging of its snapshot goes.
func (r *Replica) SnapStatus(from env.NodeID, o *wire.Own) {
	one := r.sendings.of(o.From)
	if one == nil || o.To != r.cfg.Self || o.Index != one.ref.Index || r.nodeOf(o.From) != from {
		return
	}
	if o.Code == wire.OK {
		one.deadline = r.now() + r.cfg.SnapshotTimeout
		return
	}
	r.guard(func() {
		r.sendings.fail(r, o.From, "the member says: "+o.Code.String())
		r.wake()
	})
}

// PeerRestarted tells that a node speaks from a new life, which knows nothing of
// what was sent to the last one.
func (r *Replica) PeerRestarted(node env.NodeID) {
	r.guard(func() {
		r.sendings.down(r, node, "its node has restarted")
		r.wake()
	})
}
