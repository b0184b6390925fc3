package cluster

import (
	"cmp"
	"slices"
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
		h.armed = append(h.armed, armed{f.On, max(f.Nth, 1), func() { c.strike(f, h) }})
	}
}

// strike begins a fault that was triggered. Those of the disk's operations are
// told between the operation and its process: there is a time to strike at once.
func (c *Cluster) strike(f *Fault, h *host) {
	if f.DelayNs == 0 && f.On != OnWrite && f.On != OnStart {
		c.begin(f, []*host{h})
		return
	}
	c.k.After(time.Duration(f.DelayNs), func() { c.begin(f, []*host{h}) })
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
	c.lookAtAll()
	c.recordFault(a.fault, a.targets, 1)
	c.probes.ended(a.fault, ids(a.targets))
	c.mark(Mark{Kind: MarkOver, Text: a.fault.title(ids(a.targets)) + " is over", Nodes: ids(a.targets)})
	kinds[a.fault.Kind].end(c, a.fault, a.targets)
	c.reassess()
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
	count := max(f.Count, 1)
	switch f.Role {
	case RoleFollower:
		return first(count, c.followers(g, leader, uint64(f.AtNs)))
	case RoleISRFollower:
		return first(count, c.inSyncFollowers(g, leader, uint64(f.AtNs)))
	case RoleLongestLog:
		return first(count, g.byLog(func(a, b *replica) int { return cmp.Compare(b.truth.end, a.truth.end) }))
	case RoleShortestLog:
		return first(count, g.byLog(func(a, b *replica) int { return cmp.Compare(a.truth.end, b.truth.end) }))
	}
	if leader == nil {
		return nil
	}
	return append([]*host{leader}, first(count-1, c.followers(g, leader, uint64(f.AtNs)))...)
}

// first is the first n of some hosts, or all of them.
func first(n int, hosts []*host) []*host { return hosts[:min(n, len(hosts))] }

// inSyncFollowers are the followers that the leader has in its in-sync set.
func (c *Cluster) inSyncFollowers(g *group, leader *host, key uint64) []*host {
	if leader == nil {
		return nil
	}
	leader.reported = nil
	set := leader.status(g.id).ISR
	return slices.DeleteFunc(c.followers(g, leader, key), func(h *host) bool { return !slices.Contains(set, h.id) })
}

// byLog sorts the members that are up; those that are equal stay in the order of
// the topology.
func (g *group) byLog(order func(a, b *replica) int) []*host {
	var hosts []*host
	for _, r := range slices.SortedStableFunc(slices.Values(g.members), order) {
		if r.host.process != nil {
			hosts = append(hosts, r.host)
		}
	}
	return hosts
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
