package cluster

import (
	"fmt"
	"runtime/debug"
	"time"

	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/sim"
)

// process is one incarnation of a node: everything that a crash ends. Each
// callback of each of its ports comes through exec, which is its event loop.
//
// Invariants:
//  1. Nothing of the engine runs while running is false, or after dead.
//  2. While the host is paused nothing runs; what fires waits, in order.
//  3. Before each turn crypto/rand.Reader is keyed by (seed, node, incarnation,
//     turn), so raft's election timeouts depend on nothing else.
type process struct {
	c           *Cluster
	host        *host
	incarnation uint64
	origin      int64  // what the host's clock showed when it began
	key         uint64 // of crypto/rand.Reader, with turn
	turn        uint64

	node       *engine.Node // nil while formatting
	formatting *env.Tasks
	ready      bool
	failed     error // it stopped itself
	stopping   bool  // it was asked to stop
	dead       bool
	running    bool

	waiting []func() // fired while paused
	iced    []*timer // due while the clock stood still
	posted  []func()
	// gathering: the end of a turn is planned.
	gathering bool
	calls     []*taken // clients' requests it has not answered

	members []*member // by group id - 1; nil where it holds no replica
	buf     []byte    // of the tracer
}

// exec runs a callback on the process' loop, now, later, or never.
func (p *process) exec(f func()) {
	switch {
	case p.dead:
	case p.host.paused > 0:
		p.waiting = append(p.waiting, f)
	case p.running:
		panic("cluster: a port called back inside a call")
	default:
		p.run(f)
	}
}

// run is one turn of the loop: the callback, then everything posted. With
// Engine.TurnNs the posted functions wait for other events to share the turn.
func (p *process) run(f func()) {
	p.turn++
	p.c.entropy.aim(p.key, p.turn)
	p.running = true
	defer p.landed()
	f()
	if p.c.schedule.Engine.TurnNs == 0 {
		p.drain()
	} else if len(p.posted) > 0 && !p.gathering {
		p.gathering = true
		p.c.k.After(time.Duration(p.c.schedule.Engine.TurnNs), p.turnOver)
	}
}

// turnOver ends a turn that gathered events.
func (p *process) turnOver() {
	p.exec(func() {
		p.gathering = false
		p.drain()
	})
}

// drain runs posted functions until there are none.
func (p *process) drain() {
	for i := 0; i < len(p.posted) && !p.dead; i++ {
		p.posted[i]()
	}
	clear(p.posted)
	p.posted = p.posted[:0]
}

// landed ends a turn. A panic of the engine ends the process, and the run goes
// on: it is the finding, not the simulator's death.
func (p *process) landed() {
	p.running = false
	p.c.entropy.rest()
	r := recover()
	if r == nil {
		return
	}
	p.posted = nil
	p.c.violate(oracleCrash, fmt.Sprintf("node %d panicked: %v", p.host.id, r))
	p.c.mark(Mark{Kind: MarkPanic, Node: uint64(p.host.id), Text: fmt.Sprintf("%v\n%s", r, debug.Stack())})
	p.failed = errPanicked
	p.c.k.After(0, func() { p.host.bury(p) })
}

// resume runs what waited, as the turns of a loop that finds its queue full.
func (p *process) resume() {
	waiting := p.waiting
	p.waiting = nil
	for i, f := range waiting {
		if p.dead {
			return
		}
		if p.host.paused > 0 {
			p.waiting = append(p.waiting, waiting[i:]...)
			return
		}
		p.run(f)
	}
}

// kill ends the process: nothing of it runs afterwards.
func (p *process) kill() {
	p.dead = true
	p.waiting, p.posted = nil, nil
	if p.formatting != nil {
		p.formatting.Stop()
	}
	if p.node == nil {
		return
	}
	defer func() {
		if r := recover(); r != nil {
			p.c.violate(oracleCrash, fmt.Sprintf("node %d panicked when killed: %v", p.host.id, r))
		}
	}()
	p.c.entropy.aim(p.key, p.turn+1)
	p.node.Kill()
	p.c.entropy.rest()
}

// world is what the engine is given.
func (p *process) world() env.Env {
	return env.Env{
		Clock:   (*clock)(p),
		Network: p.c.attach(p),
		Disk:    p.host.disk.Mount(p.exec),
		Tracer:  (*tracer)(p),
		Entropy: p.c.k.Rand("engine", sim.Mix(uint64(p.host.id), p.incarnation)),
	}
}
