package cluster

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/netmodel"
	"github.com/lockstep-log/lockstep/sim"
)

// chooseCore draws whom the second phase heals: all, or as few as hold a quorum
// of every group, or something between. Damaged replicas count for no quorum; if
// some group has none without them, everything is healed.
func (c *Cluster) chooseCore() []*host {
	core := slices.Clone(c.hosts)
	if c.schedule.Heal != HealQuorum || !c.holdsQuorums(core) {
		return core
	}
	draw := sim.NewRand(c.schedule.Seed, "core", 0)
	order := slices.Clone(core)
	draw.Shuffle(len(order), func(i, k int) { order[i], order[k] = order[k], order[i] })
	leave := 1 + draw.Pick(len(order))
	for _, h := range order {
		without := slices.DeleteFunc(slices.Clone(core), func(o *host) bool { return o == h })
		if leave > 0 && c.holdsQuorums(without) {
			core = without
			leave--
		}
	}
	return core
}

// holdsQuorums tells whether nodes have a quorum of whole replicas in every group.
// An unreplicated partition has none: it is there or it is not.
func (c *Cluster) holdsQuorums(nodes []*host) bool {
	for _, g := range c.groups {
		if g.alone == nil && g.whole(nodes) < g.quorum() {
			return false
		}
	}
	return true
}

// whole is how many replicas of a group on some nodes are not damaged.
func (g *group) whole(nodes []*host) int {
	n := 0
	for _, r := range g.members {
		if slices.Contains(nodes, r.host) && !r.hurt() {
			n++
		}
	}
	return n
}

// heal ends the first phase: no fault begins any more, the core is mended, and
// what is not in it is broken and stays so.
func (c *Cluster) heal(core []*host) {
	c.lookAtAll()
	c.healed = true
	for _, a := range c.active {
		c.abandon(a)
	}
	c.active = nil
	for _, fl := range c.flapping {
		fl.timer.Stop()
	}
	c.flapping = nil
	for _, h := range c.hosts {
		h.armed = nil
	}
	c.healedNs = c.k.Now()
	c.core = core
	var rest []string
	for _, h := range c.hosts {
		if !slices.Contains(core, h) {
			rest = append(rest, fmt.Sprintf("node %d %s", h.id, c.breakDown(h)))
		}
	}
	c.mark(Mark{Kind: MarkHealed, Nodes: ids(core), Text: strings.Join(rest, ", ")})
	c.mend(core)
}

// abandon lets a fault be neither undone nor forgotten: mend clears what it did.
// Disks go back to where they belong, as an operator would see to.
func (c *Cluster) abandon(a *activeFault) {
	if a.over {
		return
	}
	if a.fault.Kind == SwapDisks {
		c.undo(a)
		return
	}
	a.over = true
	c.recordFault(a.fault, a.targets, 1)
	c.probes.ended(a.fault, ids(a.targets))
}

// mend undoes whatever faults do to some nodes, and to the links between them
// and to the clients, and starts them. Damage stays.
func (c *Cluster) mend(nodes []*host) {
	c.mendLinks(nodes)
	for _, h := range nodes {
		h.mendClock()
		h.mendDisk()
		if h.paused > 0 {
			h.paused = 0
			if h.process != nil {
				h.process.resume()
			}
		}
	}
	for _, h := range nodes {
		h.down = 0
		if h.blank {
			h.replaceDisk()
			continue
		}
		h.revive()
	}
	c.reassess()
}

// replaceDisk formats the empty disk of a node that lost its own, as an operator
// would, and starts the node on it. A crash may cut that short, and a disk that
// refuses: then the operator begins again.
func (h *host) replaceDisk() {
	h.crash()
	h.attended = true
	if len(h.disk.Files()) > 0 {
		h.disk.Lose()
		h.disk.Replace()
	}
	h.formatAs(engine.FormatReplace, func(err error) {
		p := h.process
		if err == nil {
			h.blank, h.reborn = false, true
		} else if !h.refused() {
			h.c.violate(oracleCrash, fmt.Sprintf("node %d cannot be formatted again: %v", h.id, err))
		}
		h.c.k.After(0, func() { h.formatted(p, err) })
	})
}

// formatted ends the process that formatted and starts the node.
func (h *host) formatted(p *process, err error) {
	if h.process != p {
		return
	}
	h.endProcess()
	h.disk.Crash()
	if err == nil {
		h.revive()
		return
	}
	h.c.k.After(time.Duration(h.c.schedule.Engine.RestartNs), h.revive)
}

func (c *Cluster) mendLinks(nodes []*host) {
	for i, a := range nodes {
		for _, b := range nodes[i+1:] {
			c.mendLink(a.addr(), b.addr())
			c.mendLink(b.addr(), a.addr())
		}
		for n := range c.clients() {
			c.mendLink(clientAddr(n), a.addr())
			c.mendLink(a.addr(), clientAddr(n))
		}
	}
}

func (c *Cluster) mendLink(from, to netmodel.Addr) {
	l := c.link(from, to)
	if l.clogs > 0 {
		c.net.Unclog(from, to)
	}
	if len(l.worse) > 0 {
		c.net.ResetLink(from, to)
	}
	cut := l.cuts > 0
	*l = link{resetAt: l.resetAt}
	if cut {
		c.net.Heal(from, to)
	}
}

func (h *host) mendClock() {
	if h.frozen > 0 {
		h.frozen = 0
		h.thaw()
	}
	if len(h.drifts) > 0 {
		h.drifts = nil
		h.clock.run(h.c.k.Now(), h.clock.ownPPM)
	}
}

func (h *host) mendDisk() {
	h.diskFaults = diskFaults{refusals: h.refusals}
	for _, o := range h.orders {
		o.over = true
	}
	h.orders = nil
	h.disk.SetSlow(0)
	h.disk.SetThrottle(0)
	h.disk.Unstall()
	h.disk.FailNextSync(0)
	h.disk.SetSyncErrors(false)
	h.disk.SetFull(false)
	h.disk.ForgetNextWrites()
}

// breakDown sees to it that a node takes no part in the second phase, in one of
// the ways in which nodes break, and says which. One that is down or paused
// already is left as it is.
func (c *Cluster) breakDown(h *host) string {
	c.probes.broke(uint64(h.id))
	switch {
	case h.down > 0 && h.process == nil:
		return "stays down"
	case h.paused > 0:
		return "stays paused"
	}
	h.down++ // nobody starts it again
	switch sim.NewRand(c.schedule.Seed, "rest", uint64(h.id)).Pick(6) {
	case 0:
		h.crash()
		return "is down"
	case 1:
		c.countLoss(h.powerLoss(lossModes["any"]))
		return "is without power"
	case 2:
		h.paused++
		return "is paused"
	case 3:
		c.isolate(h, true, false)
		return "hears nobody"
	case 4:
		c.isolate(h, false, true)
		return "is heard by nobody"
	default:
		c.isolate(h, true, true)
		return "is cut off"
	}
}

// isolate cuts a node off from all others, in or out or both, and from all
// clients.
func (c *Cluster) isolate(h *host, in, out bool) {
	for _, o := range c.hosts {
		if o != h && in {
			c.cut(o.addr(), h.addr(), +1)
		}
		if o != h && out {
			c.cut(h.addr(), o.addr(), +1)
		}
	}
	c.cutClients([]*host{h}, +1)
}

// healRest ends the second phase: the rest comes back, too.
func (c *Cluster) healRest() {
	c.lookAtAll()
	c.core = c.hosts
	c.mark(Mark{Kind: MarkRestHealed})
	c.mend(c.hosts)
}
