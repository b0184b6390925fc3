package cluster

import (
	"time"

	"github.com/lockstep-log/lockstep/sim"
)

// activeFault is a fault that has begun and was not yet undone.
type activeFault struct {
	fault   *Fault
	targets []*host
	over    bool
}

// plan puts the schedule's faults into the queue, counted from now.
func (c *Cluster) plan() {
	for i := range c.schedule.Faults {
		f := &c.schedule.Faults[i]
		c.k.After(time.Duration(f.AtNs), func() { c.fire(f) })
	}
}

// fire begins a fault, or arms its targets if it waits for an event.
func (c *Cluster) fire(f *Fault) {
	if c.healed {
		return
	}
	targets := c.targets(f)
	if len(targets) == 0 {
		c.count.skipped++
		return
	}
	if f.On == "" {
		c.begin(f, targets)
		return
	}
	for _, h := range targets {
		h.armed = append(h.armed, armed{f.On, func() {
			c.k.After(time.Duration(f.DelayNs), func() { c.begin(f, []*host{h}) })
		}})
	}
}

// begin applies a fault now and plans its end.
func (c *Cluster) begin(f *Fault, targets []*host) {
	if c.healed {
		return
	}
	kind := kinds[f.Kind]
	c.faults[f.Kind]++
	c.recordFault(f, targets, 0)
	c.mark(Mark{Kind: MarkFault, Text: f.text(ids(targets)), Nodes: ids(targets)})
	c.lookAtAll()
	c.probes.began(f, ids(targets))
	kind.begin(c, f, targets)
	c.reassess()
	if kind.end == nil {
		return
	}
	a := &activeFault{fault: f, targets: targets}
	c.active = append(c.active, a)
	c.k.After(time.Duration(f.ForNs), func() { c.undo(a) })
}

// undo ends a fault once.
func (c *Cluster) undo(a *activeFault) {
	if a.over {
		return
	}
	a.over = true
	c.recordFault(a.fault, a.targets, 1)
	c.probes.ended(a.fault, ids(a.targets))
	if !c.healed {
		c.mark(Mark{Kind: MarkOver, Text: a.fault.title(ids(a.targets)) + " is over", Nodes: ids(a.targets)})
	}
	kinds[a.fault.Kind].end(c, a.fault, a.targets)
	c.reassess()
}

// heal ends the first phase: every fault is undone, every node started.
func (c *Cluster) heal() {
	c.healed = true
	for _, a := range c.active {
		c.undo(a)
	}
	c.active = nil
	for _, h := range c.hosts {
		h.armed = nil
		h.revive()
	}
	c.healedNs = c.k.Now()
	c.mark(Mark{Kind: MarkHealed})
}

func (c *Cluster) recordFault(f *Fault, targets []*host, phase uint64) {
	for _, h := range targets {
		c.k.Record(sim.KindFault, uint64(h.id), phase, uint64(f.AtNs), []byte(f.Kind))
	}
}

// targets resolves whom a fault strikes.
func (c *Cluster) targets(f *Fault) []*host {
	if len(f.Nodes) > 0 {
		targets := make([]*host, 0, len(f.Nodes))
		for _, n := range f.Nodes {
			targets = append(targets, c.hosts[n-1])
		}
		return targets
	}
	if f.Role == RoleAll {
		return c.hosts
	}
	g := c.groups[max(f.Group, 1)-1]
	leader := g.leaderHost()
	followers := c.followers(g, leader, uint64(f.AtNs))
	count := max(f.Count, 1)
	if f.Role == RoleFollower {
		return followers[:min(count, len(followers))]
	}
	if leader == nil {
		return nil
	}
	return append([]*host{leader}, followers[:min(count-1, len(followers))]...)
}

// followers gives a group's other nodes that are up, in an order that is keyed
// by the fault alone, so that it does not move when other faults come and go.
func (c *Cluster) followers(g *group, leader *host, key uint64) []*host {
	var up []*host
	for _, m := range g.members {
		if m.host != leader && m.host.process != nil {
			up = append(up, m.host)
		}
	}
	draw := sim.NewRand(c.schedule.Seed, "fault", key)
	draw.Shuffle(len(up), func(i, j int) { up[i], up[j] = up[j], up[i] })
	return up
}

func ids(targets []*host) []uint64 {
	nodes := make([]uint64, len(targets))
	for i, h := range targets {
		nodes[i] = uint64(h.id)
	}
	return nodes
}
