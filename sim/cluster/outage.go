package cluster

import (
	"slices"
	"time"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/sim"
)

// reassess looks at every group after something changed that leadership
// depends on: a fault, a restart, a role.
func (c *Cluster) reassess() {
	for _, g := range c.groups {
		c.reassessGroup(g)
	}
}

// reassessGroup keeps the clocks of an outage. What they mean stands in the
// package comment, under Metrics.
func (c *Cluster) reassessGroup(g *group) {
	if g.alone != nil {
		return // nobody is elected, nobody takes over
	}
	o := &g.outage
	working := c.working(g)
	switch {
	case working && !o.leading:
		c.electionOver(g)
		o.leading, o.term = true, g.term
	case !working && o.leading:
		o.leading = false
		o.election, o.failover = stopwatch{on: true, since: -1}, stopwatch{on: true, since: -1}
	}
	if !working {
		o.election.look(c.k.Now(), func() bool { return c.electable(g) })
	}
	o.failover.look(c.k.Now(), func() bool { return c.servable(g, working) })
}

// look starts the clock if what it needs is there, and sets it back if not.
func (w *stopwatch) look(now sim.Time, possible func() bool) {
	switch {
	case !w.on:
	case !possible():
		w.since = -1
	case w.since < 0:
		w.since = now
	}
}

// sample ends the clock and gives what it shows, false if it does not run.
func (w *stopwatch) sample(now sim.Time) (ns int64, ok bool) {
	ns, ok = now-w.since, w.on && w.since >= 0
	w.on = false
	return ns, ok
}

// electionOver takes the election time if there was an election: a leader that
// was only unreachable for a while keeps its term.
func (c *Cluster) electionOver(g *group) {
	o := &g.outage
	if ns, ok := o.election.sample(c.k.Now()); ok && g.term > o.term {
		c.electionNs = append(c.electionNs, ns)
	}
	if g.term == o.term {
		o.failover.on = false
	}
}

// elected: a leader committed an entry of its own term.
func (c *Cluster) elected(g *group, m *member) {
	if m.term < g.term {
		return // an old leader, which others have replaced already
	}
	if g.term != 0 {
		c.count.leaderChanges++
	}
	c.count.elections++
	g.term, g.leader = m.term, m.replica
	c.mark(Mark{Kind: MarkLeader, Group: uint64(g.id), Node: uint64(m.host.id), Term: m.term})
	c.reassessGroup(g)
}

// acknowledged: a client has the success of a write. Only an answer of the
// new leader ends a failover; one of the old may still have been under way.
func (c *Cluster) acknowledged(partition int32, node env.NodeID) {
	g := c.groupOf(partition)
	o := &g.outage
	if !o.leading || g.leader == nil || node != g.leader.host.id {
		return
	}
	now := c.k.Now()
	if ns, ok := o.failover.sample(now); ok {
		c.failoverNs = append(c.failoverNs, now-max(now-ns, c.firstAsked(partition, now-ns)))
	}
}

// firstAsked is when the first produce to a partition was asked that had no
// answer before a time; 0 if the load knows none.
func (c *Cluster) firstAsked(partition int32, since sim.Time) sim.Time {
	ops := c.load.Operations() // in the order of the calls
	for i := range ops {
		op := &ops[i]
		if op.Kind == checker.Produce && op.Partition == partition && (op.Return == 0 || op.ReturnNs >= since) {
			return op.CallNs
		}
	}
	return 0
}

// slowest is how much longer than it should a disk may take for an operation
// and count as working: a tick of raft. An election is several writes and syncs
// one after the other, and must end within a few ticks.
const slowest = 50 * time.Millisecond

// fit tells whether a host can take part: it is awake, and its disk works.
func (h *host) fit() bool { return h.awake() && h.works() && h.frozen == 0 }

// electable tells whether a leader can be elected: a majority of members is fit
// and all of it connected with each other.
func (c *Cluster) electable(g *group) bool {
	return c.clique(g, nil, 0, g.quorum(), (*host).fit)
}

// servable tells whether a client can get an acknowledgement: as many members
// as that takes are fit and connected with each other, clients reach them, and
// the leader, if there is one, is among them.
func (c *Cluster) servable(g *group, led bool) bool {
	able := func(h *host) bool { return h.fit() && c.reachable(h) }
	need := max(g.quorum(), c.schedule.MinISR)
	if !led {
		return c.clique(g, nil, 0, need, able)
	}
	leader := g.leader.host
	return able(leader) && c.clique(g, []*host{leader}, 0, need, able)
}

// reachable tells whether no fault lies between a host and the clients.
func (c *Cluster) reachable(h *host) bool {
	for n := range c.schedule.Workload.Clients {
		if c.link(clientAddr(n), h.addr()).cuts != 0 || c.link(h.addr(), clientAddr(n)).cuts != 0 {
			return false
		}
	}
	return true
}

// clique tells whether members that are able can be added to the chosen ones
// until there are as many as needed, all connected with each other. Groups are
// small: all subsets are tried.
func (c *Cluster) clique(g *group, chosen []*host, next, need int, able func(*host) bool) bool {
	if len(chosen) == need {
		return true
	}
	for i := next; i < len(g.members); i++ {
		h := g.members[i].host
		if g.members[i].hurt() || g.members[i].fenced() || slices.Contains(chosen, h) || !able(h) || !c.connectedToAll(h, chosen) {
			continue
		}
		if c.clique(g, append(chosen, h), i+1, need, able) {
			return true
		}
	}
	return false
}

func (c *Cluster) connectedToAll(h *host, others []*host) bool {
	for _, o := range others {
		if !c.connected(h, o) {
			return false
		}
	}
	return true
}
