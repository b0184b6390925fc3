package rpc

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/stats"

	"github.com/lockstep-log/lockstep/adapter/osenv"
	"github.com/lockstep-log/lockstep/adapter/rpc/clientpb"
	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/client"
	"github.com/lockstep-log/lockstep/engine/env"
)

// maxAnswerBytes is the largest answer a client takes: a fetch holds at least
// one batch, however large the node allows batches to be.
const maxAnswerBytes = 256 << 20

// graceTime is how much longer than asked a node may take, so that its own
// answer to a timeout still arrives.
const graceTime = 2 * time.Second

// metadataTimeout bounds a request that names no time itself.
const metadataTimeout = 5 * time.Second

// Conns makes attempts at the nodes of a cluster, for engine/client. The calls
// belong to the loop, and so do the answers.
type Conns struct {
	loop   *osenv.Loop
	ctx    context.Context // of all calls
	cancel context.CancelFunc
	calls  sync.WaitGroup
	nodes  map[env.NodeID]*grpc.ClientConn // never changes
}

var _ client.Conn = (*Conns)(nil)

// NewConns makes connections to the nodes at the given host:port; each is
// dialled when it is first used.
func NewConns(loop *osenv.Loop, nodes []engine.NodeInfo) (*Conns, error) {
	c := &Conns{loop: loop, nodes: map[env.NodeID]*grpc.ClientConn{}}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	for _, n := range nodes {
		conn, err := dialNode(n.Address)
		if err != nil {
			c.Close()
			return nil, fmt.Errorf("node %d: %w", n.ID, err)
		}
		c.nodes[n.ID] = conn
	}
	return c, nil
}

// Close ends all calls; their answers do not come. Not on the loop.
func (c *Conns) Close() {
	c.cancel()
	c.calls.Wait()
	for _, conn := range c.nodes {
		_ = conn.Close() // nothing is owed on it
	}
}

func dialNode(address string) (*grpc.ClientConn, error) {
	return grpc.NewClient("passthrough:///"+address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithNoProxy(),
		grpc.WithStatsHandler(sentMarker{}),
		grpc.WithConnectParams(grpc.ConnectParams{
			// Low, for the client layer has its own back-off and goes to another
			// node meanwhile.
			Backoff:           backoff.Config{BaseDelay: 20 * time.Millisecond, Multiplier: 1.6, Jitter: 0.5, MaxDelay: 250 * time.Millisecond},
			MinConnectTimeout: 3 * time.Second,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: keepaliveTime, Timeout: keepaliveTimeout}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswerBytes)),
	)
}

// Produce implements client.Conn.
func (c *Conns) Produce(node env.NodeID, r engine.ProduceRequest, done func(engine.ProduceResponse, error)) {
	req := produceRequestToProto(&r)
	attempt(c, node, r.Timeout, done, func(ctx context.Context, s clientpb.ClientClient) (engine.ProduceResponse, error) {
		resp, err := s.Produce(ctx, req)
		return produceResponse(resp), err
	})
}

// Fetch implements client.Conn.
func (c *Conns) Fetch(node env.NodeID, r engine.FetchRequest, done func(engine.FetchResponse, error)) {
	req := fetchRequestToProto(&r)
	attempt(c, node, metadataTimeout+r.MaxWait, done, func(ctx context.Context, s clientpb.ClientClient) (engine.FetchResponse, error) {
		resp, err := s.Fetch(ctx, req)
		return fetchResponse(resp), err
	})
}

// ListOffsets implements client.Conn.
func (c *Conns) ListOffsets(node env.NodeID, r engine.ListOffsetsRequest, done func(engine.ListOffsetsResponse, error)) {
	req := listOffsetsRequestToProto(&r)
	attempt(c, node, r.Timeout, done, func(ctx context.Context, s clientpb.ClientClient) (engine.ListOffsetsResponse, error) {
		resp, err := s.ListOffsets(ctx, req)
		return listOffsetsResponse(resp), err
	})
}

// DeleteRecords implements client.Conn.
func (c *Conns) DeleteRecords(node env.NodeID, r engine.DeleteRecordsRequest, done func(engine.DeleteRecordsResponse, error)) {
	req := deleteRecordsRequestToProto(&r)
	attempt(c, node, r.Timeout, done, func(ctx context.Context, s clientpb.ClientClient) (engine.DeleteRecordsResponse, error) {
		resp, err := s.DeleteRecords(ctx, req)
		return deleteRecordsResponse(resp), err
	})
}

// Metadata implements client.Conn.
func (c *Conns) Metadata(node env.NodeID, topics []string, done func(engine.MetadataResponse, error)) {
	attempt(c, node, metadataTimeout, done, func(ctx context.Context, s clientpb.ClientClient) (engine.MetadataResponse, error) {
		resp, err := s.Metadata(ctx, &clientpb.MetadataRequest{Topics: topics})
		return metadataResponse(resp), err
	})
}

// errNoNode is the answer for a node that is not in the list.
var errNoNode = errors.New("no such node")

// attempt runs one request in a goroutine of its own and brings the answer to
// the loop. A time of zero is the node's default; it is bounded all the same.
func attempt[R any](c *Conns, node env.NodeID, limit time.Duration, done func(R, error), ask func(context.Context, clientpb.ClientClient) (R, error)) {
	conn := c.nodes[node]
	if conn == nil {
		var none R
		c.loop.Post(func() { done(none, fmt.Errorf("node %d: %w: %w", node, errNoNode, client.ErrNotSent)) })
		return
	}
	if limit <= 0 {
		limit = longestWait
	}
	c.calls.Go(func() {
		ctx, cancel := context.WithTimeout(c.ctx, limit+graceTime)
		defer cancel()
		ctx, sent := withSentMark(ctx)
		response, err := ask(ctx, clientpb.NewClientClient(conn))
		if c.ctx.Err() != nil {
			return
		}
		if err != nil && !sent.Load() {
			err = fmt.Errorf("%w (%w)", err, client.ErrNotSent)
		}
		c.loop.Submit(func() { done(response, err) })
	})
}

// sentMarker notes in a call's context that its headers went to a connection:
// from then on its outcome may be unknown. gRPC's status codes do not tell.
type sentMarker struct{}

type sentKey struct{}

func withSentMark(ctx context.Context) (context.Context, *atomic.Bool) {
	sent := new(atomic.Bool)
	return context.WithValue(ctx, sentKey{}, sent), sent
}

// HandleRPC implements stats.Handler.
func (sentMarker) HandleRPC(ctx context.Context, s stats.RPCStats) {
	if _, ok := s.(*stats.OutHeader); ok {
		if sent, ok := ctx.Value(sentKey{}).(*atomic.Bool); ok {
			sent.Store(true)
		}
	}
}

// TagRPC implements stats.Handler.
func (sentMarker) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

// TagConn implements stats.Handler.
func (sentMarker) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn implements stats.Handler.
func (sentMarker) HandleConn(context.Context, stats.ConnStats) {}
