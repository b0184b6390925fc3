package cluster

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/diskmodel"
	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/wal"
	"github.com/lockstep-log/lockstep/sim"
)

// Budgets of virtual time that a schedule does not set.
const (
	bootBudget  = 30 * time.Second       // to format, start and serve, on healthy machines
	lookEvery   = 50 * time.Millisecond  // between two looks at convergence
	readBudget  = 600 * time.Second      // to read the whole log back
	settleQuiet = 250 * time.Millisecond // convergence must hold for that long
)

// Run runs a schedule. The error is for a schedule that makes no sense; what
// goes wrong in the run is a violation in the Result. One run at a time in a
// process: see entropy.
func Run(s Schedule, o Options) (*Result, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	s.fill()
	c := newCluster(s, o)
	defer c.entropy.install()()
	if c.boot() {
		c.disturb()
		if c.converge() {
			c.readBack()
		}
	}
	c.shutdown()
	return c.result(), nil
}

// boot formats and starts every node and waits until all serve.
func (c *Cluster) boot() bool {
	formatted := 0
	for _, h := range c.hosts {
		h.format(func(err error) {
			if err != nil {
				c.violate(checker.Convergence, fmt.Sprintf("node %d cannot be formatted: %v", h.id, err))
				return
			}
			formatted++
		})
	}
	if !c.until(bootBudget, func() bool { return formatted == len(c.hosts) }) {
		c.violate(checker.Convergence, fmt.Sprintf("only %d of %d nodes were formatted within %v", formatted, len(c.hosts), bootBudget))
		return false
	}
	for _, h := range c.hosts {
		h.endProcess()
		h.start()
	}
	if !c.until(bootBudget, c.allServe) {
		c.violate(checker.Convergence, fmt.Sprintf("not all nodes serve within %v of their first start", bootBudget))
		return false
	}
	return true
}

func (c *Cluster) allServe() bool {
	for _, h := range c.hosts {
		if !h.serves() {
			return false
		}
	}
	return true
}

// until runs the simulation until cond holds, at most for budget.
func (c *Cluster) until(budget time.Duration, cond func() bool) bool {
	end := c.k.Now() + sim.Time(budget)
	for !cond() {
		at, ok := c.k.Next()
		if !ok || at > end {
			return false
		}
		c.k.Step()
	}
	return true
}

// disturb is the first phase: load under faults.
func (c *Cluster) disturb() {
	c.loadedNs = c.k.Now()
	c.mark(Mark{Kind: MarkLoad})
	newLoad := c.options.NewWorkload
	if newLoad == nil {
		newLoad = NewLogLoad
	}
	c.load = newLoad(World{c})
	c.plan()
	c.load.Start()
	c.sampleTruth()
	c.k.Run(max(c.schedule.DurationNs, c.loadedNs))
}

// converge is the second phase: the core is healed, and has to come to rest
// within the budget: a leader in every group, every operation answered, every
// replica in sync and equal. Then, in the third, the rest is healed and has to
// come to rest with it.
func (c *Cluster) converge() bool {
	c.heal(c.chooseCore())
	c.load.Close()
	if len(c.core) < len(c.hosts) {
		if !c.settle("the healed nodes, a quorum of every group,") {
			return false
		}
		c.mark(Mark{Kind: MarkCoreSettled})
		c.probes.reach(coreSettled)
		c.healRest()
		c.load.Close()
	}
	if !c.settle("the cluster") {
		return false
	}
	c.mark(Mark{Kind: MarkConverged})
	c.monitor.JudgeDamage(func(d checker.Damage) bool {
		return c.loneDamage(d) || !c.hosts[d.Node-1].scarred(d.File) || c.schedule.Beyond || c.schedule.Engine.ScrubBytesPerSecond == 0
	})
	return true
}

// settle waits until the core has come to rest. If it does not, that is a
// violation, unless the disks prove that nothing could.
func (c *Cluster) settle(who string) bool {
	deadline := c.k.Now() + c.schedule.HealNs
	quiet := sim.Time(-1)
	for {
		problem := c.unsettled()
		switch {
		case problem != "":
			quiet = -1
		case quiet < 0:
			quiet = c.k.Now()
		case c.k.Now()-quiet >= sim.Time(settleQuiet):
			return true
		}
		if c.k.Now() >= deadline {
			c.stuck(who, problem)
			return false
		}
		c.k.Run(min(c.k.Now()+sim.Time(lookEvery), deadline))
	}
}

// stuck judges a core that has not come to rest. One that is not all holds whole
// quorums: it owes that. Without Beyond the atlas owes it, too.
func (c *Cluster) stuck(who, problem string) {
	proof := ""
	if len(c.core) == len(c.hosts) {
		proof = c.unrecoverable()
	}
	if proof != "" && c.schedule.Beyond {
		c.proof = proof
		c.mark(Mark{Kind: MarkUnrecoverable, Text: proof})
		return
	}
	if proof != "" {
		problem += "; the atlas let too much be damaged: " + proof
	}
	c.violate(checker.Convergence, fmt.Sprintf("after %v without faults %s did not come to rest: %s", time.Duration(c.schedule.HealNs), who, problem))
}

// unsettled names the first thing that keeps the core from rest.
func (c *Cluster) unsettled() string {
	for _, h := range c.hosts {
		h.reported = nil
	}
	for _, h := range c.core {
		if !h.serves() {
			return fmt.Sprintf("node %d does not serve%s", h.id, because(h.lastErr))
		}
	}
	for _, g := range c.groups {
		unsettled := c.unsettledGroup
		if g.alone != nil {
			unsettled = c.unsettledAlone
		}
		if problem := unsettled(g); problem != "" {
			return fmt.Sprintf("group %d: %s", g.id, problem)
		}
	}
	if n := c.load.Pending(); n > 0 {
		return fmt.Sprintf("%d operations are not answered, first %s", n, c.load.Stuck())
	}
	return ""
}

func because(err error) string {
	if err == nil {
		return ""
	}
	return fmt.Sprintf(" (it stopped itself: %v)", err)
}

func (c *Cluster) unsettledGroup(g *group) string {
	if !c.working(g) {
		return "no leader works"
	}
	leader := g.leader.host
	at := leader.status(g.id)
	for _, r := range g.members {
		if !c.owes(r) {
			continue
		}
		s := r.host.status(g.id)
		if problem := c.scar(r, s); problem != "" {
			return fmt.Sprintf("node %d: %s", r.host.id, problem)
		}
		switch {
		case !slices.Contains(at.ISR, r.host.id):
			return fmt.Sprintf("the in-sync set is %v", at.ISR)
		case s.Fenced != "":
			return fmt.Sprintf("node %d is fenced: %s", r.host.id, s.Fenced)
		case s.Leader != leader.id:
			return fmt.Sprintf("node %d takes node %d for the leader, which is node %d", r.host.id, s.Leader, leader.id)
		case s.Applied != at.Applied:
			return fmt.Sprintf("node %d has applied %d, the leader %d", r.host.id, s.Applied, at.Applied)
		}
	}
	return ""
}

// scar tells what of the damage to a replica is not repaired. In Beyond what no
// replica has need not be.
func (c *Cluster) scar(r *replica, s engine.PartitionStatus) string {
	switch {
	case s.Learner:
		return "its replica has no vote yet"
	case c.schedule.Beyond && c.unread(r.group, errUnread) != "":
		return ""
	case len(s.Damaged) > 0:
		return fmt.Sprintf("offsets %d to %d are damaged", s.Damaged[0].Base, s.Damaged[0].End)
	case c.schedule.Engine.ScrubBytesPerSecond == 0:
		return "" // what nobody reads nobody finds
	}
	for _, d := range r.host.openDamage() {
		area, group := areaOf(d.Name)
		switch {
		case group != r.group.id, area == AreaIndex: // which is made again in memory
		case area == AreaSegment && !r.uses(d.Name): // it was trimmed, and goes with the next checkpoint
		case area == AreaSegment && r.host.newest(d.Name):
			// What no checkpoint covers comes from the journal again, and nobody relies on
			// these bytes. If somebody does, the comparison of replicas reads them.
		default:
			return "not repaired: " + describe(d)
		}
	}
	return ""
}

// uses tells whether a replica's log has a segment.
func (r *replica) uses(name string) bool {
	own, ok := r.host.process.node.Machine(r.group.id).(*wal.Log)
	return !ok || slices.ContainsFunc(own.Segments(), func(s wal.SegmentInfo) bool { return s.Name == name })
}

// newest tells whether no later segment stands beside one.
func (h *host) newest(name string) bool {
	dir, _ := path.Split(name)
	return !slices.ContainsFunc(h.disk.Files(), func(other string) bool {
		area, _ := areaOf(other)
		return area == AreaSegment && other > name && strings.HasPrefix(other, dir)
	})
}

// openDamage lists what is damaged in files that have their names. A name that is
// gone may be that of a file that nobody needs any more: if one does, the
// comparison of replicas says so.
func (h *host) openDamage() []diskmodel.Damage {
	all := h.disk.Damaged()
	nameless := map[string]bool{}
	for _, d := range all {
		if d.Kind == diskmodel.KindLostEntry {
			nameless[d.Name] = true
		}
	}
	return slices.DeleteFunc(all, func(d diskmodel.Damage) bool { return nameless[d.Name] })
}

// scarred tells whether a file that somebody needs is damaged now. What was found
// in a journal silences replicas, which come back under other ids; the file is
// recycled one day.
func (h *host) scarred(file string) bool {
	area, group := areaOf(file)
	if area == AreaSegment {
		for _, r := range h.c.groups[group-1].members {
			if r.group.alone == nil && r.host == h && !r.uses(file) {
				return false // it was trimmed, and goes with the next checkpoint
			}
		}
	}
	// Of a journal it may lie behind the end of a file that is kept: those bytes are
	// void, and nobody needs them.
	return area != AreaJournal && slices.ContainsFunc(h.openDamage(), func(d diskmodel.Damage) bool { return d.Name == file })
}

var errUnread = errors.New("damaged")

// owes tells whether a replica has to keep up: its node is healed.
func (c *Cluster) owes(r *replica) bool { return slices.Contains(c.core, r.host) }

// owed is how many replicas of a group have to keep up.
func (c *Cluster) owed(g *group) int {
	n := 0
	for _, r := range g.members {
		if c.owes(r) {
			n++
		}
	}
	return n
}

// shutdown ends every process, so that no task of theirs stays parked.
func (c *Cluster) shutdown() {
	c.over = true
	for _, h := range c.hosts {
		h.endProcess()
	}
}
