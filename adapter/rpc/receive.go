package rpc

import (
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/lockstep-log/lockstep/adapter/rpc/raftpb"
	"github.com/lockstep-log/lockstep/engine/env"
)

// raftServer takes the streams that peers open.
type raftServer struct {
	raftpb.UnimplementedRaftServer
	network *Network
}

type inStream = grpc.BidiStreamingServer[raftpb.Envelope, raftpb.Accepted]

// AppendEntries is the append lane.
func (s *raftServer) AppendEntries(stream inStream) error {
	return s.network.receive(env.Append, stream)
}

// RequestVote is the urgent lane.
func (s *raftServer) RequestVote(stream inStream) error {
	return s.network.receive(env.Urgent, stream)
}

// InstallSnapshot is the bulk lane.
func (s *raftServer) InstallSnapshot(stream inStream) error {
	return s.network.receive(env.Bulk, stream)
}

// receive reads one stream to its end.
func (n *Network) receive(lane env.Lane, stream inStream) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	p, err := n.greet(first)
	if err != nil {
		return err
	}
	if err := stream.Send(&raftpb.Accepted{Process: n.process}); err != nil {
		return err
	}
	session := first.GetHello().GetSession()
	n.inbox.put(notice{kind: noticeInUp, peer: p, lane: lane, session: session, process: first.GetHello().GetProcess()})
	defer n.inbox.put(notice{kind: noticeInDown, peer: p, lane: lane, session: session})
	for {
		e, err := stream.Recv()
		if err != nil {
			return err
		}
		frames := e.GetFrames()
		v := notice{kind: noticeFrames, peer: p, lane: lane, frames: frames, bytes: int(frameBytes(frames))}
		if len(frames) > 0 && !n.inbox.put(v) {
			return status.Error(codes.Unavailable, "the node is stopping")
		}
	}
}

// greet checks who opened a stream.
func (n *Network) greet(first *raftpb.Envelope) (*peer, error) {
	h := first.GetHello()
	if h == nil || len(first.GetFrames()) > 0 {
		return nil, n.refuse(codes.InvalidArgument, "the first message is no hello")
	}
	switch p := n.peers[env.NodeID(h.GetFrom())]; {
	case h.GetCluster() != n.cfg.Cluster:
		return nil, n.refuse(codes.FailedPrecondition, fmt.Sprintf(
			"node %d belongs to cluster %d, this is node %d of cluster %d: check the address and the cluster id",
			h.GetFrom(), h.GetCluster(), n.cfg.Node, n.cfg.Cluster))
	case h.GetTo() != uint64(n.cfg.Node):
		return nil, n.refuse(codes.FailedPrecondition, fmt.Sprintf(
			"node %d looks for node %d here, this is node %d: check the addresses", h.GetFrom(), h.GetTo(), n.cfg.Node))
	case p == nil:
		return nil, n.refuse(codes.FailedPrecondition, fmt.Sprintf(
			"node %d is not in the configuration of node %d", h.GetFrom(), n.cfg.Node))
	default:
		return p, nil
	}
}

// refuse logs a reason once in a row, for the other side tries again and again.
func (n *Network) refuse(code codes.Code, reason string) error {
	n.counters.refused.Add(1)
	if n.refusal.Swap(reason) != any(reason) {
		n.cfg.Log.Warn("refused a peer", "reason", reason)
	}
	return status.Error(code, reason)
}
