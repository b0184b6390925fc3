package engine_test

import (
	"crypto/rand"
	"strings"
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

	// timersFirst runs a timer that is due at once before what was posted, as a
	// real loop does; else it waits for an event of its own.
	timersFirst bool
	// watch sees every frame that a node sends.
	watch func(from, to env.NodeID, lane env.Lane, frame []byte)
}

// host is a machine: its disk, and the process that runs on it.
type host struct {
	w       *world
	id      env.NodeID
	disk    *diskmodel.Disk
	node    *engine.Node
	failed  error
	alive   *bool
	ready   int    // times that Events.Ready was called
	onReady func() // called then
	due     []func()
	posted  []func()
	running bool
	rand    *sim.Rand
	events  []env.Event
}

func newWorld(t *testing.T, nodes int, tune func(*engine.Config)) *world {
	t.Helper()
	return newWorldOn(t, nodes, diskmodel.DefaultConfig(), tune)
}

func newWorldOn(t *testing.T, nodes int, disks diskmodel.Config, tune func(*engine.Config)) *world {
	t.Helper()
	k := sim.New(1)
	before := rand.Reader
	rand.Reader = drawn{k.Rand("raft", 0)} // raft's election timeouts come from there
	t.Cleanup(func() { rand.Reader = before })
	w := &world{t: t, k: k, net: netmodel.New(k, netmodel.DefaultConfig()), tune: tune}
	for i := range nodes {
		id := env.NodeID(i + 1)
		w.nodes = append(w.nodes, &host{w: w, id: id, disk: diskmodel.New(k, uint64(id), disks), rand: k.Rand("test", uint64(id))})
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
		for *alive {
			next := h.next()
			if next == nil {
				break
			}
			next()
		}
		h.running = false
	}
}

// next takes what runs next in this turn: timers that are due come first.
func (h *host) next() func() {
	from := &h.due
	if len(h.due) == 0 {
		from = &h.posted
	}
	if len(*from) == 0 {
		return nil
	}
	f := (*from)[0]
	*from = (*from)[1:]
	return f
}

// env makes the ports of a new process.
func (h *host) env() env.Env {
	alive := true
	h.alive, h.due, h.posted = &alive, nil, nil
	exec := h.exec(h.alive)
	return env.Env{
		Clock: clock{h, exec}, Network: network{h.w.net.Attach(h.id, exec), h}, Disk: h.disk.Mount(exec),
		Tracer: tracer{h}, Entropy: h.rand,
	}
}

// do runs f on the host's loop.
func (h *host) do(f func()) { h.exec(h.alive)(f) }

func (h *host) format() error { return h.formatAs(engine.FormatFirst) }

func (h *host) formatAs(mode engine.FormatMode) error {
	e := h.env()
	var err error
	done := false
	var tasks env.Tasks
	h.do(func() {
		tasks.Go("format", func(t *env.Task) {
			err = engine.Format(t, e, h.w.config(h.id), mode)
			done = true
		})
	})
	h.w.until(func() bool { return done }, "format")
	*h.alive = false
	return err
}

func (h *host) start() {
	e := h.env()
	h.failed, h.ready = nil, 0
	h.do(func() {
		h.node = engine.Start(e, h.w.config(h.id), engine.Events{
			Ready: func() {
				h.ready++
				if h.onReady != nil {
					h.onReady()
				}
			},
			Failed: func(err error) { h.failed = err },
		})
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

// partitions spreads the topic over so many partitions, group i+1 for
// partition i.
func partitions(c *engine.Config, count int) {
	first := c.Topology.Partitions[0]
	for i := 1; i < count; i++ {
		p := first
		p.Group, p.Partition = env.GroupID(i+1), int32(i)
		c.Topology.Partitions = append(c.Topology.Partitions, p)
	}
}

// journalFiles counts those in use; spares are not.
func (h *host) journalFiles() int {
	n := 0
	for _, name := range h.disk.Files() {
		if strings.HasPrefix(name, "journal/j-") {
			n++
		}
	}
	return n
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
	return w.leaderOf(1)
}

func (w *world) leaderOf(group env.GroupID) *host {
	w.t.Helper()
	var found *host
	w.until(func() bool {
		for _, h := range w.nodes {
			if *h.alive && h.node != nil && h.node.Ready() && found == nil {
				h.do(func() {
					h.node.ReadBarrier(group, time.Second, func(code engine.Code) {
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
	if d <= 0 && c.h.w.timersFirst && c.h.running {
		t := &dueTimer{f: f}
		c.h.due = append(c.h.due, t.fire)
		return t
	}
	return c.h.w.k.After(d, func() { c.exec(f) })
}

// dueTimer fires within the turn that made it, unless it is stopped before.
type dueTimer struct{ f func() }

func (t *dueTimer) fire() {
	if f := t.f; f != nil {
		t.f = nil
		f()
	}
}

func (t *dueTimer) Stop() bool {
	waits := t.f != nil
	t.f = nil
	return waits
}

type network struct {
	env.Network
	h *host
}

func (n network) Send(to env.NodeID, lane env.Lane, frame []byte) {
	if watch := n.h.w.watch; watch != nil {
		watch(n.h.id, to, lane, frame)
	}
	n.Network.Send(to, lane, frame)
}

// drawn makes a stream of the simulator a source of bytes.
type drawn struct{ r *sim.Rand }

func (d drawn) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(d.r.Uint64())
	}
	return len(p), nil
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

// eachOther calls f for all hosts but one.
func (w *world) eachOther(than *host, f func(*host)) {
	for _, h := range w.nodes {
		if h != than {
			f(h)
		}
	}
}

// led lists the groups that a node leads.
func (h *host) led() []env.GroupID {
	var out []env.GroupID
	for _, p := range h.node.Metadata(nil).Partitions {
		if p.Leader == h.id {
			out = append(out, p.Group)
		}
	}
	return out
}

// restartAll crashes all nodes at once and starts them again.
func (w *world) restartAll() {
	for _, h := range w.nodes {
		h.crash()
	}
	for _, h := range w.nodes {
		h.start()
	}
}
