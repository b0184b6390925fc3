package cluster

import (
	"errors"
	"fmt"
	"time"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/diskmodel"
	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/netmodel"
	"github.com/lockstep-log/lockstep/sim"
)

var errPanicked = errors.New("it panicked")

// host is a machine: a disk and clocks that survive, and at most one process.
// Faults overlap, so what they hold is counted, and only the last release undoes.
type host struct {
	c       *Cluster
	id      env.NodeID
	disk    *diskmodel.Disk
	home    *diskmodel.Disk // the one that it was formatted with
	process *process        // nil: down
	boots   uint64

	down    int   // faults that want it down
	resting bool  // stopped itself; the supervisor waits
	silent  bool  // went down without a word: a power loss
	paused  int   // faults that pause it
	lastErr error // why it stopped itself last

	clock  hostClock
	drifts []*Fault // in force
	frozen int      // faults that stop its clock

	diskFaults
	damage damage
	blank  bool // its disk was lost, and nobody has formatted the new one
	reborn bool // it was formatted again
	// attended: an operator sees to it that a blank disk is formatted.
	attended bool
	orders   []*order

	asked []*asked // by clients, and not answered

	written []extent // handed to the disk, perhaps not durable yet
	tail    tail     // of the journal

	operations uint64 // that changed its disk, since the load began

	armed []armed // faults that wait for something to happen here

	reported []engine.PartitionStatus // what its node says, cached for one look
}

// armed is a fault that begins at an event of its kind on the host.
type armed struct {
	on    string
	left  int // so many such events are to come, the last one begins it
	begin func()
}

func newHost(c *Cluster, id env.NodeID) *host {
	draw := c.k.Rand("clock", uint64(id))
	spread, drift := c.schedule.Clock.WallSpreadNs, c.schedule.Clock.DriftPPM
	disk := diskmodel.New(c.k, uint64(id), c.diskConfig())
	h := &host{c: c, id: id, disk: disk, home: disk}
	h.clock.wallOffset = draw.Between(-spread, spread)
	h.clock.ownPPM = draw.Between(-drift, drift)
	h.clock.ppm = h.clock.ownPPM
	return h
}

// boot makes a process without an engine in it.
func (h *host) boot() *process {
	p := &process{c: h.c, host: h, incarnation: h.boots, origin: h.clock.local(h.c.k.Now())}
	p.key = sim.Mix(h.c.k.Seed(), uint64(h.id), h.boots)
	p.members = h.c.membersOf(p)
	h.boots++
	h.process = p
	h.refusals = h.disk.Stats().Errors
	h.disk.Observe(h.stepped)
	h.silent = false
	return p
}

// format makes the data directory, then calls done.
func (h *host) format(done func(error)) { h.formatAs(engine.FormatFirst, done) }

func (h *host) formatAs(mode engine.FormatMode, done func(error)) {
	p := h.boot()
	tasks := new(env.Tasks)
	p.formatting = tasks
	world, cfg := p.world(), h.c.engineConfig(h.id)
	p.exec(func() {
		tasks.Go("format", func(t *env.Task) { done(engine.Format(t, world, cfg, mode)) })
	})
}

// start boots the engine on whatever the disk holds.
func (h *host) start() {
	p := h.boot()
	world, cfg := p.world(), h.c.engineConfig(h.id)
	h.c.probes.started(uint64(h.id), h.disk.Files())
	h.trigger(OnStart)
	p.exec(func() {
		node := engine.Start(world, cfg, engine.Events{
			Ready:  func() { h.ready(p) },
			Failed: func(err error) { h.failed(p, err) },
		})
		p.node = node
	})
}

func (h *host) ready(p *process) {
	p.ready = true
	h.c.mark(Mark{Kind: MarkServes, Node: uint64(h.id), Term: p.incarnation})
	h.c.monitor.ObserveHosted(h.hosted())
	h.c.reassess()
}

// hosted is what the node says that it holds.
func (h *host) hosted() checker.Hosted {
	out := checker.Hosted{AtNs: h.c.k.Now(), Node: uint64(h.id)}
	h.reported = nil
	for _, g := range h.c.groups {
		if h.status(g.id).State != "" {
			out.Groups = append(out.Groups, uint64(g.id))
		}
	}
	h.reported = nil
	return out
}

// failed: the node stopped itself. The supervisor sees the process end and
// starts it again a little later.
func (h *host) failed(p *process, err error) {
	h.c.lookAtAll()
	p.failed = err
	if !h.refused() && !h.damage.node && !h.foreign {
		h.c.violate(oracleCrash, fmt.Sprintf("node %d stopped itself although nothing was done to it: %v", h.id, err))
	}
	h.c.mark(Mark{Kind: MarkStopped, Node: uint64(h.id), Text: err.Error()})
	h.c.k.After(0, func() { h.bury(p) })
}

// bury ends a process that failed and arranges for its return.
func (h *host) bury(p *process) {
	if h.process != p {
		return
	}
	h.lastErr = p.failed
	h.c.count.selfStops++
	h.crash()
	h.resting = true
	h.c.k.After(time.Duration(h.c.schedule.Engine.RestartNs), func() {
		h.resting = false
		h.revive()
	})
}

// revive starts the node unless something wants it down.
func (h *host) revive() {
	switch {
	case h.process != nil || h.down > 0 || h.resting || h.c.over:
	case h.blank && h.attended && !h.foreign:
		h.replaceDisk()
	default:
		h.c.count.restarts++
		h.start()
	}
}

// crash ends the process alone: the operating system closes its connections
// and keeps what was written.
func (h *host) crash() {
	p := h.process
	if p == nil {
		return
	}
	h.endProcess()
	h.disk.Crash()
	h.c.net.Close(h.id)
	h.c.reset(p)
	h.c.reassess()
}

// powerLoss ends the machine, also one whose process is down already.
func (h *host) powerLoss(mode diskmodel.LossMode) diskmodel.LossReport {
	h.silent = true
	h.c.probes.losesPower(uint64(h.id))
	h.endProcess()
	h.disk.Crash()
	before := h.unsyncedBytes()
	report := h.disk.PowerLoss(mode)
	h.reportLost(before)
	h.c.net.PowerOff(h.id)
	h.c.reassess()
	return report
}

// endProcess kills what runs, if anything does, and tells the oracles.
func (h *host) endProcess() {
	if p := h.process; p != nil {
		h.process = nil
		p.kill()
		h.c.feed(checker.Event{Kind: checker.EventCrashed, Node: uint64(h.id)})
	}
}

// serves tells whether requests reach a working engine.
func (h *host) serves() bool {
	p := h.process
	return p != nil && p.ready && p.failed == nil && !p.stopping
}

// awake is serves, and the loop turns.
func (h *host) awake() bool { return h.serves() && h.paused == 0 }

// refused tells whether the disk has given the process an error.
func (h *host) refused() bool { return h.disk.Stats().Errors > h.refusals }

// addr is the host's address in the network.
func (h *host) addr() netmodel.Addr { return netmodel.Addr(h.id) }
