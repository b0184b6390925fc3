package wire

import (
	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/engine/env"
)

// LaneOf is the lane a message takes: what elects and keeps a leader must not
// wait behind what it replicates. Only what carries files is bulk; the talk
// about them is small and urgent.
func LaneOf(m Message) env.Lane {
	if m.Own != nil {
		if m.Own.Kind == OwnChunk {
			return env.Bulk
		}
		return env.Urgent
	}
	switch m.Raft.GetType() {
	case raftpb.MsgApp, raftpb.MsgAppResp, raftpb.MsgProp:
		return env.Append
	case raftpb.MsgSnap:
		return env.Bulk
	default:
		return env.Urgent
	}
}

// travels tells whether a message goes from node to node. The others are
// raft's talk with itself and its storage; taking one from outside would let a
// peer forge a completed write. MsgForgetLeader is one of them: only the node
// itself may tell its replica to forget.
func travels(t raftpb.MessageType) bool {
	switch t {
	case raftpb.MsgProp, raftpb.MsgApp, raftpb.MsgAppResp, raftpb.MsgSnap,
		raftpb.MsgVote, raftpb.MsgVoteResp, raftpb.MsgPreVote, raftpb.MsgPreVoteResp,
		raftpb.MsgHeartbeat, raftpb.MsgHeartbeatResp, raftpb.MsgReadIndex, raftpb.MsgReadIndexResp,
		raftpb.MsgTransferLeader, raftpb.MsgTimeoutNow:
		return true
	default:
		return false
	}
}
