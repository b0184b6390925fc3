package rpc_test

import (
	"bytes"
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/lockstep-log/lockstep/adapter/rpc"
	"github.com/lockstep-log/lockstep/adapter/rpc/clientpb"
	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/env"
)

// stalling is a connection that stops to read after some bytes, until it is closed.
type stalling struct {
	net.Conn
	left   int
	closed chan struct{}
	once   sync.Once
}

func (s *stalling) Read(p []byte) (int, error) {
	if s.left <= 0 {
		<-s.closed
		return 0, net.ErrClosed
	}
	n, err := s.Conn.Read(p)
	s.left -= n
	return n, err
}

func (s *stalling) Close() error {
	s.once.Do(func() { close(s.closed) })
	return s.Conn.Close()
}

// stalledClient asks and does not read: it is answered until the windows are full.
func stalledClient(t *testing.T, address string) (clientpb.ClientClient, *grpc.ClientConn) {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, to string) (net.Conn, error) {
			c, err := (&net.Dialer{}).DialContext(ctx, "tcp", to)
			return &stalling{Conn: c, left: 4 << 10, closed: make(chan struct{})}, err
		}))
	if err != nil {
		t.Fatal(err)
	}
	return clientpb.NewClientClient(conn), conn
}

// TestAClientThatDoesNotReadCostsALimitedShare: a consumer with many fetches that takes
// no answer holds a quarter of the limit; others are served, and what it held is free
// once it is gone.
func TestAClientThatDoesNotReadCostsALimitedShare(t *testing.T) {
	const answer, limit = 1 << 20, 16 << 20
	budgets := rpc.NewBudgets(rpc.Limits{AnswerBytes: limit})
	s := serveWithin(t, &fakeNode{ready: true, fetch: engine.FetchResponse{Batches: bytes.Repeat([]byte("x"), answer)}}, budgets)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	client, conn := stalledClient(t, s.address)
	var asked sync.WaitGroup
	for range 100 {
		asked.Go(func() { _, _ = client.Fetch(ctx, &clientpb.FetchRequest{Topic: "t"}) })
	}
	within(t, "its share is used up", func() bool {
		asked := 0
		s.loop.Call(func() { asked = len(s.node.asked) })
		return asked == 100
	})
	if use := budgets.Answers(); use.Bytes > limit/4 || use.Bytes < answer || use.Limit != limit {
		t.Errorf("a stalled client holds %d of %d bytes", use.Bytes, use.Limit)
	}
	for range 50 {
		a := ask(s, func(done func(engine.FetchResponse, error)) {
			s.conns.Fetch(env.NodeID(1), engine.FetchRequest{Topic: "t"}, done)
		})
		if a.err != nil || a.response.Err != engine.None || len(a.response.Batches) != answer {
			t.Fatalf("another client got %v, %v", a.response.Err, a.err)
		}
	}
	cancel()
	conn.Close()
	asked.Wait()
	within(t, "what it held is given back", func() bool { return budgets.Answers().Bytes == 0 })
}

// TestProducesAreBoundedInBytes: batches that wait for their answers are counted, and
// what is beyond is refused with an error that says: later.
func TestProducesAreBoundedInBytes(t *testing.T) {
	budgets := rpc.NewBudgets(rpc.Limits{RequestBytes: 1000})
	s := serveWithin(t, &fakeNode{ready: true, silent: true}, budgets)
	waiting := func() {
		s.conns.Produce(1, engine.ProduceRequest{Topic: "t", Batch: make([]byte, 900), LeaderEpoch: -1}, func(engine.ProduceResponse, error) {})
	}
	s.own.Submit(waiting)
	within(t, "one waits", func() bool { return budgets.Requests().Bytes == 900 })
	a := ask(s, func(done func(engine.ProduceResponse, error)) {
		s.conns.Produce(1, engine.ProduceRequest{Topic: "t", Batch: make([]byte, 200), LeaderEpoch: -1}, done)
	})
	if a.err != nil || a.response.Err != engine.ThrottlingQuotaExceeded || a.response.Unknown {
		t.Errorf("answered %v, unknown %v, %v", a.response.Err, a.response.Unknown, a.err)
	}
	if n := budgets.Requests().Bytes; n != 900 {
		t.Errorf("%d bytes are counted", n)
	}
}

// within polls for what other goroutines bring about.
func within(t *testing.T, what string, cond func() bool) {
	t.Helper()
	poll, end := time.NewTicker(5*time.Millisecond), time.After(20*time.Second)
	defer poll.Stop()
	for !cond() {
		select {
		case <-poll.C:
		case <-end:
			t.Fatalf("it does not happen: %s", what)
		}
	}
}
