package membership

import "go.etcd.io/raft/v3/raftpb"

// shape is what a change does, told from raft's own terms: raft carries out
// these, so nothing beside them may say otherwise.
type shape uint8

const (
	unknown shape = iota
	leaves
	replaces
	adds
	promotes
	dismisses
	swaps
)

// shapeOf classifies a change. What no maker of this package makes is unknown.
func shapeOf(cc *raftpb.ConfChangeV2) shape {
	changes := cc.GetChanges()
	simple := len(changes) == 1 && cc.GetTransition() == raftpb.ConfChangeTransition_ConfChangeTransitionAuto
	explicit := len(changes) > 0 && cc.GetTransition() == raftpb.ConfChangeTransition_ConfChangeTransitionJointExplicit
	switch {
	case cc.LeaveJoint():
		return leaves
	case simple && changes[0].GetType() == raftpb.ConfChangeAddNode:
		return promotes
	case simple && changes[0].GetType() == raftpb.ConfChangeRemoveNode:
		return dismisses
	case simple && changes[0].GetType() == raftpb.ConfChangeAddLearnerNode:
		return adds
	case explicit && len(changes) == 2 && changes[0].GetType() == raftpb.ConfChangeRemoveNode &&
		changes[1].GetType() == raftpb.ConfChangeAddLearnerNode:
		return replaces
	case explicit && swapsOnly(changes):
		return swaps
	default:
		return unknown
	}
}

// swapsOnly tells whether the changes are removals, then promotions.
func swapsOnly(changes []*raftpb.ConfChangeSingle) bool {
	promotions := false
	for _, c := range changes {
		switch c.GetType() {
		case raftpb.ConfChangeAddNode:
			promotions = true
		case raftpb.ConfChangeRemoveNode:
			if promotions {
				return false
			}
		default:
			return false
		}
	}
	return true
}
