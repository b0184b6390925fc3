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

// State says what a replica is doing.
type State uint8

// The states.
const (
	Serving    State = iota
	Repairing        // waits for files; silent
	Adopting         // fenced, asks for a fresh id; silent
	Installing       // takes a snapshot in
	Fenced           // silent for good
)

// String names the state.
func (s State) String() string {
	return [...]string{"serving", "repairing", "adopting", "installing", "fenced", "", "", ""}[s&7]
}

// Membership is the group's, as far as applied here.
func (r *Replica) Membership() membership.State { return r.members }

// State tells what the replica is doing.
func (r *Replica) State() State {
	if r.fenced != nil {
		return Fenced
	}
	return Serving
}

// Lost takes a report. On a leader that has applied the replacement already it
// answers with the grant.
func (r *Replica) Lost(Lost) (Grant, bool) { return Grant{}, false }

// PeerRestarted tells that a node speaks from a new life.
func (r *Replica) PeerRestarted(env.NodeID) {}

// TransferAway hands leadership to the in-sync voter that has most, unless its
// node is to be avoided. Nothing happens where there is none.
func (r *Replica) TransferAway(func(env.NodeID) bool) {}
