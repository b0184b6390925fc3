package rpc

import (
	"context"
	"time"

	"google.golang.org/grpc"

	"github.com/lockstep-log/lockstep/adapter/rpc/clientpb"
	"github.com/lockstep-log/lockstep/engine"
)

// NodeStatus is one node's answer to Status.
type NodeStatus struct {
	Ready    bool
	Full     bool // its disk has no room
	Uptime   time.Duration
	Metadata engine.MetadataResponse
}

// Status asks the node at an address for its status. It needs no loop: it is
// how a client that knows one address learns the others.
func Status(ctx context.Context, address string) (NodeStatus, error) {
	conn, err := dialNode(address)
	if err != nil {
		return NodeStatus{}, err
	}
	defer func() { _ = conn.Close() }()
	resp, err := clientpb.NewClientClient(conn).Status(ctx, &clientpb.StatusRequest{}, grpc.WaitForReady(false))
	if err != nil {
		return NodeStatus{}, err
	}
	return NodeStatus{
		Ready:    resp.GetReady(),
		Full:     resp.GetFull(),
		Uptime:   time.Duration(resp.GetUptimeMs()) * time.Millisecond,
		Metadata: metadataResponse(resp.GetMetadata()),
	}, nil
}
