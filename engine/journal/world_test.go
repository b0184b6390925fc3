package journal_test

import (
	"math/rand/v2"
	"slices"
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
	dying   bool // the process ends before its next step
	disk    platter
	syncs   int // of journal files
	dirty   int // syncs under way
	maxSync int // most syncs under way at once
	fault   func(op, name string) error
	hold    func(op, name string) bool        // keeps an operation waiting
	bad     func(name string, off int64) bool // sectors that cannot be read
	events  []env.Event
	tasks   *env.Tasks
}

type timer struct {
	at   time.Duration
	f    func()
	done bool
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
	w.crashed = w.crashed || w.dying
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
	w.posted, w.timers, w.queues, w.crashed, w.dying, w.crashAt, w.dirty = nil, nil, nil, false, false, -1, 0
	w.fault, w.hold, w.bad = nil, nil, nil
}
