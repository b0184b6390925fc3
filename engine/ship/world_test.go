package ship_test

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/lockstep-log/lockstep/diskmodel"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/ship"
	"github.com/lockstep-log/lockstep/engine/wal"
	"github.com/lockstep-log/lockstep/engine/wire"
	"github.com/lockstep-log/lockstep/netmodel"
	"github.com/lockstep-log/lockstep/sim"
)

const (
	group = env.GroupID(7)
	dir   = "groups/7"
)

// small limits: many pieces, many saves.
var small = ship.Config{ChunkBytes: 300, StageSyncBytes: 1000, ChunkTimeout: 200 * time.Millisecond}

// tester is a *testing.T or a *rapid.T.
type tester interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// world is a few nodes that ship to each other, on the models.
type world struct {
	t     tester
	k     *sim.Kernel
	net   *netmodel.Net
	hosts []*host
}

// host is a machine; its processes come and go.
type host struct {
	w        *world
	id       env.NodeID
	disk     *diskmodel.Disk
	cfg      ship.Config
	files    map[string][]byte // of its replica; nil: it has none
	readErr  error
	reads    int
	received int64 // by processes that are gone
	suspects []string
	asked    []uint64 // ids of its fetches
	events   []env.Event
	p        *process
}

// process is one life of a host.
type process struct {
	h       *host
	tasks   *env.Tasks
	ship    *ship.Ship
	log     *wal.Log // a real replica in place of h.files
	env     env.Env
	network env.Network
	disk    env.Disk
	posted  []func()
	running bool
	dead    bool
}

func newWorld(t tester, seed uint64, nodes int, cfg ship.Config) *world {
	w := &world{t: t, k: sim.New(seed)}
	w.net = netmodel.New(w.k, netmodel.DefaultConfig())
	for i := range nodes {
		h := &host{w: w, id: env.NodeID(i + 1), disk: diskmodel.New(w.k, uint64(i+1), diskmodel.DefaultConfig()), cfg: cfg}
		w.hosts = append(w.hosts, h)
		h.boot()
		w.task(h, func(t *env.Task) {
			if err := errors.Join(t.Mkdir(h.p.disk, dir), t.SyncDir(h.p.disk, "groups"), t.SyncDir(h.p.disk, ".")); err != nil {
				w.t.Errorf("making the directory: %v", err)
			}
		})
	}
	return w
}

// host gives the machine with that node id.
func (w *world) host(id env.NodeID) *host { return w.hosts[id-1] }

func (h *host) boot() *process {
	p := &process{h: h, tasks: &env.Tasks{}}
	h.p = p
	p.network = h.w.net.Attach(h.id, p.exec)
	p.disk = h.disk.Mount(p.exec)
	e := env.Env{Clock: p, Network: p.network, Disk: p.disk, Tracer: p, Entropy: entropy{h.w.k.Rand("entropy", uint64(h.id))}}
	p.env = e
	p.ship = ship.New(e, p.tasks, h.cfg, p)
	p.network.Attach(p)
	return p
}

// end is what every end of a process does; the disk and the network are told apart.
func (p *process) end() {
	p.h.received += p.ship.Stats().ReceivedBytes
	p.dead = true
	p.tasks.Stop()
}

// crash ends the process, and with it unsynced bytes if mode says so.
func (h *host) crash(power bool, mode diskmodel.LossMode) {
	h.p.end()
	if power {
		h.w.net.PowerOff(h.id)
		h.disk.PowerLoss(mode)
	} else {
		h.w.net.Close(h.id)
		h.disk.Crash()
	}
}

type entropy struct{ r *sim.Rand }

func (e entropy) Uint64() uint64 { return e.r.Uint64() }

func (p *process) exec(f func()) {
	if p.dead {
		return
	}
	if p.running {
		p.h.w.t.Fatalf("a port called back inside a call")
	}
	p.run(f)
}

func (p *process) run(f func()) {
	p.running = true
	f()
	for len(p.posted) > 0 && !p.dead {
		f, p.posted = p.posted[0], p.posted[1:]
		f()
	}
	p.running = false
}

func (p *process) Monotonic() time.Duration { return time.Duration(p.h.w.k.Now()) }
func (p *process) Wall() int64              { return p.h.w.k.Now() }
func (p *process) Post(f func()) {
	if !p.running {
		p.h.w.k.After(0, func() { p.exec(f) })
		return
	}
	p.posted = append(p.posted, f)
}

func (p *process) AfterFunc(d time.Duration, f func()) env.Timer {
	return p.h.w.k.After(d, func() { p.exec(f) })
}
func (p *process) Trace(e env.Event) { p.h.events = append(p.h.events, e) }

func (p *process) Receive(from env.NodeID, _ env.Lane, b []byte) {
	f, err := wire.Decode(b)
	if err != nil {
		return
	}
	for _, m := range f.Messages {
		p.ship.Receive(from, m)
	}
}
func (p *process) PeerUp(env.NodeID)        {}
func (p *process) PeerDown(peer env.NodeID) { p.ship.PeerDown(peer) }

func (p *process) Send(to env.NodeID, m wire.Message) {
	if m.Own.Kind == wire.OwnFetch {
		p.h.asked = append(p.h.asked, m.Own.ID)
	}
	f := wire.Frame{Cluster: 1, From: p.h.id, To: to, Messages: []wire.Message{m}}
	p.network.Send(to, wire.LaneOf(m), wire.AppendFrame(nil, &f))
}

func (p *process) Local(g env.GroupID) (machine.Source, bool) {
	if p.log != nil {
		return p.log, g == group
	}
	return p.h, g == group && p.h.files != nil
}

func (p *process) Nodes(env.GroupID) []env.NodeID {
	var nodes []env.NodeID
	for _, h := range p.h.w.hosts {
		if h != p.h {
			nodes = append(nodes, h.id)
		}
	}
	return nodes
}
func (p *process) Replica(env.GroupID) env.ReplicaID  { return env.ReplicaID(100 + p.h.id) }
func (p *process) Suspect(_ env.GroupID, file string) { p.h.suspects = append(p.h.suspects, file) }

// ReadAt implements machine.Source for the host's replica.
func (h *host) ReadAt(file string, off int64, n int, done func([]byte, error)) {
	h.reads++
	b, ok := h.files[file]
	switch {
	case h.readErr != nil:
		done(nil, h.readErr)
	case !ok || off+int64(n) > int64(len(b)):
		done(nil, fmt.Errorf("%w: %s", env.ErrNotExist, file))
	default:
		h.p.AfterFunc(time.Millisecond, func() { done(b[off:off+int64(n)], nil) })
	}
}

// randomFiles makes files of those sizes.
func randomFiles(seed uint64, sizes ...int) map[string][]byte {
	rng := rand.New(rand.NewPCG(seed, 3))
	files := map[string][]byte{}
	for i, n := range sizes {
		b := make([]byte, n)
		for j := range b {
			b[j] = byte(rng.Uint32())
		}
		files[fmt.Sprintf("%04d.log", i)] = b
	}
	return files
}

func sum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

func info(name string, b []byte) machine.FileInfo {
	return machine.FileInfo{Name: name, Bytes: int64(len(b)), Sum: sum(b)}
}

// manifestOf describes files as a snapshot at an index.
func manifestOf(index uint64, files map[string][]byte) machine.Manifest {
	m := machine.Manifest{Checkpoint: machine.Checkpoint{ID: index, Index: index, Term: 3, Meta: []byte("meta")}, Body: []byte("body")}
	for name, b := range files {
		m.Files = append(m.Files, info(name, b))
	}
	slices.SortFunc(m.Files, func(a, b machine.FileInfo) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) })
	return m
}

// replicate gives all hosts from the second on the same files.
func (w *world) replicate(files map[string][]byte) {
	for _, h := range w.hosts[1:] {
		h.files = files
	}
}

// offer lets node 2 offer its files as a snapshot.
func (w *world) offer(index uint64) ship.Ref {
	w.t.Helper()
	ref, err := w.host(2).p.ship.Offer(group, manifestOf(index, w.host(2).files))
	if err != nil {
		w.t.Fatalf("offering: %v", err)
	}
	return ref
}

// outcome of a Stage or Fetch.
type outcome struct {
	staged *ship.Staged
	err    error
	done   int
}

func (o *outcome) take(g *ship.Staged, err error) { o.staged, o.err, o.done = g, err, o.done+1 }

// stage begins on node 1.
func (w *world) stage(ref ship.Ref, keep machine.StateMachine) *outcome {
	o := &outcome{}
	p := w.host(1).p
	p.exec(func() {
		p.ship.Stage(ref, dir, keep, 2, o.take)
		if o.done > 0 {
			w.t.Errorf("done was called inside of Stage")
		}
	})
	return o
}

func (w *world) fetch(f machine.FileInfo) *outcome {
	o := &outcome{}
	p := w.host(1).p
	p.exec(func() { p.ship.Fetch(group, dir, f, o.take) })
	return o
}

// until drives the world; it fails the test after much virtual time.
func (w *world) until(cond func() bool) {
	w.t.Helper()
	if !w.within(10*time.Minute, cond) {
		w.t.Fatalf("nothing more happens")
	}
}

func (w *world) within(d time.Duration, cond func() bool) bool {
	for end := w.k.Now() + int64(d); !cond(); {
		if at, ok := w.k.Next(); !ok || at > end {
			return false
		}
		w.k.Step()
	}
	return true
}

func (w *world) pass(d time.Duration) { w.k.Run(w.k.Now() + int64(d)) }

// mustStage stages and compares.
func (w *world) mustStage(ref ship.Ref, files map[string][]byte) *outcome {
	w.t.Helper()
	o := w.stage(ref, nil)
	w.until(func() bool { return o.done > 0 })
	w.check(o, files)
	return o
}

// check holds what is staged against the files: byte for byte, and durable.
func (w *world) check(o *outcome, files map[string][]byte) {
	w.t.Helper()
	if o.err != nil || o.done != 1 {
		w.t.Fatalf("done %d times, error %v", o.done, o.err)
	}
	if len(o.staged.Manifest.Files) != len(files) {
		w.t.Fatalf("%d files, want %d", len(o.staged.Manifest.Files), len(files))
	}
	for _, f := range o.staged.Manifest.Files {
		name := dir + "/stage.file." + f.Name
		b, ok := w.host(1).disk.ReadRaw(name)
		if !ok || !bytes.Equal(b, files[f.Name]) {
			w.t.Fatalf("%s differs from the source's: %d bytes, want %d", f.Name, len(b), len(files[f.Name]))
		}
		if !w.host(1).disk.Durable(name, 0, int64(len(b))) {
			w.t.Fatalf("%s is not durable", f.Name)
		}
	}
}

// task runs straight-line work on a host.
func (w *world) task(h *host, body func(t *env.Task)) {
	w.t.Helper()
	done := false
	h.p.exec(func() { h.p.tasks.Go("test", func(t *env.Task) { body(t); done = true }) })
	w.until(func() bool { return done })
}

// leftovers lists what is staged on node 1.
func (w *world) leftovers() []string {
	var names []string
	for _, name := range w.host(1).disk.Files() {
		names = append(names, name[len(dir)+1:])
	}
	return names
}
