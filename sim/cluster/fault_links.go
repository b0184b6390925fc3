package cluster

import (
	"cmp"
	"slices"
	"time"

	"github.com/lockstep-log/lockstep/netmodel"
	"github.com/lockstep-log/lockstep/sim"
)

func (c *Cluster) beginRing(f *Fault, targets []*host) { c.ring(f, targets, +1) }
func (c *Cluster) endRing(f *Fault, targets []*host)   { c.ring(f, targets, -1) }

// ring cuts every link between targets that are no neighbours, in the order of
// their numbers. With five nodes each still sees a majority, and no two see the
// same one.
func (c *Cluster) ring(f *Fault, targets []*host, by int) {
	around := slices.SortedFunc(slices.Values(targets), func(a, b *host) int { return cmp.Compare(a.id, b.id) })
	n := len(around)
	for i, from := range around {
		for k, to := range around {
			next, before := (i+1)%n == k, (k+1)%n == i
			switch {
			case from == to, next && f.Direction != DirectionIn, before && f.Direction != DirectionOut:
			default:
				c.cut(from.addr(), to.addr(), by)
			}
		}
	}
}

func (c *Cluster) beginBridge(f *Fault, targets []*host) { c.bridge(f, targets, +1) }
func (c *Cluster) endBridge(f *Fault, targets []*host)   { c.bridge(f, targets, -1) }

// bridge cuts the nodes that are no targets into two halves.
func (c *Cluster) bridge(f *Fault, targets []*host, by int) {
	var others []*host
	for _, h := range c.hosts {
		if !slices.Contains(targets, h) {
			others = append(others, h)
		}
	}
	draw := sim.NewRand(c.schedule.Seed, "bridge", uint64(f.AtNs))
	draw.Shuffle(len(others), func(i, k int) { others[i], others[k] = others[k], others[i] })
	half := len(others) / 2
	for _, a := range others[:half] {
		for _, b := range others[half:] {
			c.cut(a.addr(), b.addr(), by)
			c.cut(b.addr(), a.addr(), by)
		}
	}
}

// minPeriod bounds how fast a partition flaps, in nanoseconds.
const minPeriod = int64(10 * time.Millisecond)

// flapping is a partition that comes and goes.
type flapping struct {
	fault   *Fault
	targets []*host
	cut     bool
	timer   sim.Timer
}

func (c *Cluster) beginFlap(f *Fault, targets []*host) {
	fl := &flapping{fault: f, targets: targets}
	c.flapping = append(c.flapping, fl)
	c.flap(fl)
}

// flap cuts, or heals, and plans the opposite.
func (c *Cluster) flap(fl *flapping) {
	fl.cut = !fl.cut
	by := -1
	if fl.cut {
		by = +1
	}
	c.lookAtAll()
	c.partition(fl.fault, fl.targets, by)
	c.reassess()
	fl.timer = c.k.After(time.Duration(fl.fault.PeriodNs/2), func() { c.flap(fl) })
}

func (c *Cluster) endFlap(f *Fault, targets []*host) {
	for i, fl := range c.flapping {
		if fl.fault == f && slices.Equal(fl.targets, targets) {
			fl.timer.Stop()
			if fl.cut {
				c.partition(f, targets, -1)
			}
			c.flapping = slices.Delete(c.flapping, i, i+1)
			return
		}
	}
}

// beginReset breaks connections once: nothing is left to be undone.
func (c *Cluster) beginReset(f *Fault, targets []*host) {
	c.between(targets, func(t, o *host) {
		c.link(t.addr(), o.addr()).resetAt, c.link(o.addr(), t.addr()).resetAt = c.k.Now(), c.k.Now()
		c.net.Reset(t.addr(), o.addr())
	})
	if !f.Clients {
		return
	}
	for _, t := range targets {
		for n := range c.clients() {
			c.net.Reset(clientAddr(n), t.addr())
		}
		c.broke(t)
		if t.process != nil {
			c.reset(t.process)
		}
	}
}

func (c *Cluster) beginClog(f *Fault, targets []*host) {
	until := c.k.Now() + f.ForNs
	c.clogged(f, targets, func(from, to netmodel.Addr) {
		l := c.link(from, to)
		l.clogs++
		l.worse = append(l.worse, f)
		c.net.Clog(from, to, until)
	})
}

func (c *Cluster) endClog(f *Fault, targets []*host) {
	c.clogged(f, targets, func(from, to netmodel.Addr) {
		l := c.link(from, to)
		l.clogs--
		l.forget(f)
		if l.clogs == 0 {
			c.net.Unclog(from, to)
		}
	})
}

// clogged calls act for each direction that a clog holds.
func (c *Cluster) clogged(f *Fault, targets []*host, act func(from, to netmodel.Addr)) {
	c.between(targets, func(t, o *host) {
		if f.Direction != DirectionIn {
			act(t.addr(), o.addr())
		}
		if f.Direction != DirectionOut {
			act(o.addr(), t.addr())
		}
	})
}
