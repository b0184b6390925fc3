package rpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"github.com/lockstep-log/lockstep/adapter/rpc/raftpb"
	"github.com/lockstep-log/lockstep/engine/env"
)

// Keep-alive: the least that gRPC allows a client, and what silence it takes on
// top to give a connection up.
const (
	keepaliveTime    = 10 * time.Second
	keepaliveTimeout = 5 * time.Second
)

// envelopeSlack is what a message may hold beyond its largest frame.
const envelopeSlack = 64 << 10

// sessionSource numbers sessions. It starts at the clock, so that a restarted
// node does not repeat the numbers of the process before.
type sessionSource struct{ last atomic.Uint64 }

func (s *sessionSource) next() uint64 {
	s.last.CompareAndSwap(0, uint64(time.Now().UnixNano()))
	return s.last.Add(1)
}

// dial keeps sessions toward a peer until the network is closed.
func (n *Network) dial(p *peer) {
	conn, err := grpc.NewClient("passthrough:///"+p.address, n.dialOptions()...)
	if err != nil {
		n.cfg.Log.Error("peer cannot be dialled", "peer", p.id, "address", p.address, "error", err)
		return
	}
	defer func() { _ = conn.Close() }()
	said := ""
	for pause := n.cfg.Backoff; ; pause = min(pause*2, n.cfg.MaxBackoff) {
		accepted, err := n.session(p, conn)
		if n.ctx.Err() != nil {
			return
		}
		if accepted {
			pause, said = n.cfg.Backoff, ""
		}
		if text := err.Error(); text != said {
			level := slog.LevelInfo // peers come and go
			if errors.Is(err, errRefused) {
				level = slog.LevelWarn
			}
			n.cfg.Log.Log(n.ctx, level, "session with peer ended", "peer", p.id, "address", p.address, "error", text)
			said = text
		}
		select {
		case <-time.After(pause/2 + rand.N(pause/2+1)):
		case <-n.ctx.Done():
			return
		}
	}
}

func (n *Network) dialOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithNoProxy(),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{
				BaseDelay: n.cfg.Backoff, Multiplier: 2, Jitter: 0.5, MaxDelay: n.cfg.MaxBackoff,
			},
			MinConnectTimeout: 3 * time.Second,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: keepaliveTime, Timeout: keepaliveTimeout}),
		grpc.WithDefaultCallOptions(grpc.WaitForReady(true),
			grpc.MaxCallSendMsgSize(n.cfg.FrameBytes+messageBytes+envelopeSlack)),
	}
}

// stream is the dialling side of one lane.
type stream = grpc.BidiStreamingClient[raftpb.Envelope, raftpb.Accepted]

// session opens the three streams and uses them until one breaks. It tells
// whether the peer accepted all of them, and why it ended.
func (n *Network) session(p *peer, conn *grpc.ClientConn) (accepted bool, err error) {
	ctx, cancel := context.WithCancelCause(n.ctx)
	defer cancel(nil)
	number := n.sessions.next()
	streams, process, err := n.open(ctx, p, conn, number)
	if err != nil {
		return false, err
	}
	n.counters.sessions.Add(1)
	ended := make(chan error, 2*env.Lanes)
	for lane, s := range streams {
		p.lanes[lane].setOpen(true)
		go func() { ended <- n.write(ctx, p.lanes[lane], s) }()
		go func() { ended <- watch(s) }()
	}
	n.inbox.put(notice{kind: noticeOutUp, peer: p, session: number, process: process, end: cancel})
	err = <-ended
	n.inbox.put(notice{kind: noticeOutDown, peer: p, session: number})
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	cancel(nil)
	for range 2*int(env.Lanes) - 1 {
		<-ended //nolint:errcheck // the first one is the reason
	}
	for _, q := range p.lanes {
		q.setOpen(false)
	}
	return true, err
}

// open opens the streams, says hello on each, and waits until one process of the
// peer has accepted all.
func (n *Network) open(ctx context.Context, p *peer, conn *grpc.ClientConn, number uint64) (streams [env.Lanes]stream, process uint64, err error) {
	client := raftpb.NewRaftClient(conn)
	methods := [env.Lanes]func(context.Context, ...grpc.CallOption) (stream, error){
		env.Urgent: client.RequestVote,
		env.Append: client.AppendEntries,
		env.Bulk:   client.InstallSnapshot,
	}
	hello := &raftpb.Envelope{Hello: &raftpb.Hello{
		Cluster: n.cfg.Cluster, From: uint64(n.cfg.Node), To: uint64(p.id), Session: number, Process: n.process,
	}}
	for lane, method := range methods {
		s, err := method(ctx)
		if err == nil {
			// An error of Send is io.EOF; Recv below has the reason.
			_ = s.Send(hello)
			streams[lane] = s
		} else {
			return streams, 0, err
		}
	}
	for lane, s := range streams {
		accepted, err := s.Recv()
		switch {
		case err != nil:
			return streams, 0, refusal(err)
		case lane > 0 && accepted.GetProcess() != process:
			return streams, 0, errRestarted
		}
		process = accepted.GetProcess()
	}
	return streams, process, nil
}

// errRefused marks what only a change of a configuration can mend.
var errRefused = errors.New("refused by the peer")

// refusal makes the peer's own words the error.
func refusal(err error) error {
	if s := status.Convert(err); s.Code() == codes.FailedPrecondition {
		return fmt.Errorf("%w: %s", errRefused, s.Message())
	}
	return err
}

// write sends what the lane queues, until the session ends.
func (n *Network) write(ctx context.Context, q *laneQueue, s stream) error {
	var e raftpb.Envelope
	for {
		e.Frames = q.take(ctx, e.Frames[:0])
		if len(e.Frames) == 0 {
			return ctx.Err()
		}
		if err := s.Send(&e); err != nil {
			n.counters.down.Add(uint64(len(e.Frames)))
			<-ctx.Done() // watch learns why, and says so
			return err
		}
		n.counters.sent[q.lane].Add(uint64(len(e.Frames)))
		n.counters.sentBytes[q.lane].Add(frameBytes(e.Frames))
		clear(e.Frames)
	}
}

func frameBytes(frames [][]byte) (n uint64) {
	for _, f := range frames {
		n += uint64(len(f))
	}
	return n
}

// watch waits for the end of a stream: the peer never sends again.
func watch(s stream) error {
	for {
		if _, err := s.Recv(); err != nil {
			return err
		}
	}
}
