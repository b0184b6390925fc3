package replica

import "github.com/lockstep-log/lockstep/engine/env"

// TransferAway hands leadership to the in-sync voter that has most of the log,
// unless its node is to be avoided. It is a try: raft gives it up after an
// election timeout, and refuses proposals meanwhile. Nothing happens where there
// is no such voter; reads go on.
func (r *Replica) TransferAway(avoid func(env.NodeID) bool) {
	r.guard(func() {
		if r.CheckLeader() != nil {
			return
		}
		best, most := env.ReplicaID(0), uint64(0)
		for _, id := range r.insync.inForce {
			match := r.insync.matchOf(id)
			if id != r.cfg.Self && match > most && !avoid(r.members.Node(id)) {
				best, most = id, match
			}
		}
		if best != 0 {
			r.rn.TransferLeader(uint64(best))
			r.wake()
		}
	})
}
