package cluster

import (
	"github.com/lockstep-log/lockstep/engine/env"
)

// reassess looks at every group after something changed that leadership
// depends on: a fault, a restart, a role.
func (c *Cluster) reassess() {
	for _, g := range c.groups {
		c.reassessGroup(g)
	}
}

// reassessGroup keeps the clock of an outage. It runs from the moment at which
// a connected quorum has no working leader (design, section 10); while there is
// no such quorum nobody can be elected, and nothing counts.
func (c *Cluster) reassessGroup(g *group) {
	o := &g.outage
	working := c.working(g)
	switch {
	case working && o.leading:
		// Still there.
	case working:
		o.leading = true
		c.electionOver(g)
		o.term = g.term
	case o.leading:
		o.leading = false
		o.since, o.election, o.failover = -1, true, true
	}
	if working || !o.election && !o.failover {
		return
	}
	up := c.quorumUp(g)
	switch {
	case !up:
		o.since = -1
	case o.since < 0:
		o.since = c.k.Now()
	}
}

// electionOver takes the election time if there was an election: a leader that
// was only unreachable for a while keeps its term.
func (c *Cluster) electionOver(g *group) {
	o := &g.outage
	if o.election && o.since >= 0 && g.term > o.term {
		c.electionNs = append(c.electionNs, c.k.Now()-o.since)
	}
	if g.term == o.term {
		o.failover = false
	}
	o.election = false
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
	if !o.failover || !o.leading || o.since < 0 || g.leader == nil || node != g.leader.host.id {
		return
	}
	o.failover = false
	c.failoverNs = append(c.failoverNs, c.k.Now()-o.since)
}
