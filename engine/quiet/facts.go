package quiet

import (
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
)

// Grant is a leader's word to one follower: it leads the group in this term, all
// is committed up to Index, and there is nothing beyond. While the pair of nodes
// is well and the leader has not taken it back, the follower need not tick.
type Grant struct {
	Group   env.GroupID
	Term    uint64
	Replica env.ReplicaID // the follower
	Index   uint64        // the last in the log, and committed
}

// Follower is one member of a group other than its leader, learners included.
type Follower struct {
	Node    env.NodeID
	Replica env.ReplicaID
	Match   uint64 // durable there, and equal to the leader's log
}

// Leader is what a leader knows of its group.
type Leader struct {
	Term                  uint64
	Last, Commit, Applied uint64
	Ready                 bool // an entry of its own term is applied
	Joint                 bool // the configuration is
	// Busy: a proposal, read, change of membership or in-sync set, transfer,
	// snapshot, repair or retry is pending or about to be.
	Busy      bool
	Active    time.Duration // when something other than a heartbeat last happened
	Followers []Follower
}

// MayRest tells whether a leader may offer its group to go quiet: everybody has
// everything, and nothing is to do.
func (c Config) MayRest(now time.Duration, l Leader) bool {
	if !l.Ready || l.Joint || l.Busy || l.Commit != l.Last || l.Applied != l.Last || now-l.Active < c.IdleAfter {
		return false
	}
	for i := range l.Followers {
		if l.Followers[i].Match != l.Last {
			return false
		}
	}
	return true
}

// Following is what a follower knows of itself.
type Following struct {
	Term                  uint64
	Node                  env.NodeID // where the leader that it follows lives; 0: none
	Replica               env.ReplicaID
	Last, Commit, Applied uint64
	Busy                  bool // a snapshot is on its way, or a retry is due
}

// Fits tells whether a follower may take a grant that came from a node: it is
// in exactly the state that the leader believes it to be in.
func (g Grant) Fits(from env.NodeID, f Following) bool {
	return !f.Busy && f.Term == g.Term && f.Node == from && f.Replica == g.Replica &&
		f.Last == g.Index && f.Commit == g.Index && f.Applied == g.Index
}
