package rpc

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpcpeer "google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/lockstep-log/lockstep/adapter/osenv"
	"github.com/lockstep-log/lockstep/adapter/rpc/clientpb"
	"github.com/lockstep-log/lockstep/engine"
)

// Node is what the client service asks of a node; *engine.Node is one. All
// methods are called on the loop.
type Node interface {
	Produce(r engine.ProduceRequest, done func(engine.ProduceResponse))
	Fetch(r engine.FetchRequest, done func(engine.FetchResponse))
	ListOffsets(r engine.ListOffsetsRequest, done func(engine.ListOffsetsResponse))
	DeleteRecords(r engine.DeleteRecordsRequest, done func(engine.DeleteRecordsResponse))
	Metadata(topics []string) engine.MetadataResponse
	Ready() bool
	Full() bool
}

// ClientService answers clients by calls on a node's loop. A node that is not
// ready answers LEADER_NOT_AVAILABLE, which is definite: nothing was written.
type ClientService struct {
	clientpb.UnimplementedClientServer
	loop    *osenv.Loop
	node    Node
	started time.Time
	served  served
	budgets *Budgets
}

// NewClientService makes the service of a node, to be registered on the server that
// has the same budgets.
func NewClientService(loop *osenv.Loop, node Node, b *Budgets) *ClientService {
	return &ClientService{loop: loop, node: node, budgets: b, started: time.Now(), served: served{requests: map[Answered]uint64{}}}
}

// Register puts the service on a server. Before the server serves.
func (s *ClientService) Register(r grpc.ServiceRegistrar) { clientpb.RegisterClientServer(r, s) }

// errGone answers a request whose node stopped before its answer.
var errGone = status.Error(codes.Unavailable, "the node stopped before it answered")

// call runs ask on the loop and waits for the one answer it gives. It fails if
// the loop stops or the client goes away first.
func call[R any](ctx context.Context, loop *osenv.Loop, ask func(done func(R))) (response R, err error) {
	answers := make(chan R, 1)
	if !loop.Submit(func() { ask(func(r R) { answers <- r }) }) {
		return response, errGone
	}
	select {
	case response = <-answers:
		return response, nil
	case <-ctx.Done():
		return response, status.FromContextError(ctx.Err()).Err()
	case <-loop.Done():
		return response, errGone
	}
}

// Produce implements the service.
func (s *ClientService) Produce(ctx context.Context, r *clientpb.ProduceRequest) (*clientpb.ProduceResponse, error) {
	if !s.budgets.requests.take(len(r.GetBatch())) {
		refused := engine.ProduceResponse{Err: engine.ThrottlingQuotaExceeded, BaseOffset: -1, LeaderEpoch: -1}
		s.served.count("produce", refused.Err, 0, 0)
		return produceResponseToProto(&refused), nil
	}
	defer s.budgets.requests.give(len(r.GetBatch()))
	resp, err := call(ctx, s.loop, func(done func(engine.ProduceResponse)) {
		if !s.node.Ready() {
			done(engine.ProduceResponse{Err: engine.LeaderNotAvailable, BaseOffset: -1, LeaderEpoch: -1})
			return
		}
		s.node.Produce(produceRequest(r), done)
	})
	if err != nil {
		return nil, err
	}
	s.served.count("produce", resp.Err, len(r.GetBatch()), 0)
	return produceResponseToProto(&resp), nil
}

// Fetch implements the service.
func (s *ClientService) Fetch(ctx context.Context, r *clientpb.FetchRequest) (*clientpb.FetchResponse, error) {
	resp, err := call(ctx, s.loop, func(done func(engine.FetchResponse)) {
		if !s.node.Ready() {
			done(engine.FetchResponse{Err: engine.LeaderNotAvailable, HighWatermark: -1, LogStart: -1, LeaderEpoch: -1})
			return
		}
		s.node.Fetch(fetchRequest(r), done)
	})
	if err != nil {
		return nil, err
	}
	answer := fetchResponseToProto(&resp)
	if !s.budgets.send(asker(ctx), answer) {
		resp.Err, resp.Batches = engine.ThrottlingQuotaExceeded, nil
		answer = fetchResponseToProto(&resp)
	}
	s.served.count("fetch", resp.Err, 0, len(resp.Batches))
	return answer, nil
}

// asker names the connection that a request came by.
func asker(ctx context.Context) string {
	if p, ok := grpcpeer.FromContext(ctx); ok {
		return p.Addr.String()
	}
	return ""
}

// ListOffsets implements the service.
func (s *ClientService) ListOffsets(ctx context.Context, r *clientpb.ListOffsetsRequest) (*clientpb.ListOffsetsResponse, error) {
	resp, err := call(ctx, s.loop, func(done func(engine.ListOffsetsResponse)) {
		if !s.node.Ready() {
			done(engine.ListOffsetsResponse{Err: engine.LeaderNotAvailable, Offset: -1, LeaderEpoch: -1})
			return
		}
		s.node.ListOffsets(listOffsetsRequest(r), done)
	})
	if err != nil {
		return nil, err
	}
	s.served.count("list_offsets", resp.Err, 0, 0)
	return listOffsetsResponseToProto(&resp), nil
}

// DeleteRecords implements the service.
func (s *ClientService) DeleteRecords(ctx context.Context, r *clientpb.DeleteRecordsRequest) (*clientpb.DeleteRecordsResponse, error) {
	resp, err := call(ctx, s.loop, func(done func(engine.DeleteRecordsResponse)) {
		if !s.node.Ready() {
			done(engine.DeleteRecordsResponse{Err: engine.LeaderNotAvailable, LogStart: -1, LeaderEpoch: -1})
			return
		}
		s.node.DeleteRecords(deleteRecordsRequest(r), done)
	})
	if err != nil {
		return nil, err
	}
	s.served.count("delete_records", resp.Err, 0, 0)
	return deleteRecordsResponseToProto(&resp), nil
}

// Metadata implements the service.
func (s *ClientService) Metadata(ctx context.Context, r *clientpb.MetadataRequest) (*clientpb.MetadataResponse, error) {
	resp, err := call(ctx, s.loop, func(done func(engine.MetadataResponse)) {
		done(s.node.Metadata(r.GetTopics())) // no topics are a nil slice: all
	})
	if err != nil {
		return nil, err
	}
	s.served.count("metadata", engine.None, 0, 0)
	return metadataResponseToProto(&resp), nil
}

// Status implements the service.
func (s *ClientService) Status(ctx context.Context, _ *clientpb.StatusRequest) (*clientpb.StatusResponse, error) {
	st, err := call(ctx, s.loop, func(done func(NodeStatus)) {
		done(NodeStatus{Ready: s.node.Ready(), Full: s.node.Full(), Metadata: s.node.Metadata(nil)})
	})
	if err != nil {
		return nil, err
	}
	s.served.count("status", engine.None, 0, 0)
	return &clientpb.StatusResponse{
		Ready: st.Ready, Full: st.Full, UptimeMs: time.Since(s.started).Milliseconds(),
		Metadata: metadataResponseToProto(&st.Metadata),
	}, nil
}
