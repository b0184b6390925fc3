package cluster

import (
	"path"
	"slices"
	"strings"

	"github.com/lockstep-log/lockstep/checker"
)

// started: a process begins to recover from these files.
func (p *prober) started(node uint64, files []string) {
	n := &p.nodes[node-1]
	if n.boots > 0 {
		for i := range p.nodes {
			if o := &p.nodes[i]; o != n && !o.running {
				p.reach(restartWhileOthersDown)
				break
			}
		}
	}
	n.boots++
	n.running, n.booted, n.dark, n.resynced = true, false, false, false
	n.found(files)
	p.reachIf(haveTwoCheckpoints(files), twoCheckpoints)
}

// haveTwoCheckpoints tells whether a folder has two of them that are whole.
// Files are in the order of a walk.
func haveTwoCheckpoints(files []string) bool {
	last := ""
	for _, name := range files {
		dir, base := path.Split(name)
		if !strings.HasPrefix(base, "checkpoint-") || strings.HasSuffix(base, ".tmp") {
			continue
		}
		if last == dir {
			return true
		}
		last = dir
	}
	return false
}

func (p *prober) booted(n *probedNode) {
	n.booted, n.diedEarly = true, false
	p.reachIf(n.boots > 1 && !n.resynced, emptyTail)
}

// losesPower comes before the end of the process, if there is one.
func (p *prober) losesPower(node uint64) {
	n := &p.nodes[node-1]
	p.reachIf(!n.booted && n.died && !n.diedDark, powerLossAfterCrash)
	n.dark = true
	for i := range p.nodes {
		if !p.nodes[i].dark {
			return
		}
	}
	p.reach(powerLossOfAll)
}

// crashed: a process is gone. One that only formatted was never started.
func (p *prober) crashed(e *checker.Event) {
	n := &p.nodes[e.Node-1]
	if !n.running {
		return
	}
	p.reachIf(n.paused > 0, diedPaused)
	if !n.booted {
		p.reach(crashInRecovery)
		p.reachIf(n.diedEarly, crashLoop)
		n.diedEarly = true
	}
	for i := range p.groups {
		if g := &p.groups[i]; g.members[e.Node-1].replica != 0 {
			p.memberDied(g, n, e)
		}
	}
	n.running, n.booted, n.died, n.diedDark = false, false, true, n.dark
	n.full = false
	p.countRunning()
}

func (p *prober) memberDied(g *probedGroup, n *probedNode, e *checker.Event) {
	m := &g.members[e.Node-1]
	g.offererDied(e.Node)
	p.reachIf(m.written > m.persisted, writeInFlight)
	if m.role == checker.Leader {
		p.reachIf(m.own == 0 || m.commit < m.own, leaderDiedUnproven)
		if !n.dark {
			g.diedTerm, g.diedAtNs = m.term, e.AtNs
		}
	}
	if n.booted {
		m.leftTerm, m.leftPeer = m.term, m.peer
	}
	m.role = checker.Follower
}

// countRunning looks at what still runs after a process has died.
func (p *prober) countRunning() {
	running := 0
	for i := range p.nodes {
		if p.nodes[i].running {
			running++
		}
	}
	p.reachIf(running == 0, allDown)
	for i := range p.groups {
		g := &p.groups[i]
		if g.alone {
			continue
		}
		up := 0
		for k := range g.members {
			if g.members[k].replica != 0 && p.nodes[k].running {
				up++
			}
		}
		p.reachIf(up == g.size/2, quorumDown)
	}
}

// began: a fault takes hold of nodes.
func (p *prober) began(f *Fault, nodes []uint64) {
	p.reachIf(p.active > 0, faultsOverlap)
	if kinds[f.Kind].end != nil {
		p.active++
	}
	p.aimed(f)
	if at, some := struck[f.Kind]; some {
		p.reach(at)
	}
	if at, some := leaderStruck[f.Kind]; some && slices.ContainsFunc(nodes, p.leads) {
		p.reach(at)
	}
	switch f.Kind {
	case Pause:
		p.pause(nodes, +1)
	case SyncErrors:
		p.failing(nodes, +1)
	case LostWrite, MisdirectedWrite:
		p.lies(f, nodes)
	case Partition:
		p.partitioned(nodes)
	case WallJump:
		p.reachIf(f.LatencyNs > 0, clockForward)
		p.reachIf(f.LatencyNs < 0, clockBackward)
	}
}

// struck and leaderStruck are the probes of faults that begin, on any node and
// on one that leads.
var (
	struck = map[string]probe{
		Ring: ringCut, Bridge: bridgeLeft, SwapDisks: disksSwapped, Drift: clockDrifted,
	}
	leaderStruck = map[string]probe{
		Stop: leaderStopped, Pause: leaderPaused, Freeze: leaderFrozen, Flap: leaderFlapped,
		Reset: leaderReset, Clog: leaderClogged, StallDisk: leaderStalled,
	}
)

// aimed: whom a fault was meant for, and when.
func (p *prober) aimed(f *Fault) {
	p.reachIf(f.Role == RoleISRFollower, inSyncStruck)
	p.reachIf(f.Role == RoleLongestLog, longestStruck)
	if f.DelayNs != 0 || f.Kind != Crash && f.Kind != PowerLoss {
		return
	}
	p.reachIf(f.On == OnIO, diedAtOperation)
	p.reachIf(f.On == OnSync, diedAtSync)
	p.reachIf(f.On == OnRecoveryIO, diedAtRecovery)
}

// broke: a node outside the core breaks for the second phase.
func (p *prober) broke(node uint64) {
	p.reach(restBroken)
	p.reachIf(p.leads(node), leaderInRest)
}

// ended: the fault is undone.
func (p *prober) ended(f *Fault, nodes []uint64) {
	p.active--
	switch f.Kind {
	case Pause:
		p.pause(nodes, -1)
	case SyncErrors:
		p.failing(nodes, -1)
	}
}

func (p *prober) pause(nodes []uint64, by int) {
	for _, node := range nodes {
		p.nodes[node-1].paused += by
	}
}

// failing: a node's syncs begin, or cease, to fail.
func (p *prober) failing(nodes []uint64, by int) {
	for _, node := range nodes {
		n := &p.nodes[node-1]
		n.failing += by
		n.stops = 0
	}
}

// stopped: a node stopped itself.
func (p *prober) stopped(n *probedNode) {
	p.reach(stoppedItself)
	if n.failing > 0 {
		n.stops++
		p.reachIf(n.stops == 2, stoppedAgain)
	}
}

// leads tells whether a node leads a group.
func (p *prober) leads(node uint64) bool {
	for i := range p.groups {
		if p.groups[i].led() == node {
			return true
		}
	}
	return false
}

// led gives the node of the newest leader if it still is one, else 0.
func (g *probedGroup) led() uint64 {
	if g.leader == 0 || g.members[g.leader-1].role != checker.Leader {
		return 0
	}
	return g.leader
}

// partitioned: nodes are cut from all others.
func (p *prober) partitioned(nodes []uint64) {
	for i := range p.groups {
		g := &p.groups[i]
		leader := g.led()
		if leader == 0 {
			continue
		}
		inside, with := slices.Contains(nodes, leader), 0
		for k := range g.members {
			if g.members[k].replica != 0 && slices.Contains(nodes, uint64(k+1)) == inside {
				with++
			}
		}
		p.reachIf(with <= g.size/2, leaderCutOff)
	}
}
