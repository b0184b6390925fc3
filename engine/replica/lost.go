package replica

import (
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/membership"
)

// Lost is a node's word that its replica of a group may have forgotten what it
// promised and speaks no more, so that the group may replace it.
type Lost struct {
	Group             env.GroupID
	Node              env.NodeID
	Replica           env.ReplicaID // 0: the node does not know its old id
	Disk, Incarnation uint64        // the life that asks
	Nonce             uint64        // comes back in the grant
	At                time.Duration // when it came, monotonic
}

// Grant is the answer: the fresh id under which the node may go on. It is used
// by no other life.
type Grant struct {
	Group                    env.GroupID
	Old, New                 env.ReplicaID
	Disk, Incarnation, Nonce uint64
	Index                    uint64 // of the membership that says so
}

// reportLife is how long a report holds: a node that is still lost repeats it.
const reportLife = 10 * time.Second

// Membership is the group's, as far as applied here.
func (r *Replica) Membership() membership.State { return r.members }

// Lost takes a report of the member on a node, or of a node that should have one
// and has not. A leader that has applied its
// replacement already answers with the grant; it gives the same answer however
// often it is asked.
//
// A report that is late or repeated does no harm: a healthy voter that is
// replaced costs redundancy for a moment, and a grant is taken only by the life
// that asked for it.
func (r *Replica) Lost(l Lost) (Grant, bool) {
	m, ok := r.members.OnNode(l.Node)
	if r.CheckLeader() != nil || l.Group != r.cfg.Group || !ok && !r.wish().wants(l.Node) || m.ID == r.cfg.Self {
		return Grant{}, false
	}
	sameLife := ok && m.Disk == l.Disk && m.Incarnation == l.Incarnation
	switch {
	case sameLife && m.ID != l.Replica:
		return Grant{
			Group: l.Group, Old: l.Replica, New: m.ID,
			Disk: l.Disk, Incarnation: l.Incarnation, Nonce: l.Nonce, Index: r.members.Index,
		}, true
	case ok && (m.Disk == l.Disk && l.Incarnation < m.Incarnation || l.Replica > m.ID):
		return Grant{}, false // of an earlier life
	}
	// Whatever id the life remembers, it is the member in its place that goes; 0 if
	// it is to join.
	l.Replica, l.At = m.ID, r.now()
	r.changes.note(l)
	return Grant{}, false
}

// note keeps the newest report of each node.
func (c *changes) note(l Lost) {
	for i := range c.reports {
		if c.reports[i].Node == l.Node {
			c.reports[i] = l
			return
		}
	}
	c.reports = append(c.reports, l)
}

// report finds that of a node's member.
func (c *changes) report(node env.NodeID, id env.ReplicaID) *Lost {
	for i := range c.reports {
		if c.reports[i].Node == node && c.reports[i].Replica == id {
			return &c.reports[i]
		}
	}
	return nil
}

// member is the life that asks.
func (l *Lost) member() membership.Member {
	return membership.Member{Node: l.Node, Disk: l.Disk, Incarnation: l.Incarnation}
}

// expire forgets reports that were not repeated.
func (c *changes) expire(now time.Duration) {
	kept := c.reports[:0]
	for _, l := range c.reports {
		if now-l.At <= reportLife {
			kept = append(kept, l)
		}
	}
	c.reports = kept
}

// State says what a replica is doing.
type State uint8

// The states.
const (
	Serving    State = iota
	Repairing        // waits for files; silent
	Adopting         // fenced, asks for a fresh id; silent
	Installing       // takes a snapshot in
	Leaving          // removed, and votes until its group can do without
	Fenced           // silent for good
)

// String names the state.
func (s State) String() string {
	return [...]string{"serving", "repairing", "adopting", "installing", "leaving", "fenced", "", ""}[s&7]
}

// State tells what the replica is doing. Repairing and Adopting are its node's
// business: it is Fenced, or not there, meanwhile.
func (r *Replica) State() State {
	switch {
	case r.fenced != nil:
		return Fenced
	case r.leaving:
		return Leaving
	case r.install.phase != idle:
		return Installing
	default:
		return Serving
	}
}
