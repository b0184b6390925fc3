package engine

import (
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/replica"
	"github.com/lockstep-log/lockstep/engine/wire"
)

// own takes a message of another node that is not raft's.
func (p *partition) own(from env.NodeID, o *wire.Own) {
	switch o.Kind {
	case wire.OwnSnapStatus:
		p.replica.SnapStatus(from, o)
	case wire.OwnRemoved:
		p.replica.Removed(o)
	case wire.OwnLost:
		p.lost(from, o)
	default: // a kind that a newer version knows
	}
}

// lost hands a report to the leader, and its grant to who asked.
func (p *partition) lost(from env.NodeID, o *wire.Own) {
	grant, ok := p.replica.Lost(replica.Lost{
		Group: p.spec.Group, Node: from, Replica: o.From, Disk: o.Disk, Incarnation: o.Incarnation, Nonce: o.ID,
	})
	if ok {
		p.node.Send(from, wire.Message{Group: grant.Group, Own: &wire.Own{
			Kind: wire.OwnGrant, From: grant.Old, To: grant.New, ID: grant.Nonce,
			Disk: grant.Disk, Incarnation: grant.Incarnation, Index: grant.Index,
		}})
	}
}
