package rpc_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"

	"github.com/lockstep-log/lockstep/adapter/osenv"
	"github.com/lockstep-log/lockstep/adapter/rpc"
	"github.com/lockstep-log/lockstep/engine/env"
)

// node is a network with its loop and server, on loopback.
type node struct {
	t       testing.TB
	loop    *osenv.Loop
	network *rpc.Network
	server  *grpc.Server
	log     *syncBuffer
	changed chan struct{} // a token after each callback

	mu     sync.Mutex
	frames []string // "from lane payload"
	peers  []string // "up 2", "down 2"
}

// syncBuffer is a log that may be read while it is written.
type syncBuffer struct {
	mu      sync.Mutex
	b       bytes.Buffer
	changed chan struct{} // a token after each line
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case b.changed <- struct{}{}:
	default:
	}
	return b.b.Write(p)
}

// wait waits until a line holds what is wanted.
func (b *syncBuffer) wait(want string) {
	for !strings.Contains(b.String(), want) {
		<-b.changed
	}
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// listen reserves free ports for the nodes.
func listen(t testing.TB, nodes ...env.NodeID) (map[env.NodeID]net.Listener, map[env.NodeID]string) {
	t.Helper()
	listeners, peers := map[env.NodeID]net.Listener{}, map[env.NodeID]string{}
	for _, id := range nodes {
		l := listenFree(t)
		listeners[id], peers[id] = l, l.Addr().String()
	}
	return listeners, peers
}

// listenFree listens on a port outside the range that the system gives to
// outgoing connections, so that it can be listened on again after a restart.
func listenFree(t testing.TB) net.Listener {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000)))
		if err == nil {
			return l
		}
	}
	t.Fatal("no free port in a hundred tries")
	return nil
}

// relisten takes an address again that was just given up.
func relisten(t testing.TB, address string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func startNode(t testing.TB, l net.Listener, cfg rpc.Config) *node {
	t.Helper()
	n := &node{t: t, loop: osenv.NewLoop(0), log: &syncBuffer{changed: make(chan struct{}, 1)}, changed: make(chan struct{}, 1)}
	cfg.Log = slog.New(slog.NewTextHandler(n.log, nil))
	n.network = rpc.NewNetwork(n.loop, cfg)
	n.server = rpc.NewServer(cfg.FrameBytes, rpc.NewBudgets(rpc.Limits{}))
	n.network.Register(n.server)
	go func() { _ = n.server.Serve(l) }()
	n.loop.Post(func() { n.network.Attach(n) })
	n.loop.Start()
	t.Cleanup(n.kill)
	return n
}

// kill ends the node as the end of its process would: all sockets close.
func (n *node) kill() {
	n.loop.Stop()
	n.network.Close()
	n.server.Stop()
	<-n.loop.Done()
}

func (n *node) Receive(from env.NodeID, lane env.Lane, frame []byte) {
	n.note(&n.frames, fmt.Sprintf("%d %s %s", from, lane, frame))
}
func (n *node) PeerUp(peer env.NodeID)   { n.note(&n.peers, fmt.Sprintf("up %d", peer)) }
func (n *node) PeerDown(peer env.NodeID) { n.note(&n.peers, fmt.Sprintf("down %d", peer)) }

func (n *node) note(list *[]string, what string) {
	n.mu.Lock()
	*list = append(*list, what)
	n.mu.Unlock()
	select {
	case n.changed <- struct{}{}:
	default:
	}
}

// wait waits until the list holds all of want, in that order.
func (n *node) wait(list *[]string, want ...string) {
	n.t.Helper()
	for {
		n.mu.Lock()
		got := slices.Clone(*list)
		n.mu.Unlock()
		left := want
		for _, g := range got {
			if len(left) > 0 && g == left[0] {
				left = left[1:]
			}
		}
		if len(left) == 0 {
			return
		}
		<-n.changed
	}
}

func (n *node) send(to env.NodeID, lane env.Lane, frames ...string) {
	n.loop.Call(func() {
		for _, f := range frames {
			n.network.Send(to, lane, []byte(f))
		}
	})
}

func TestFramesArriveInOrderOnEachLane(t *testing.T) {
	listeners, peers := listen(t, 1, 2)
	a := startNode(t, listeners[1], rpc.Config{Cluster: 7, Node: 1, Peers: peers})
	b := startNode(t, listeners[2], rpc.Config{Cluster: 7, Node: 2, Peers: peers})
	a.wait(&a.peers, "up 2")
	b.wait(&b.peers, "up 1")
	var want []string
	for i := range 1000 {
		for lane := range env.Lanes {
			a.send(2, lane, fmt.Sprint(i))
		}
		want = append(want, fmt.Sprintf("1 append %d", i))
	}
	b.wait(&b.frames, want...)
	b.wait(&b.frames, "1 urgent 0", "1 urgent 999")
	b.wait(&b.frames, "1 bulk 0", "1 bulk 999")
	b.send(1, env.Urgent, "back")
	a.wait(&a.frames, "2 urgent back")
	if s := a.network.Stats(); s.Sent[env.Append] != 1000 || s.DroppedFull[env.Append] != 0 {
		t.Fatalf("counted %+v", s)
	}
}

func TestALargeFrameArrivesAndATooLargeOneDoesNot(t *testing.T) {
	listeners, peers := listen(t, 1, 2)
	cfg := rpc.Config{Cluster: 7, Node: 1, Peers: peers, FrameBytes: 6 << 20}
	a := startNode(t, listeners[1], cfg)
	cfg.Node = 2
	b := startNode(t, listeners[2], cfg)
	a.wait(&a.peers, "up 2")
	a.send(2, env.Append, strings.Repeat("x", 6<<20+1), strings.Repeat("y", 6<<20), "end")
	b.wait(&b.frames, "1 append end")
	if len(b.frames) != 2 || b.frames[0][len("1 append ")] != 'y' {
		t.Fatalf("%d frames arrived, want the allowed one and the last", len(b.frames))
	}
	if s := a.network.Stats(); s.DroppedTooLarge != 1 {
		t.Fatalf("counted %+v", s)
	}
}

func TestPeerDownWhenItDiesAndUpWhenItIsBack(t *testing.T) {
	listeners, peers := listen(t, 1, 2)
	a := startNode(t, listeners[1], rpc.Config{Cluster: 7, Node: 1, Peers: peers})
	b := startNode(t, listeners[2], rpc.Config{Cluster: 7, Node: 2, Peers: peers})
	a.wait(&a.peers, "up 2")
	b.kill()
	a.wait(&a.peers, "up 2", "down 2")
	a.send(2, env.Append, "lost")
	b = startNode(t, relisten(t, peers[2]), rpc.Config{Cluster: 7, Node: 2, Peers: peers})
	a.wait(&a.peers, "up 2", "down 2", "up 2")
	a.send(2, env.Append, "fresh")
	b.wait(&b.frames, "1 append fresh")
	if slices.Contains(b.frames, "1 append lost") {
		t.Fatal("a frame that was sent while the peer was down arrived after its restart")
	}
	if s := a.network.Stats(); s.Sessions < 2 {
		t.Fatalf("counted %+v", s)
	}
}

func TestForeignPeersAreRefusedWithAReason(t *testing.T) {
	for name, test := range map[string]struct {
		cfg  rpc.Config
		want string
	}{
		"cluster": {rpc.Config{Cluster: 8, Node: 1}, "node 1 belongs to cluster 8, this is node 2 of cluster 7"},
		"unknown": {rpc.Config{Cluster: 7, Node: 3}, "node 3 is not in the configuration of node 2"},
		"address": {rpc.Config{Cluster: 7, Node: 1}, "node 1 looks for node 9 here, this is node 2"},
	} {
		t.Run(name, func(t *testing.T) {
			listeners, peers := listen(t, 1, 2)
			b := startNode(t, listeners[2], rpc.Config{Cluster: 7, Node: 2, Peers: peers})
			test.cfg.Peers = map[env.NodeID]string{2: peers[2]}
			if name == "address" {
				test.cfg.Peers = map[env.NodeID]string{9: peers[2]}
			}
			a := startNode(t, listeners[1], test.cfg)
			a.log.wait(test.want)
			b.log.wait(test.want)
			if len(b.peers) != 0 {
				t.Fatalf("the receiver was told %v of a refused peer", b.peers)
			}
			if b.network.Stats().Refused == 0 {
				t.Fatal("the refusal was not counted")
			}
		})
	}
}

func TestUnknownPeersAreCountedAndDropped(t *testing.T) {
	listeners, peers := listen(t, 1)
	a := startNode(t, listeners[1], rpc.Config{Cluster: 7, Node: 1, Peers: peers})
	a.send(5, env.Urgent, "x")
	a.send(1, env.Urgent, "to itself")
	if s := a.network.Stats(); s.DroppedUnknown != 2 {
		t.Fatalf("counted %+v", s)
	}
}

// A receiver whose loop stands still slows its peers down instead of filling
// its memory: the sender's queue fills and drops.
func TestAStandingLoopPushesBack(t *testing.T) {
	listeners, peers := listen(t, 1, 2)
	a := startNode(t, listeners[1], rpc.Config{Cluster: 7, Node: 1, Peers: peers, QueueBytes: 1 << 20})
	b := startNode(t, listeners[2], rpc.Config{Cluster: 7, Node: 2, Peers: peers, InboxBytes: 1 << 20})
	a.wait(&a.peers, "up 2")
	release := make(chan struct{})
	go b.loop.Call(func() { <-release })
	frame := strings.Repeat("z", 64<<10)
	for a.network.Stats().DroppedFull[env.Append] == 0 {
		a.send(2, env.Append, frame)
		a.send(2, env.Urgent, "beat")
	}
	close(release)
	b.wait(&b.frames, "1 urgent beat")
	if got := a.network.Stats().Sent[env.Append]; got > 2048 {
		t.Fatalf("%d frames of 64 KiB went out to a receiver that took none", got)
	}
}

func BenchmarkFrames(b *testing.B) {
	for _, size := range []int{256, 16 << 10, 256 << 10} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			listeners, peers := listen(b, 1, 2)
			from := startNode(b, listeners[1], rpc.Config{Cluster: 7, Node: 1, Peers: peers, QueueBytes: 64 << 20})
			to := &counter{done: make(chan struct{})}
			loop := osenv.NewLoop(0)
			network := rpc.NewNetwork(loop, rpc.Config{Cluster: 7, Node: 2, Peers: peers})
			server := rpc.NewServer(0, rpc.NewBudgets(rpc.Limits{}))
			network.Register(server)
			go func() { _ = server.Serve(listeners[2]) }()
			loop.Post(func() { network.Attach(to) })
			loop.Start()
			from.wait(&from.peers, "up 2")
			b.SetBytes(int64(size))
			b.ReportAllocs()
			frame := make([]byte, size)
			binary.LittleEndian.PutUint64(frame, 1)
			b.ResetTimer()
			to.want.Store(int64(b.N))
			window := max(1, min(1024, (4<<20)/size))
			for sent := 0; sent < b.N; {
				if sent-int(to.got.Load()) >= window {
					runtime.Gosched()
					continue
				}
				from.loop.Call(func() {
					for range min(16, b.N-sent) {
						from.network.Send(2, env.Append, frame)
						sent++
					}
				})
			}
			<-to.done
			b.StopTimer()
			loop.Stop()
			network.Close()
			server.Stop()
		})
	}
}
