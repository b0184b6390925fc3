package adapter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"

	"github.com/lockstep-log/lockstep/adapter/osenv"
	"github.com/lockstep-log/lockstep/adapter/rpc"
	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
)

// Node is a node that runs in this process.
type Node struct {
	cfg     Config
	log     *slog.Logger
	loop    *osenv.Loop
	disk    *osenv.Disk
	network *rpc.Network
	server  *grpc.Server
	service *rpc.ClientService
	budgets *rpc.Budgets
	admin   *http.Server // nil: none
	engine  *engine.Node // its methods belong to the loop
	tracer  *tracer
	started time.Time

	ready  chan struct{} // closed once the node serves
	failed chan error    // one: the node stopped itself
	close  sync.Once
	serves sync.WaitGroup // the servers' goroutines
}

// Start runs the configured node. It returns once the ports are open and the
// data directory is locked; recovery goes on, Ready tells its end. Log may be
// nil for none.
func Start(c Config, log *slog.Logger) (*Node, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	n := &Node{
		cfg: c, log: log, loop: osenv.NewLoop(0), tracer: &tracer{log: log}, started: time.Now(),
		ready: make(chan struct{}), failed: make(chan error, 1),
	}
	listener, err := listen("listen", c.Listen)
	if err != nil {
		return nil, err
	}
	var admin net.Listener
	if c.Admin != "" {
		if admin, err = listen("admin", c.Admin); err != nil {
			_ = listener.Close()
			return nil, err
		}
	}
	if n.disk, err = openDisk(n.loop, c.Data); err != nil {
		_ = listener.Close()
		if admin != nil {
			_ = admin.Close()
		}
		return nil, err
	}
	n.run(listener, admin)
	return n, nil
}

// listen opens a port; its errors match ErrInput.
func listen(key, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, inputf("%s: %s is in use; end the process that listens there or choose another port", key, address)
	case err != nil:
		return nil, inputf("%s: %w", key, err)
	}
	return l, nil
}

func (n *Node) run(listener, admin net.Listener) {
	peers := map[env.NodeID]string{}
	for _, p := range n.cfg.Nodes {
		peers[env.NodeID(p.ID)] = p.Address
	}
	n.network = rpc.NewNetwork(n.loop, rpc.Config{
		Cluster: n.cfg.Cluster, Node: env.NodeID(n.cfg.Node), Peers: peers,
		QueueBytes: n.cfg.Tuning.SendQueueBytes, FrameBytes: n.cfg.frameBytes(), Log: n.log,
	})
	world := env.Env{
		Clock: n.loop, Network: n.network, Disk: n.disk, Tracer: n.tracer, Entropy: osenv.Entropy{},
	}
	n.loop.Start()
	n.loop.Call(func() {
		n.engine = engine.Start(world, n.cfg.Engine(), engine.Events{
			Ready:  func() { close(n.ready) },
			Failed: func(err error) { n.failed <- n.explain(err) },
		})
	})
	n.budgets = rpc.NewBudgets(rpc.Limits{RequestBytes: n.cfg.Tuning.RequestBytes, AnswerBytes: n.cfg.Tuning.AnswerBytes})
	n.server = rpc.NewServer(n.cfg.frameBytes(), n.budgets)
	n.network.Register(n.server)
	n.service = rpc.NewClientService(n.loop, n.engine, n.budgets)
	n.service.Register(n.server)
	n.serves.Go(func() { _ = n.server.Serve(n.budgets.Listener(listener)) }) // ends with Stop
	if admin != nil {
		n.serveAdmin(admin)
	}
}

// explain makes an error of the user's out of what recovery finds in a
// directory that is not this node's.
func (n *Node) explain(err error) error {
	switch {
	case errors.Is(err, journal.ErrNotFormatted):
		return inputf("data directory %s is not formatted; run format first, on an empty directory", n.cfg.Data)
	case errors.Is(err, journal.ErrForeign):
		return inputf("data directory %s: %w; check cluster, node and data", n.cfg.Data, err)
	case errors.Is(err, engine.ErrTopology):
		return inputf("data directory %s: %w; nodes, topics and their order must stay as they were", n.cfg.Data, err)
	case errors.Is(err, journal.ErrDamaged):
		return inputf("data directory %s: %w; check the disk, and keep the directory as it is: the other nodes go on without this one as long as they are a majority", n.cfg.Data, err)
	case errors.Is(err, journal.ErrVersion):
		return inputf("data directory %s: %w; run the version of this program that wrote it", n.cfg.Data, err)
	case errors.Is(err, engine.ErrConfig):
		return inputError{err}
	}
	return fmt.Errorf("node %d: %w", n.cfg.Node, err)
}

// Ready is closed once the node serves.
func (n *Node) Ready() <-chan struct{} { return n.ready }

// Failed gets at most one error: the node stopped itself. What remains is to
// call Kill.
func (n *Node) Failed() <-chan error { return n.failed }

// Do runs f with the engine on the node's loop, and waits for it: the way to make
// requests from within the process. It reports false if the node ended before.
func (n *Node) Do(f func(e *engine.Node)) bool {
	return n.loop.Call(func() { f(n.engine) })
}

// DiskStats counts what the node did on its disk, by directories of its own.
func (n *Node) DiskStats() map[string]osenv.DirStats { return n.disk.Stats() }

// Stop ends the node cleanly: requests are answered, checkpoints written, the
// journal sealed. If ctx ends first, the node is killed instead. The data is
// equally safe; a clean stop only starts faster again.
func (n *Node) Stop(ctx context.Context) error {
	result := make(chan error, 1)
	n.loop.Submit(func() { n.engine.Stop(func(err error) { result <- err }) })
	var err error
	select {
	case err = <-result:
	case <-n.loop.Done():
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	n.Kill()
	return err
}

// Kill ends the node as the end of its process would, and waits until its
// goroutines are gone.
func (n *Node) Kill() {
	n.close.Do(func() {
		n.loop.Call(n.engine.Kill)
		n.loop.Stop()
		<-n.loop.Done()
		n.network.Close()
		n.server.Stop()
		if n.admin != nil {
			_ = n.admin.Close()
		}
		n.serves.Wait()
		_ = n.disk.Close() // nothing is owed any more
	})
}
