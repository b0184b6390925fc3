package journal_test

import (
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
)

// world is a machine for tests: a loop, a disk with what is cached apart from
// what is durable, and processes that come and go.
type world struct {
	tb      tester
	rng     *rand.Rand
	posted  []func()
	timers  []*timer
	now     time.Duration
	queues  []*ioQueue // one for directories, one a file
	process int        // callbacks of an earlier process are dropped
	steps   int        // operations carried out
	crashAt int        // crash before this operation; -1: never
	crashed bool
	disk    platter
	syncs   int // of journal files
	dirty   int // syncs under way
	maxSync int // most syncs under way at once
	fault   func(op, name string) error
	hold    func(op, name string) bool // keeps an operation waiting
	events  []env.Event
	tasks   *env.Tasks
}

type timer struct {
	at   time.Duration
	f    func()
	done bool
}

// platter is what survives the process: inodes, and the directory.
type platter struct {
	names   map[string]*inode // as cached
	durable map[string]*inode
	dirs    map[string]bool
	pending []func(map[string]*inode) // directory changes since the last SyncDir
}

type inode struct {
	cache, durable []byte
	changes        []change
}

type change struct {
	off  int64
	data []byte
	size int64 // of a truncation; -1 for a write
}

type ioQueue struct{ ops []ioOp }

type ioOp struct {
	op   string
	name func() string
	do   func()
}

// tester is a *testing.T or a *rapid.T.
type tester interface {
	Helper()
	Error(args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

func newWorld(tb tester, seed uint64) *world {
	return &world{
		tb: tb, rng: rand.New(rand.NewPCG(seed, 1)), crashAt: -1, tasks: &env.Tasks{},
		disk: platter{names: map[string]*inode{}, durable: map[string]*inode{}, dirs: map[string]bool{".": true}},
	}
}

func (w *world) env() env.Env {
	p := &process{w, w.process}
	return env.Env{Clock: p, Disk: &disk{p, &ioQueue{}}, Tracer: p, Entropy: w.rng}
}

// process is what one process sees of the world.
type process struct {
	w  *world
	id int
}

func (p *process) alive() bool              { return p.id == p.w.process && !p.w.crashed }
func (p *process) Monotonic() time.Duration { return p.w.now }
func (p *process) Wall() int64              { return int64(p.w.now) }
func (p *process) Post(f func()) {
	p.w.posted = append(p.w.posted, func() {
		if p.alive() {
			f()
		}
	})
}

func (p *process) AfterFunc(d time.Duration, f func()) env.Timer {
	t := &timer{at: p.w.now + d, f: func() {
		if p.alive() {
			f()
		}
	}}
	p.w.timers = append(p.w.timers, t)
	return t
}

func (t *timer) Stop() bool {
	was := !t.done
	t.done = true
	return was
}

func (p *process) Trace(e env.Event) {
	e.Set = slices.Clone(e.Set)
	p.w.events = append(p.w.events, e)
}

// step does one thing: a posted function, else an operation of a queue drawn at
// random, else the next timer. It reports false when nothing is left.
func (w *world) step() bool {
	switch {
	case w.crashed:
		return false
	case len(w.posted) > 0:
		f := w.posted[0]
		w.posted = w.posted[1:]
		f()
		return true
	}
	w.queues = slices.DeleteFunc(w.queues, func(q *ioQueue) bool { return len(q.ops) == 0 })
	if ready := w.ready(); len(ready) > 0 {
		if w.steps == w.crashAt {
			w.crashed = true
			return false
		}
		w.steps++
		q := ready[w.rng.IntN(len(ready))]
		op := q.ops[0]
		q.ops = q.ops[1:]
		op.do()
		return true
	}
	w.timers = slices.DeleteFunc(w.timers, func(t *timer) bool { return t.done })
	if len(w.timers) == 0 {
		return false
	}
	next := slices.MinFunc(w.timers, func(a, b *timer) int { return int(a.at - b.at) })
	next.done, w.now = true, max(w.now, next.at)
	next.f()
	return true
}

// ready gives the queues whose first operation is not held.
func (w *world) ready() []*ioQueue {
	if w.hold == nil {
		return w.queues
	}
	return slices.DeleteFunc(slices.Clone(w.queues), func(q *ioQueue) bool { return w.hold(q.ops[0].op, q.ops[0].name()) })
}

// run runs until cond holds; it fails the test if that never happens, unless
// the process crashed.
func (w *world) run(cond func() bool) bool {
	w.tb.Helper()
	for !cond() {
		if !w.step() {
			if w.crashed {
				return false
			}
			w.tb.Fatalf("nothing left to do and the condition does not hold")
		}
	}
	return true
}

// settle runs until nothing is left to do.
func (w *world) settle() {
	for w.step() {
	}
}

// await runs body as a task to its end; false: the process crashed.
func (w *world) await(body func(t *env.Task)) bool {
	w.tb.Helper()
	done := false
	w.tasks.Go("test", func(t *env.Task) { body(t); done = true })
	return w.run(func() bool { return done })
}

// kill ends the process. What it asked of the disk and was not carried out is
// lost; what was stays readable.
func (w *world) kill() {
	w.process++
	w.tasks.Stop()
	w.tasks = &env.Tasks{}
	w.posted, w.timers, w.queues, w.crashed, w.crashAt, w.dirty = nil, nil, nil, false, -1, 0
	w.fault, w.hold = nil, nil
}

type loss int

const (
	keepAll loss = iota
	loseAll
	keepPrefix
	keepSubset
	tornSector
	keepLatest // of the directory's changes only the latest, of the files' none
	losses
)

func (l loss) String() string {
	return [...]string{"keep-all", "lose-all", "keep-prefix", "keep-subset", "torn-sector", "keep-latest"}[l]
}

// powerLoss ends the process and the caches.
func (w *world) powerLoss(l loss) {
	w.kill()
	d := &w.disk
	prefix := w.rng.IntN(len(d.pending) + 1)
	for i, apply := range d.pending {
		var kept bool
		switch l {
		case keepAll:
			kept = true
		case keepPrefix:
			kept = i < prefix
		case keepSubset, tornSector:
			kept = w.rng.IntN(2) == 0
		case keepLatest:
			kept = i == len(d.pending)-1
		}
		if kept {
			apply(d.durable)
		}
	}
	d.pending = nil
	d.names = maps.Clone(d.durable)
	for _, name := range slices.Sorted(maps.Keys(d.names)) {
		d.names[name].lose(l, w.rng)
	}
}

// crash ends the process; a loss below 0 is a crash of the process alone.
func (w *world) crash(l loss) {
	if l < 0 {
		w.kill()
	} else {
		w.powerLoss(l)
	}
}

// lose decides what of the unsynced changes reached the platter.
func (n *inode) lose(l loss, rng *rand.Rand) {
	prefix := 0
	if len(n.changes) > 0 {
		prefix = rng.IntN(len(n.changes) + 1)
	}
	for i, c := range n.changes {
		switch {
		case l == keepAll, l == keepPrefix && i < prefix, l == keepSubset && c.size >= 0:
			n.durable = c.apply(n.durable)
		case l == keepPrefix && i == prefix, l == tornSector && i == len(n.changes)-1:
			if c.size < 0 {
				c.data = c.data[:rng.IntN(len(c.data)+1)]
			}
			n.durable = c.apply(n.durable)
		case l == keepSubset || l == tornSector:
			for off := 0; off < len(c.data); off += 512 {
				if rng.IntN(2) == 0 {
					part := change{off: c.off + int64(off), data: c.data[off:min(off+512, len(c.data))], size: -1}
					n.durable = part.apply(n.durable)
				}
			}
		}
		if l == keepPrefix && i == prefix {
			break
		}
	}
	n.changes, n.cache = nil, slices.Clone(n.durable)
}

func (c change) apply(b []byte) []byte {
	size := c.size
	if size < 0 {
		size = max(int64(len(b)), c.off+int64(len(c.data)))
	}
	if int64(len(b)) < size {
		b = append(b, make([]byte, size-int64(len(b)))...)
	}
	if c.size >= 0 {
		return b[:size]
	}
	copy(b[c.off:], c.data)
	return b
}

// disk implements env.Disk for one process.
type disk struct {
	p *process
	q *ioQueue
}

func (w *world) push(p *process, q *ioQueue, op string, name func() string, act func(err error)) {
	if !p.alive() {
		return
	}
	q.ops = append(q.ops, ioOp{op, name, func() {
		if !p.alive() {
			return
		}
		var err error
		if w.fault != nil {
			err = w.fault(op, name())
		}
		if p.alive() {
			act(err)
		}
	}})
	if !slices.Contains(w.queues, q) {
		w.queues = append(w.queues, q)
	}
}

func (d *disk) do(op, name string, act func() error, done func(error)) {
	d.p.w.push(d.p, d.q, op, func() string { return name }, func(err error) {
		if err == nil {
			err = act()
		}
		done(err)
	})
}

func (d *disk) change(apply func(map[string]*inode)) {
	apply(d.p.w.disk.names)
	d.p.w.disk.pending = append(d.p.w.disk.pending, apply)
}

func (d *disk) Open(name string, mode env.OpenMode, done func(env.File, error)) {
	var f *handle
	d.do("open", name, func() error {
		n := d.p.w.disk.names[name]
		switch {
		case n == nil && mode == env.OpenExisting:
			return env.ErrNotExist
		case n != nil && mode == env.OpenNew:
			return env.ErrExist
		case n == nil:
			n = &inode{}
			d.change(func(m map[string]*inode) { m[name] = n })
		}
		f = &handle{p: d.p, q: &ioQueue{}, n: n}
		return nil
	}, func(err error) {
		if err != nil {
			done(nil, err)
			return
		}
		done(f, nil)
	})
}

func (d *disk) Rename(from, to string, done func(error)) {
	d.do("rename", from, func() error {
		n := d.p.w.disk.names[from]
		if n == nil {
			return env.ErrNotExist
		}
		d.change(func(m map[string]*inode) {
			if m[from] == n {
				delete(m, from)
			}
			m[to] = n
		})
		return nil
	}, done)
}

func (d *disk) Remove(name string, done func(error)) {
	d.do("remove", name, func() error {
		if d.p.w.disk.names[name] == nil {
			return env.ErrNotExist
		}
		d.change(func(m map[string]*inode) { delete(m, name) })
		return nil
	}, done)
}

func (d *disk) Mkdir(dir string, done func(error)) {
	d.do("mkdir", dir, func() error { d.p.w.disk.dirs[dir] = true; return nil }, done)
}

func (d *disk) List(dir string, done func([]string, error)) {
	var names []string
	d.do("list", dir, func() error {
		if !d.p.w.disk.dirs[dir] {
			return env.ErrNotExist
		}
		for _, name := range slices.Sorted(maps.Keys(d.p.w.disk.names)) {
			if rest, ok := strings.CutPrefix(name, dir+"/"); ok {
				names = append(names, rest)
			}
		}
		return nil
	}, func(err error) { done(names, err) })
}

func (d *disk) SyncDir(dir string, done func(error)) {
	d.do("syncdir", dir, func() error {
		s := &d.p.w.disk
		for _, apply := range s.pending {
			apply(s.durable)
		}
		s.pending = nil
		return nil
	}, done)
}

// handle implements env.File.
type handle struct {
	p      *process
	q      *ioQueue
	n      *inode
	closed bool
}

func (f *handle) Name() string {
	for name, n := range f.p.w.disk.names {
		if n == f.n {
			return name
		}
	}
	return ""
}

func (f *handle) do(op string, act func() error, done func(error)) {
	closed := f.closed
	f.p.w.push(f.p, f.q, op, f.Name, func(err error) {
		if closed {
			err = env.ErrClosed
		}
		if err == nil {
			err = act()
		}
		done(err)
	})
}

func (f *handle) change(c change) {
	f.n.cache = c.apply(f.n.cache)
	f.n.changes = append(f.n.changes, c)
}

func (f *handle) WriteAt(p []byte, off int64, done func(error)) {
	was := slices.Clone(p)
	f.do("write", func() error {
		if !slices.Equal(was, p) {
			panic("bytes changed while the disk owned them")
		}
		f.change(change{off: off, data: was, size: -1})
		return nil
	}, done)
}

func (f *handle) ReadAt(p []byte, off int64, done func(int, error)) {
	n := 0
	f.do("read", func() error {
		if off < int64(len(f.n.cache)) {
			n = copy(p, f.n.cache[off:])
		}
		if n < len(p) {
			return io.EOF
		}
		return nil
	}, func(err error) { done(n, err) })
}

func (f *handle) Truncate(size int64, done func(error)) {
	f.do("truncate", func() error { f.change(change{size: size}); return nil }, done)
}

func (f *handle) Size(done func(int64, error)) {
	f.do("size", func() error { return nil }, func(err error) { done(int64(len(f.n.cache)), err) })
}

// Sync loses what it covers if a fault makes it fail.
func (f *handle) Sync(done func(error)) {
	w := f.p.w
	mine := 0
	if strings.Contains(f.Name(), "/j-") {
		mine = 1
	}
	w.dirty += mine
	w.maxSync = max(w.maxSync, w.dirty)
	w.push(f.p, f.q, "sync", f.Name, func(err error) {
		w.dirty -= mine
		w.syncs += mine
		if err == nil {
			for _, c := range f.n.changes {
				f.n.durable = c.apply(f.n.durable)
			}
		}
		f.n.changes = nil
		done(err)
	})
}

func (f *handle) Close() { f.closed = true }

// name finds the only file of the journal whose name ends so.
func (w *world) file(suffix string) *inode {
	for _, name := range slices.Sorted(maps.Keys(w.disk.names)) {
		if strings.HasSuffix(name, suffix) {
			return w.disk.names[name]
		}
	}
	panic(fmt.Sprintf("no file ends in %q", suffix))
}

// rot flips a byte on the platter and in the cache.
func (n *inode) rot(off int64) {
	n.durable[off] ^= 0x40
	n.cache[off] ^= 0x40
}
