package cluster

import (
	"github.com/lockstep-log/lockstep/checker"
)

// prober counts how often a run came to each probe. It sees what the oracles
// see and what is done to the cluster, and changes nothing. What an event costs
// it does not grow with the run, and nothing is allocated for one.
type prober struct {
	counts [probeCount]uint64
	groups []probedGroup // by group id - 1
	nodes  []probedNode  // by node id - 1
	hints  []uint64      // by client: the leader that it was told of last; 0: none
	active int           // faults in force
}

// probedNode is a machine, and the process on it.
type probedNode struct {
	boots   uint64
	running bool // there is a process, perhaps still recovering
	booted  bool // it has recovered
	paused  int
	dark    bool // without power
	// What the last death was, if there was one.
	died, diedDark, diedEarly bool

	// stops counts how often it stopped itself while all its syncs failed.
	failing, stops int

	file     string // of the journal, written to last
	resynced bool   // its recovery rewrote a tail

	probedStorage
}

// probedGroup is a raft group.
type probedGroup struct {
	members []probedMember // by node id - 1; those elsewhere have no replica
	size    int
	minISR  int
	commit  uint64

	candidacy  uint64 // the highest term with a candidate
	candidates int    // how many it had

	leader     uint64 // the node of the newest leader; 0: none yet
	leaderTerm uint64
	leaderBoot uint64

	diedTerm uint64 // of the leader whose process ended last
	diedAtNs int64

	isrTerm uint64
	isr     int // how many were in sync when last told, in isrTerm

	start         int64  // of the log, as the newest trim has it
	retainedTo    int64  // where retention wants it to begin
	retainedCause string // size or time

	membersIndex uint64 // of the newest membership
	joint        bool   // it is two configurations at once

	alone     bool // it is an unreplicated log, on whose node:
	roomAgain bool // its full disk has room again, and no produce was acknowledged since
}

// probedMember is one replica, as its node's process runs it; what a vote or a
// leader was outlives the process.
type probedMember struct {
	replica uint64
	role    checker.Role
	term    uint64
	peer    uint64 // the leader it follows
	own     uint64 // the first entry of its term as leader; 0: none

	last, written, persisted, commit uint64
	entryAtNs                        int64

	file         string // of the journal, written to last
	fileFirst    uint64 // the first entry in it
	replaced     uint64 // an entry that was written and awaits its replacement; 0: none
	replacedFile string // where that was written; empty: in an older one than file

	voteTerm, voteBoot uint64
	leftTerm, leftPeer uint64 // whom it followed when its process died

	end   int64 // of its log, by what it applied or installed last
	offer probedOffer
	// The replica may have forgotten, its disk was lost, it has a fresh id (0: none)
	// that is not yet a voter.
	fenced, diskGone bool
	fresh            uint64
}

func newProber(nodes, clients int, groups []checker.Group) *prober {
	p := &prober{
		nodes: make([]probedNode, nodes), groups: make([]probedGroup, len(groups)), hints: make([]uint64, clients),
	}
	for i, g := range groups {
		p.groups[i] = probedGroup{members: make([]probedMember, nodes), size: len(g.Members), minISR: g.MinISR, alone: g.Unreplicated}
		for _, m := range g.Members {
			p.groups[i].members[m.Node-1].replica = m.Replica
		}
	}
	return p
}

func (p *prober) reach(at probe) { p.counts[at]++ }

func (p *prober) reachIf(cond bool, at probe) {
	if cond {
		p.counts[at]++
	}
}

// reached gives the counts by name, without those that are zero.
func (p *prober) reached() map[string]uint64 {
	m := map[string]uint64{}
	for at, n := range p.counts {
		if n > 0 {
			m[probes[at].Name] = n
		}
	}
	return m
}

// observe takes one event; nothing in it is kept but strings.
func (p *prober) observe(e *checker.Event) {
	switch e.Kind {
	case checker.EventBooted:
		p.booted(&p.nodes[e.Node-1])
	case checker.EventCrashed:
		p.crashed(e)
	case checker.EventLost:
		p.reach(writeLost)
	case checker.EventRecycled:
		p.reach(journalRecycled)
		p.nodes[e.Node-1].recycled()
	case checker.EventTornTail:
		p.reach(tornTail)
		p.reachIf(p.alone(e.Group), directCut)
		n := &p.nodes[e.Node-1]
		p.reachIf(n.usedAgain != "" && e.File == n.usedAgain, recycledThenTorn)
	case checker.EventResynced:
		p.reach(resynced)
		p.reachIf(p.alone(e.Group), directResynced)
		p.nodes[e.Node-1].resynced = true
	case checker.EventStopped:
		p.stopped(&p.nodes[e.Node-1])
	case checker.EventDamaged, checker.EventRepaired, checker.EventScrubbed, checker.EventFull, checker.EventSpace, checker.EventDiskLost:
		p.disked(e)
	default:
		if e.Group != 0 && e.Group <= uint64(len(p.groups)) {
			g := &p.groups[e.Group-1]
			p.observeMember(g, &g.members[e.Node-1], e)
		}
	}
}

func (p *prober) observeMember(g *probedGroup, m *probedMember, e *checker.Event) {
	if g.alone {
		p.observeAlone(g, m, e)
		return
	}
	switch e.Kind {
	case checker.EventEntry:
		p.entry(m, e)
	case checker.EventWritten:
		p.written(m, e)
	case checker.EventPersisted:
		if e.First != 0 {
			m.persisted = min(max(m.persisted, e.Last), m.last)
		}
	case checker.EventCommit:
		p.committed(g, m, e)
	case checker.EventAckSent:
		p.reachIf(e.Peer != m.replica && e.Index+farBehindBy <= g.commit, farBehind)
	case checker.EventRole:
		p.ledDuring(g, e)
		p.changed(g, m, e)
	case checker.EventVoteSent:
		p.voted(m, e)
	case checker.EventISR:
		p.inSync(g, e)
	case checker.EventRecovered:
		p.recovered(m, e)
	case checker.EventCheckpoint:
		p.reachIf(m.last > e.Index && m.last > m.commit, checkpointUnderLoad)
	case checker.EventReadBack:
		p.reachIf(m.role == checker.Leader, sentFromJournal)
	case checker.EventFenced:
		p.reach(replicaFenced)
		m.fenced = true
	case checker.EventUnrepairable:
		p.reach(allCopiesDamaged)
	case checker.EventApply:
		m.end = max(e.Offset, 0)
	case checker.EventRetention:
		g.retainedTo, g.retainedCause = e.Offset, e.Text
	case checker.EventTrim:
		p.trimmed(g, e)
	case checker.EventReplica, checker.EventMembers:
		p.replaced(g, m, e)
	default:
		p.snapshot(g, m, e)
	}
}
