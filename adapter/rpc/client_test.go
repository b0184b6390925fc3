package rpc_test

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/lockstep-log/lockstep/adapter/osenv"
	"github.com/lockstep-log/lockstep/adapter/rpc"
	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/client"
	"github.com/lockstep-log/lockstep/engine/env"
)

// fakeNode answers what it is told to and keeps what it was asked.
type fakeNode struct {
	ready    bool
	silent   bool // never answers
	asked    []any
	produce  engine.ProduceResponse
	fetch    engine.FetchResponse
	offsets  engine.ListOffsetsResponse
	deleted  engine.DeleteRecordsResponse
	metadata engine.MetadataResponse
}

func (n *fakeNode) Ready() bool { return n.ready }

func (n *fakeNode) Produce(r engine.ProduceRequest, done func(engine.ProduceResponse)) {
	n.asked = append(n.asked, r)
	if !n.silent {
		done(n.produce)
	}
}

func (n *fakeNode) Fetch(r engine.FetchRequest, done func(engine.FetchResponse)) {
	n.asked = append(n.asked, r)
	done(n.fetch)
}

func (n *fakeNode) ListOffsets(r engine.ListOffsetsRequest, done func(engine.ListOffsetsResponse)) {
	n.asked = append(n.asked, r)
	done(n.offsets)
}

func (n *fakeNode) DeleteRecords(r engine.DeleteRecordsRequest, done func(engine.DeleteRecordsResponse)) {
	n.asked = append(n.asked, r)
	done(n.deleted)
}

func (n *fakeNode) Full() bool { return true }

func (n *fakeNode) Metadata(topics []string) engine.MetadataResponse {
	n.asked = append(n.asked, topics)
	return n.metadata
}

// served is a fake node behind a server, and a client's connections to it.
type served struct {
	node    *fakeNode
	loop    *osenv.Loop // of the node
	server  *grpc.Server
	address string
	own     *osenv.Loop // of the client
	conns   *rpc.Conns
}

func serve(t *testing.T, node *fakeNode) *served {
	t.Helper()
	return serveWithin(t, node, rpc.NewBudgets(rpc.Limits{}))
}

func serveWithin(t *testing.T, node *fakeNode, budgets *rpc.Budgets) *served {
	t.Helper()
	l := listenFree(t)
	s := &served{node: node, loop: osenv.NewLoop(0), own: osenv.NewLoop(0), server: rpc.NewServer(0, budgets), address: l.Addr().String()}
	rpc.NewClientService(s.loop, node, budgets).Register(s.server)
	s.loop.Start()
	s.own.Start()
	go func() { _ = s.server.Serve(budgets.Listener(l)) }()
	conns, err := rpc.NewConns(s.own, []engine.NodeInfo{{ID: 1, Address: s.address}})
	if err != nil {
		t.Fatal(err)
	}
	s.conns = conns
	t.Cleanup(func() {
		s.conns.Close()
		s.server.Stop()
		s.loop.Stop()
		s.own.Stop()
	})
	return s
}

// answer is what a Conn's callback was given.
type answer[R any] struct {
	response R
	err      error
}

// ask runs one attempt on the client's loop and waits for its answer.
func ask[R any](s *served, start func(done func(R, error))) answer[R] {
	got := make(chan answer[R], 1)
	s.own.Submit(func() { start(func(r R, err error) { got <- answer[R]{r, err} }) })
	return <-got
}

func (s *served) produce(node env.NodeID, timeout time.Duration) answer[engine.ProduceResponse] {
	return ask(s, func(done func(engine.ProduceResponse, error)) {
		s.conns.Produce(node, engine.ProduceRequest{Topic: "t", Partition: 3, Batch: []byte("batch"), LeaderEpoch: 5, Timeout: timeout}, done)
	})
}

func equal[R any](t *testing.T, what string, got, want R) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

// Every field of every request and answer survives the way there and back.
func TestRequestsAndAnswersAreCarriedWhole(t *testing.T) {
	node := &fakeNode{
		ready:   true,
		produce: engine.ProduceResponse{Err: engine.NotEnoughReplicasAfterAppend, Unknown: true, BaseOffset: 1 << 40, Leader: 2, LeaderEpoch: 9},
		fetch:   engine.FetchResponse{Err: engine.OffsetOutOfRange, HighWatermark: 10, LogStart: 4, Batches: bytes.Repeat([]byte("b"), 5<<20), Leader: 3, LeaderEpoch: 8},
		offsets: engine.ListOffsetsResponse{Err: engine.UnknownServerError, Offset: -1, Leader: 1, LeaderEpoch: -1},
		deleted: engine.DeleteRecordsResponse{Err: engine.RequestTimedOut, Unknown: true, LogStart: 9, Leader: 3, LeaderEpoch: 2},
		metadata: engine.MetadataResponse{
			Cluster: 1 << 63, Node: 1, Nodes: []engine.NodeInfo{{ID: 1, Address: "a:1"}, {ID: 2, Address: "b:2"}},
			Partitions: []engine.PartitionStatus{{
				Topic: "t", Partition: 1, Group: 7, Err: engine.KafkaStorageError, Leader: 2, LeaderEpoch: 4,
				Replicas: []env.NodeID{1, 2}, ISR: []env.NodeID{2}, MinISR: 1, HighWatermark: -1, LogStart: -1, Applied: 12, Fenced: "rot",
				Replica: 1 << 40, State: engine.StateAsking, Learner: true, Damaged: []engine.DamagedRange{{Base: 3, End: 9, Everywhere: true}, {Base: 20, End: 21}},
			}},
		},
	}
	s := serve(t, node)

	equal(t, "produce", s.produce(1, time.Second), answer[engine.ProduceResponse]{node.produce, nil})
	fetch := engine.FetchRequest{Topic: "t", Partition: 3, Offset: 77, MaxBytes: 9, MinBytes: 2, MaxWait: 30 * time.Millisecond, LeaderEpoch: -1, Linearizable: true}
	equal(t, "fetch", ask(s, func(done func(engine.FetchResponse, error)) { s.conns.Fetch(1, fetch, done) }),
		answer[engine.FetchResponse]{node.fetch, nil})
	offsets := engine.ListOffsetsRequest{Topic: "t", Partition: 3, Timestamp: engine.Earliest, LeaderEpoch: 6, Timeout: time.Second}
	equal(t, "list offsets", ask(s, func(done func(engine.ListOffsetsResponse, error)) { s.conns.ListOffsets(1, offsets, done) }),
		answer[engine.ListOffsetsResponse]{node.offsets, nil})
	remove := engine.DeleteRecordsRequest{Topic: "t", Partition: 3, Offset: engine.AllRecords, LeaderEpoch: 6, Timeout: time.Second}
	equal(t, "delete records", ask(s, func(done func(engine.DeleteRecordsResponse, error)) { s.conns.DeleteRecords(1, remove, done) }),
		answer[engine.DeleteRecordsResponse]{node.deleted, nil})
	equal(t, "metadata", ask(s, func(done func(engine.MetadataResponse, error)) { s.conns.Metadata(1, nil, done) }),
		answer[engine.MetadataResponse]{node.metadata, nil})
	equal(t, "metadata of topics", ask(s, func(done func(engine.MetadataResponse, error)) { s.conns.Metadata(1, []string{"t"}, done) }),
		answer[engine.MetadataResponse]{node.metadata, nil})

	var asked []any
	s.loop.Call(func() { asked = node.asked })
	equal(t, "what the node was asked", asked, []any{
		engine.ProduceRequest{Topic: "t", Partition: 3, Batch: []byte("batch"), LeaderEpoch: 5, Timeout: time.Second},
		fetch, offsets, remove, []string(nil),
		[]string{"t"},
	})
}

func TestStatusOfANodeThatRecovers(t *testing.T) {
	s := serve(t, &fakeNode{metadata: engine.MetadataResponse{Cluster: 7, Node: 1}})
	got, err := rpc.Status(context.Background(), s.address)
	if err != nil || got.Ready || !got.Full || got.Metadata.Cluster != 7 {
		t.Fatalf("status %+v, %v", got, err)
	}
	a := s.produce(1, time.Second)
	if a.err != nil || a.response.Err != engine.LeaderNotAvailable || a.response.Unknown {
		t.Fatalf("produce to a recovering node: %+v, want a definite LEADER_NOT_AVAILABLE", a)
	}
	if len(s.node.asked) != 1 {
		t.Fatalf("the recovering node was asked %v", s.node.asked)
	}
}

// The difference decides whether a produce may be in the log.
func TestWhatWasNeverSentIsTold(t *testing.T) {
	s := serve(t, &fakeNode{ready: true, silent: true})
	if a := s.produce(9, time.Second); !errors.Is(a.err, client.ErrNotSent) {
		t.Errorf("unknown node: %v", a.err)
	}
	lost := make(chan answer[engine.ProduceResponse], 1)
	go func() { lost <- s.produce(1, time.Minute) }()
	for asked := 0; asked == 0; {
		s.loop.Call(func() { asked = len(s.node.asked) })
	}
	s.server.Stop()
	if a := <-lost; a.err == nil || errors.Is(a.err, client.ErrNotSent) {
		t.Errorf("node died after it was asked: %v, want an unknown outcome", a.err)
	}
	for {
		// The first attempts may still meet the dying connection.
		if a := s.produce(1, time.Second); errors.Is(a.err, client.ErrNotSent) {
			break
		} else if a.err == nil {
			t.Fatal("a dead node answered")
		}
	}
}

func TestANodeThatStopsAnswersUnavailable(t *testing.T) {
	s := serve(t, &fakeNode{ready: true, silent: true})
	lost := make(chan answer[engine.ProduceResponse], 1)
	go func() { lost <- s.produce(1, time.Minute) }()
	for asked := 0; asked == 0; {
		s.loop.Call(func() { asked = len(s.node.asked) })
	}
	s.loop.Stop()
	if a := <-lost; a.err == nil || errors.Is(a.err, client.ErrNotSent) {
		t.Fatalf("the loop stopped: %v, want an unknown outcome", a.err)
	}
}
