package rpc_test

import (
	"log/slog"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/lockstep-log/lockstep/adapter/osenv"
	"github.com/lockstep-log/lockstep/adapter/rpc"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/env/envtest"
)

// world is three nodes on loopback, on one loop.
type world struct {
	t         *testing.T
	loop      *osenv.Loop
	listeners map[env.NodeID]net.Listener
	peers     map[env.NodeID]string
	nodes     map[env.NodeID]process
}

type process struct {
	network *rpc.Network
	server  *grpc.Server
}

func (w *world) Do(f func()) { w.loop.Call(f) }

// Until asks every millisecond, for as long as it takes: how long that may be on
// a busy machine nobody knows.
func (w *world) Until(cond func() bool) bool {
	held := make(chan struct{})
	var ask func()
	ask = func() {
		if cond() {
			close(held)
		} else {
			w.loop.AfterFunc(time.Millisecond, ask)
		}
	}
	w.loop.Submit(ask)
	<-held
	return true
}

func (w *world) Clock() env.Clock { return w.loop }

func (w *world) Start(id env.NodeID) env.Network {
	l := w.listeners[id]
	delete(w.listeners, id)
	if l == nil {
		l = relisten(w.t, w.peers[id])
	}
	p := process{
		network: rpc.NewNetwork(w.loop, rpc.Config{
			Cluster: 7, Node: id, Peers: w.peers, Log: slog.New(slog.DiscardHandler),
		}),
		server: rpc.NewServer(0, rpc.NewBudgets(rpc.Limits{})),
	}
	p.network.Register(p.server)
	go func() { _ = p.server.Serve(l) }()
	w.nodes[id] = p
	return p.network
}

func (w *world) Stop(id env.NodeID) {
	p := w.nodes[id]
	delete(w.nodes, id)
	p.network.Close()
	p.server.Stop()
}

func TestNetworkConforms(t *testing.T) {
	envtest.Network(t, func(t *testing.T) envtest.NetworkWorld {
		w := &world{t: t, loop: osenv.NewLoop(0), nodes: map[env.NodeID]process{}}
		w.listeners, w.peers = listen(t, 1, 2, 3)
		w.loop.Start()
		t.Cleanup(func() {
			w.loop.Stop()
			<-w.loop.Done()
			for id := range w.nodes {
				w.Stop(id)
			}
			for _, l := range w.listeners {
				_ = l.Close()
			}
		})
		return w
	})
}
