package engine_test

import (
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/diskmodel"
	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/netmodel"
	"github.com/lockstep-log/lockstep/sim"
)

// world is a small cluster without faults, on the simulator's models.
type world struct {
	t     *testing.T
	k     *sim.Kernel
	net   *netmodel.Net
	nodes []*host
	tune  func(*engine.Config)
}

// host is a machine: its disk, and the process that runs on it.
type host struct {
	w       *world
	id      env.NodeID
	disk    *diskmodel.Disk
	node    *engine.Node
	failed  error
	alive   *bool
	posted  []func()
	running bool
	rand    *sim.Rand
	events  []env.Event
}

func newWorld(t *testing.T, nodes int, tune func(*engine.Config)) *world {
	t.Helper()
	k := sim.New(1)
	w := &world{t: t, k: k, net: netmodel.New(k, netmodel.DefaultConfig()), tune: tune}
	for i := range nodes {
		id := env.NodeID(i + 1)
		w.nodes = append(w.nodes, &host{w: w, id: id, disk: diskmodel.New(k, uint64(id), diskmodel.DefaultConfig()), rand: k.Rand("test", uint64(id))})
	}
	return w
}

// config places one partition of topic "t" on all nodes, min ISR a majority.
func (w *world) config(id env.NodeID) engine.Config {
	cfg := engine.DefaultConfig()
	cfg.Cluster, cfg.Node = 7, id
	cfg.ISRLag = time.Second
	cfg.Journal.FileBytes, cfg.Journal.MaxBatchBytes = 1<<20, 256<<10
	cfg.MaxBatchBytes, cfg.Log.MaxBatchBytes = 64<<10, 64<<10
	p := engine.Partition{Group: 1, Topic: "t", MinISR: len(w.nodes)/2 + 1}
	for _, h := range w.nodes {
		cfg.Topology.Nodes = append(cfg.Topology.Nodes, engine.NodeInfo{ID: h.id})
		p.Replicas = append(p.Replicas, engine.ReplicaInfo{Node: h.id, ID: env.ReplicaID(100 + h.id)})
	}
	cfg.Topology.Partitions = []engine.Partition{p}
	if w.tune != nil {
		w.tune(&cfg)
	}
	return cfg
}

// exec is the host's loop for one process.
func (h *host) exec(alive *bool) func(func()) {
	return func(f func()) {
		if !*alive || h.running {
			if h.running {
				panic("a port called back inside a call")
			}
			return
		}
		h.running = true
		f()
		for len(h.posted) > 0 && *alive {
			next := h.posted[0]
			h.posted = h.posted[1:]
			next()
		}
		h.running = false
	}
}

// env makes the ports of a new process.
func (h *host) env() env.Env {
	alive := true
	h.alive, h.posted = &alive, nil
	exec := h.exec(h.alive)
	return env.Env{
		Clock: clock{h, exec}, Network: h.w.net.Attach(h.id, exec), Disk: h.disk.Mount(exec),
		Tracer: tracer{h}, Entropy: h.rand,
	}
}

// do runs f on the host's loop.
func (h *host) do(f func()) { h.exec(h.alive)(f) }

func (h *host) format() error {
	e := h.env()
	var err error
	done := false
	var tasks env.Tasks
	h.do(func() {
		tasks.Go("format", func(t *env.Task) {
			err = engine.Format(t, e, h.w.config(h.id))
			done = true
		})
	})
	h.w.until(func() bool { return done }, "format")
	*h.alive = false
	return err
}

func (h *host) start() {
	e := h.env()
	h.failed = nil
	h.do(func() {
		h.node = engine.Start(e, h.w.config(h.id), engine.Events{Failed: func(err error) { h.failed = err }})
	})
}

// crash ends the process as a kill does.
func (h *host) crash() {
	h.node.Kill()
	*h.alive = false
	h.disk.Crash()
	h.w.net.Close(h.id)
}

func (w *world) formatAndStart() {
	w.t.Helper()
	for _, h := range w.nodes {
		if err := h.format(); err != nil {
			w.t.Fatal(err)
		}
	}
	for _, h := range w.nodes {
		h.start()
	}
}

// until runs the world, at most a virtual minute.
func (w *world) until(done func() bool, what string) {
	w.t.Helper()
	for end := w.k.Now() + int64(time.Minute); !done(); {
		if w.k.Now() > end || !w.k.Step() {
			w.t.Fatalf("within a minute: no %s", what)
		}
	}
}

// sleep lets virtual time pass.
func (w *world) sleep(d time.Duration) { w.k.Run(w.k.Now() + int64(d)) }

// leader waits for one that has committed in its term, and returns it.
func (w *world) leader() *host {
	w.t.Helper()
	var found *host
	w.until(func() bool {
		for _, h := range w.nodes {
			if *h.alive && h.node != nil && h.node.Ready() && found == nil {
				h.do(func() {
					h.node.ReadBarrier(1, time.Second, func(code engine.Code) {
						if code == engine.None && found == nil {
							found = h
						}
					})
				})
			}
		}
		return found != nil
	}, "leader")
	return found
}

type clock struct {
	h    *host
	exec func(func())
}

func (c clock) Monotonic() time.Duration { return time.Duration(c.h.w.k.Now()) }
func (c clock) Wall() int64              { return c.h.w.k.Now() }
func (c clock) Post(f func())            { c.h.posted = append(c.h.posted, f) }
func (c clock) AfterFunc(d time.Duration, f func()) env.Timer {
	return c.h.w.k.After(d, func() { c.exec(f) })
}

type tracer struct{ h *host }

func (t tracer) Trace(e env.Event) { t.h.events = append(t.h.events, e) }

func (h *host) traced(kind env.EventKind) int {
	n := 0
	for i := range h.events {
		if h.events[i].Kind == kind {
			n++
		}
	}
	return n
}
