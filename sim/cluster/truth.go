package cluster

import (
	"slices"
	"time"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/sim"
)

// truthEvery is how often the reported in-sync sets are compared with the
// truth, and so how finely the truth is known.
const truthEvery = 150 * time.Millisecond

// toleranceBase is the detection delay that is allowed beside the network's and
// the disks' own delays: two ticks, an election timeout's worth of lost
// heartbeats, and one sampling interval.
const toleranceBase = 750 * time.Millisecond

// maxGrowth bounds how much of its log's growth a replica remembers.
const maxGrowth = 512

// truth is what a replica's log is, as its own events tell it.
type truth struct {
	end     uint64   // last index of its log
	durable uint64   // up to which it is durable
	growth  []growth // how end grew, oldest first; what lies before the first is forgotten
}

type growth struct {
	at  instant
	end uint64
}

// instant is a moment, and what a node's own clock showed then: it may have stood
// still since, so that neither can be told from the other.
type instant struct {
	true  sim.Time
	local int64
}

// instant is now, by a host's clock.
func (h *host) instant() instant {
	now := h.c.k.Now()
	return instant{now, h.clock.local(now)}
}

// recovered resets the log to what a new process found.
func (t *truth) recovered(now instant, last uint64) {
	t.end, t.durable = last, last
	t.growth = append(t.growth[:0], growth{now, last})
}

// entry puts an entry at index and cuts everything behind it.
func (t *truth) entry(now instant, index uint64) {
	t.end = index
	t.durable = min(t.durable, index-1)
	for n := len(t.growth); n > 0 && t.growth[n-1].end >= index; n-- {
		t.growth = t.growth[:n-1]
	}
	if n := len(t.growth); n > 0 && now.true-t.growth[n-1].at.true < int64(10*time.Millisecond) {
		t.growth[n-1].end = index
		return
	}
	if len(t.growth) == maxGrowth {
		t.growth = slices.Delete(t.growth, 0, maxGrowth/2)
	}
	t.growth = append(t.growth, growth{now, index})
}

func (t *truth) persisted(last uint64) { t.durable = min(max(t.durable, last), t.end) }

// wholeAt is the last moment at which a log up to index was all of this log;
// false: longer ago than is remembered.
func (t *truth) wholeAt(now instant, index uint64) (at instant, known bool) {
	if index >= t.end {
		return now, true
	}
	for i, g := range slices.Backward(t.growth) {
		if g.end <= index {
			if i+1 < len(t.growth) {
				return t.growth[i+1].at, true
			}
			return now, true
		}
	}
	return instant{}, false
}

// watch is the truth about one follower under one leader's term.
type watch struct {
	caughtUp  instant  // the last moment at which it is known to have been caught up, by the leader's clock
	goodSince sim.Time // since when it was healthy and close at every look; -1: it is not
}

// tenure is one leader's term as the truth sees it.
type tenure struct {
	leader  *replica
	process *process
	term    uint64
	since   sim.Time // it has worked since, without a break
	watches []watch  // by member
	badAt   sim.Time // the last look at which a link or a disk of the group was degraded
}

// sampleTruth compares every group's reported in-sync set with the truth and
// plans the next look.
func (c *Cluster) sampleTruth() {
	if c.over {
		return
	}
	for _, h := range c.hosts {
		h.reported = nil
	}
	for i, g := range c.groups {
		c.sampleGroup(&c.tenures[i], g)
	}
	c.k.After(truthEvery, c.sampleTruth)
}

func (c *Cluster) sampleGroup(t *tenure, g *group) {
	if c.lookAt(t, g) {
		c.judgeISR(t, g)
	}
}

// lookAtAll updates the truth just before something changes: a follower may
// have been well for a moment between two looks.
func (c *Cluster) lookAtAll() {
	for i, g := range c.groups {
		c.lookAt(&c.tenures[i], g)
	}
}

// lookAt updates the truth about a group. It reports whether a leader serves.
// One whose own disk is slow commits by its followers' and applies only what it
// holds itself: it judges nobody before.
func (c *Cluster) lookAt(t *tenure, g *group) bool {
	if g.alone != nil || !c.working(g) || g.leader.hurt() || g.leader.current().applied < g.leader.current().ownFirst {
		t.leader = nil
		return false
	}
	now, p := c.k.Now(), g.leader.host.process
	if t.leader != g.leader || t.term != g.term || t.process != p {
		*t = tenure{leader: g.leader, process: p, term: g.term, since: now, watches: make([]watch, len(g.members)), badAt: -1}
		for i := range t.watches {
			t.watches[i] = watch{caughtUp: t.leader.host.instant(), goodSince: -1}
		}
	}
	if c.degraded(g) {
		t.badAt = now
	}
	for i, r := range g.members {
		c.look(t, &t.watches[i], r)
	}
	return true
}

// degraded tells whether delays in the group are beyond what the schedule's
// network and disks have by themselves.
func (c *Cluster) degraded(g *group) bool {
	for _, a := range g.members {
		if a.host.degraded() || a.host.frozen > 0 {
			return true
		}
		for _, b := range g.members {
			l := c.link(a.host.addr(), b.host.addr())
			if a != b && (len(l.worse) > 0 || l.resetAt > 0 && c.k.Now()-l.resetAt < 2*int64(truthEvery)) {
				return true
			}
		}
	}
	return false
}

// look updates the truth about one member.
func (c *Cluster) look(t *tenure, w *watch, r *replica) {
	now, leader := c.k.Now(), t.leader
	if r == leader {
		return
	}
	awake := r.host.awake()
	if awake && c.link(r.host.addr(), leader.host.addr()).open() {
		// It can be heard: what it says now may be an answer to an older message.
		if at, known := leader.truth.wholeAt(leader.host.instant(), r.truth.durable); known && at.true > w.caughtUp.true {
			w.caughtUp = at
		}
	}
	inReach := awake && c.connected(r.host, leader.host) && now-w.caughtUp.true <= c.schedule.Engine.ISRLagNs/2 &&
		r.truth.durable >= leader.current().commit
	switch {
	case !inReach:
		w.goodSince = -1
	case w.goodSince < 0:
		w.goodSince = now
	}
}

// judgeISR hands the oracle what the leader reports beside what is true.
func (c *Cluster) judgeISR(t *tenure, g *group) {
	now, tolerance := c.k.Now(), c.tolerance()
	if t.badAt >= 0 && now-t.badAt < 2*tolerance || now-t.since < tolerance {
		return
	}
	s := &c.sample
	s.AtNs, s.Group, s.Leader = now, uint64(g.id), uint64(t.leader.host.id)
	s.Reported, s.Truth = s.Reported[:0], s.Truth[:0]
	for _, n := range t.leader.host.status(g.id).ISR {
		s.Reported = append(s.Reported, uint64(n))
	}
	for i, r := range g.members {
		w, state := &t.watches[i], checker.Undecided
		switch {
		case r.hurt(): // what it can still do is its own to know
		case r == t.leader, w.goodSince >= 0 && now-w.goodSince > tolerance:
			state = checker.InSync
		case t.leader.host.clock.local(now)-w.caughtUp.local > c.schedule.Engine.ISRLagNs+tolerance:
			state = checker.OutOfSync
		}
		s.Truth = append(s.Truth, checker.MemberTruth{Node: uint64(r.host.id), State: state})
	}
	c.monitor.ObserveISR(*s)
}

// status is what the host's node tells a user who asks about a partition; it
// is asked once a look.
func (h *host) status(id env.GroupID) engine.PartitionStatus {
	if h.reported == nil {
		h.reported = h.process.node.Metadata(nil).Partitions
	}
	for i := range h.reported {
		if h.reported[i].Group == id {
			return h.reported[i]
		}
	}
	return engine.PartitionStatus{}
}

// tolerance is the detection delay: a few round trips, a commit, and the base.
func (c *Cluster) tolerance() sim.Time {
	n, d := &c.schedule.Network, &c.schedule.Disk
	return int64(toleranceBase) + 20*c.schedule.Engine.TurnNs + 8*(n.BaseNs+n.JitterNs) + 4*(d.SyncNs+d.WriteNs+d.JitterNs)
}
