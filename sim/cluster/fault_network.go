package cluster

import (
	"slices"
	"time"

	"github.com/lockstep-log/lockstep/netmodel"
	"github.com/lockstep-log/lockstep/sim"
)

// link is one direction between two nodes.
type link struct {
	cuts    int      // faults that cut it
	clogs   int      // faults that hold what it carries
	worse   []*Fault // faults that degrade it, those that clog it included
	resetAt sim.Time // when a fault last broke its connection
}

// open tells whether what is sent now arrives soon, unless a chance loses it.
func (l *link) open() bool { return l.cuts == 0 && l.clogs == 0 }

// forget takes back that a fault makes it worse.
func (l *link) forget(f *Fault) {
	if i := slices.Index(l.worse, f); i >= 0 {
		l.worse = slices.Delete(l.worse, i, i+1)
	}
}

// between calls f for each ordered pair of one target and one other node.
func (c *Cluster) between(targets []*host, f func(target, other *host)) {
	for _, t := range targets {
		for _, o := range c.hosts {
			if !slices.Contains(targets, o) {
				f(t, o)
			}
		}
	}
}

// cut adds (+1) or takes back (-1) a cut of one direction.
func (c *Cluster) cut(from, to netmodel.Addr, by int) {
	l := c.link(from, to)
	l.cuts += by
	switch {
	case by > 0 && l.cuts == 1:
		c.net.Cut(from, to)
	case by < 0 && l.cuts == 0:
		c.net.Heal(from, to)
	}
}

func (c *Cluster) link(from, to netmodel.Addr) *link {
	key := [2]netmodel.Addr{from, to}
	l := c.links[key]
	if l == nil {
		l = new(link)
		c.links[key] = l
	}
	return l
}

// connected tells whether two hosts can talk both ways.
func (c *Cluster) connected(a, b *host) bool {
	return a == b || c.link(a.addr(), b.addr()).open() && c.link(b.addr(), a.addr()).open()
}

func (c *Cluster) beginPartition(f *Fault, targets []*host) {
	c.count.partitions++
	c.partition(f, targets, +1)
}
func (c *Cluster) endPartition(f *Fault, targets []*host) { c.partition(f, targets, -1) }

func (c *Cluster) partition(f *Fault, targets []*host, by int) {
	c.between(targets, func(t, o *host) {
		c.cut(t.addr(), o.addr(), by)
		c.cut(o.addr(), t.addr(), by)
	})
	if f.Clients {
		c.cutClients(targets, by)
	}
}

func (c *Cluster) beginOneWay(f *Fault, targets []*host) {
	c.count.oneWayPartitions++
	c.oneWay(f, targets, +1)
}
func (c *Cluster) endOneWay(f *Fault, targets []*host) { c.oneWay(f, targets, -1) }

func (c *Cluster) oneWay(f *Fault, targets []*host, by int) {
	c.between(targets, func(t, o *host) {
		if f.Direction == DirectionIn {
			c.cut(o.addr(), t.addr(), by)
		} else {
			c.cut(t.addr(), o.addr(), by)
		}
	})
}

func (c *Cluster) beginClientCut(_ *Fault, targets []*host) { c.cutClients(targets, +1) }
func (c *Cluster) endClientCut(_ *Fault, targets []*host)   { c.cutClients(targets, -1) }

func (c *Cluster) cutClients(targets []*host, by int) {
	for _, t := range targets {
		for n := range c.clients() {
			c.cut(clientAddr(n), t.addr(), by)
			c.cut(t.addr(), clientAddr(n), by)
		}
	}
}

// clients is how many clients there are: the schedule's, and the one that proves
// progress.
func (c *Cluster) clients() int { return c.schedule.Workload.Clients + 1 }

func (c *Cluster) beginDegrade(f *Fault, targets []*host) {
	c.degrade(targets, func(l *link) { l.worse = append(l.worse, f) })
}

func (c *Cluster) endDegrade(f *Fault, targets []*host) {
	c.degrade(targets, func(l *link) { l.forget(f) })
}

// degrade edits all links that have a target at an end and tells the network
// what they are now.
func (c *Cluster) degrade(targets []*host, edit func(*link)) {
	for _, a := range c.hosts {
		for _, b := range c.hosts {
			if a == b || !slices.Contains(targets, a) && !slices.Contains(targets, b) {
				continue
			}
			l := c.link(a.addr(), b.addr())
			edit(l)
			c.net.SetLink(a.addr(), b.addr(), c.effective(l))
		}
	}
}

// tighter is the smaller one of two limits, of which 0 is none.
func tighter(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// effective is the link as the faults on it leave it: delays add up, of each
// chance the worst counts.
func (c *Cluster) effective(l *link) netmodel.Link {
	now := c.linkConfig()
	for _, f := range l.worse {
		if f.Kind != Degrade {
			continue
		}
		now.BytesPerSecond = tighter(now.BytesPerSecond, f.BytesPerSecond)
		now.QueueBytes = tighter(now.QueueBytes, f.QueueBytes)
		now.Base += time.Duration(f.LatencyNs)
		now.LossPPM = max(now.LossPPM, f.LossPPM)
		now.DuplicatePPM = max(now.DuplicatePPM, f.DuplicatePPM)
		now.ReorderPPM = max(now.ReorderPPM, f.ReorderPPM)
		now.CorruptPPM = max(now.CorruptPPM, f.CorruptPPM)
	}
	return now
}
