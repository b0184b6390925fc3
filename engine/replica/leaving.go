package replica

import (
	"fmt"
	"slices"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/wire"
)

// A replica that its group has removed goes on voting until nobody needs it.
//
// raft lets a configuration take effect when it is applied. A member that crashes
// may come back with less applied than it had, in the joint configuration, and then
// needs the votes of those who leave; if they had gone at once, the group would
// never elect again. So they ask, and go when the leader says that every voter
// knows durably that they are removed. A voter does once an entry is durable on it
// that the leader proposed after it had applied the removal: the message that
// carried the entry carried that commit index, and the journal writes both as one
// record.

const removedEvery = time.Second

// mark is an entry proposed after a membership was applied.
type mark struct {
	config uint64 // the membership's index
	index  uint64
}

// leave notes that the group goes on without this replica.
func (r *Replica) leave() {
	if !r.leaving {
		r.leaving, r.roleChanged = true, true
	}
}

// askToGo asks the members whether this replica is still needed.
func (r *Replica) askToGo(now time.Duration) {
	if !r.leaving || now < r.askedToGo {
		return
	}
	r.askedToGo = now + removedEvery
	w := r.wish() // the members that it knows may have left since
	nodes := slices.Concat(w.Voters, w.Learners)
	for _, m := range r.members.Members {
		nodes = append(nodes, m.Node)
	}
	slices.Sort(nodes)
	for _, node := range slices.Compact(nodes) {
		if node != r.members.Node(r.cfg.Self) {
			r.cfg.Host.Send(node, wire.Message{Group: r.cfg.Group, Own: &wire.Own{
				Kind: wire.OwnLeaving, From: r.cfg.Self, Index: r.members.Index,
			}})
		}
	}
}

// Leaving takes the question of a removed replica.
func (r *Replica) Leaving(from env.NodeID, o *wire.Own) {
	_, member := r.members.Member(o.From)
	if r.rn == nil || member || o.From == 0 || o.From >= r.members.Next {
		return
	}
	r.guard(func() { r.dismiss(from, o.From) })
}

// stray meets a message of a removed replica, which may not know that it is. It
// may send many.
func (r *Replica) stray(node env.NodeID, id env.ReplicaID) {
	if now := r.now(); now >= r.toldRemoved {
		r.toldRemoved = now + removedEvery
		r.dismiss(node, id)
	}
}

// dismiss tells a removed replica to go, if this is the leader and nobody needs it
// any more.
func (r *Replica) dismiss(node env.NodeID, id env.ReplicaID) {
	if r.CheckLeader() != nil || !r.known() {
		return
	}
	r.cfg.Host.Send(node, wire.Message{Group: r.cfg.Group, Own: &wire.Own{
		Kind: wire.OwnRemoved, From: r.cfg.Self, To: id, Index: r.members.Index,
	}})
}

// known tells whether every voter knows the membership durably; it proposes the
// entry that shows it.
func (r *Replica) known() bool {
	c := &r.changes
	if c.mark.config != r.members.Index || c.mark.index == 0 {
		c.markDue = true
		r.wake()
		return false
	}
	voters, _ := splitIDs(r.members.Members)
	outgoing, _ := splitIDs(r.members.Outgoing)
	return r.applied >= c.mark.index && !slices.ContainsFunc(append(voters, outgoing...), func(id env.ReplicaID) bool {
		return r.insync.matchOf(id) < c.mark.index
	})
}

// proposeMark proposes an entry that does nothing.
func (r *Replica) proposeMark() {
	c := &r.changes
	if !c.markDue || r.CheckLeader() != nil {
		return
	}
	c.markDue = false
	config := r.members.Index
	rd, err := r.proposeEntries([]*raftpb.Entry{{}})
	if err != nil {
		return // asked again, it is tried again
	}
	c.mark = mark{config: config, index: rd.Entries[len(rd.Entries)-1].GetIndex()}
	r.ready(rd)
}

// Removed takes the leader's word that this replica was removed and may go: ids
// never return, so once is for good.
func (r *Replica) Removed(o *wire.Own) {
	newer := o.Index > r.members.Index || r.leaving && o.Index == r.members.Index
	if r.rn == nil || o.To != r.cfg.Self || !newer {
		return
	}
	r.fenceDurably(fmt.Errorf("%w: group %d replica %d, by configuration %d, as replica %d says", ErrRemoved, r.cfg.Group, r.cfg.Self, o.Index, o.From))
}
