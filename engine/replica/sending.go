package replica

import (
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/wire"
)

// SnapStatus takes word of how the staging of a snapshot goes on a member.
func (r *Replica) SnapStatus(env.NodeID, *wire.Own) {}
