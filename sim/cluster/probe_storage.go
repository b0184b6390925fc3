package cluster

import (
	"slices"
	"strings"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/engine/journal"
)

// probedStorage is what a prober knows of a machine's disk.
type probedStorage struct {
	full bool // its process found no room, and is the same still
	// The disk was to lose, or to misdirect, a write; nothing was found since.
	swallows, misdirects bool

	files     int    // of the journal, not given back
	returned  int    // how many were given back
	since     int    // how many were begun since the first of these
	usedAgain string // the newest file, if it must have been one of them
}

// manyFiles is from where on the probe journal-of-many-files speaks; sparesReady
// is more files than stand ready, never used, when the first one is given back.
const (
	manyFiles   = 24
	sparesReady = 3
)

// found: a process begins with these files.
func (n *probedStorage) found(files []string) {
	n.files = 0
	for _, name := range files {
		if strings.HasPrefix(name, "journal/j-") {
			n.files++
		}
	}
}

func (n *probedStorage) recycled() {
	n.files--
	n.returned++
}

// begunFile: the journal goes on in a file.
func (p *prober) begunFile(n *probedNode, file string) {
	n.files++
	p.reachIf(n.files == manyFiles, journalOfMany)
	n.usedAgain = ""
	if n.returned == 0 {
		return
	}
	if n.since++; n.since > sparesReady {
		n.usedAgain = file
	}
}

// lies: nodes' disks are to report a success of a write that goes wrong.
func (p *prober) lies(f *Fault, nodes []uint64) {
	for _, node := range nodes {
		n := &p.nodes[node-1]
		n.swallows = n.swallows || f.Kind == LostWrite
		n.misdirects = n.misdirects || f.Kind == MisdirectedWrite
	}
}

// repairOf is the probe of what can be repaired, by an event's text.
func repairOf(what string) (probe, bool) {
	switch what {
	case "segment":
		return segmentRepaired, true
	case "index":
		return indexRebuilt, true
	case "checkpoint":
		return checkpointRebuilt, true
	case "journal":
		return journalReplaced, true
	}
	return 0, false
}

// disked takes what a node tells of its disk.
func (p *prober) disked(e *checker.Event) {
	n := &p.nodes[e.Node-1]
	switch e.Kind {
	case checker.EventDamaged:
		p.reachIf(n.booted, damageInService)
		p.reachIf(!n.booted, damageAtStart)
		p.reachIf(strings.Contains(e.Text, journal.InDoubt), tailInDoubt)
		p.reachIf(n.swallows, staleFound)
		p.reachIf(n.misdirects, misdirectedFound)
		n.swallows, n.misdirects = false, false
	case checker.EventRepaired:
		if at, known := repairOf(e.Text); known {
			p.reach(at)
		}
	case checker.EventScrubbed:
		p.reach(scrubPassed)
	case checker.EventFull:
		n.full = true
	case checker.EventSpace:
		p.reachIf(n.full, fullRecovered)
		p.roomAgain(n.full, e.Node)
		n.full = false
	case checker.EventDiskLost:
		n.probedStorage = probedStorage{}
		for i := range p.groups {
			p.groups[i].members[e.Node-1].diskGone = true
		}
	default: // not of a disk
	}
}

// ledDuring: what a new leader came into. It comes before the prober takes note
// of the leader.
func (p *prober) ledDuring(g *probedGroup, e *checker.Event) {
	if e.Role != checker.Leader || g.led() == e.Node {
		return
	}
	p.reachIf(g.joint, leaderInJoint)
	replacing := false
	for i := range g.members {
		m := &g.members[i]
		replacing = replacing || m.fenced || m.fresh != 0
	}
	p.reachIf(replacing, replacedUnderLeaders)
	p.reachIf(g.leader != 0 && p.nodes[g.leader-1].full, fullLeaderLeft)
}

// replaced follows a replica from its fresh id to its vote.
func (p *prober) replaced(g *probedGroup, m *probedMember, e *checker.Event) {
	if e.Kind == checker.EventReplica {
		p.reachIf(e.Index > 0, ownCheckpoint)
		m.replica, m.fresh, m.offer = e.Replica, e.Replica, probedOffer{}
		return
	}
	if e.Index < g.membersIndex {
		return
	}
	g.membersIndex, g.joint = e.Index, len(e.Outgoing) > 0
	if g.joint {
		return
	}
	for i := range g.members {
		if m := &g.members[i]; m.fresh != 0 && slices.Contains(e.Voters, m.fresh) {
			p.reachIf(m.diskGone, diskReplaced)
			p.reachIf(!m.diskGone, replicaReplaced)
			m.fresh, m.fenced, m.diskGone = 0, false, false
		}
	}
}

// trimmed: a replica's log begins later.
func (p *prober) trimmed(g *probedGroup, e *checker.Event) {
	p.reach(logTrimmed)
	p.reachIf(g.catchingUp(), trimmedUnderSnapshot)
	if g.start = max(g.start, e.Offset); e.Offset == g.retainedTo {
		p.reachIf(g.retainedCause == "size", trimmedBySize)
		p.reachIf(g.retainedCause == "time", trimmedByTime)
	}
}

// probedOffer is a snapshot that a replica was offered and has not installed.
type probedOffer struct {
	open   bool
	index  uint64
	commit uint64 // of the group, when the first one was offered
	boot   uint64 // of the receiver's process then
	from   uint64 // the node that offered it last
	orphan bool   // whose process died
	staged bool
}

// catchingUp tells whether a member has an offer.
func (g *probedGroup) catchingUp() bool {
	for i := range g.members {
		if g.members[i].offer.open {
			return true
		}
	}
	return false
}

// offererDied: the process is gone that offered snapshots.
func (g *probedGroup) offererDied(node uint64) {
	for i := range g.members {
		if o := &g.members[i].offer; o.open && o.from == node {
			o.orphan = true
		}
	}
}

// snapshot follows a snapshot from its offer to its installation.
func (p *prober) snapshot(g *probedGroup, m *probedMember, e *checker.Event) {
	switch e.Kind {
	case checker.EventSnapshotSent:
		p.offered(g, e)
	case checker.EventSnapshotFailed:
		p.reachIf(e.Peer != 0, snapshotFailed)
	case checker.EventSnapshotResumed:
		p.reachIf(m.offer.open && p.nodes[e.Node-1].boots > m.offer.boot, snapshotResumed)
	case checker.EventSnapshotStaged:
		m.offer.staged = true
		p.reachIf(m.offer.orphan, snapshotOutlived)
	case checker.EventSnapshot:
		if m.offer.staged {
			p.reach(snapshotInstalled)
			p.reachIf(m.offer.open && g.commit > m.offer.commit, snapshotUnderLoad)
			p.reachIf(m.end < g.start, followerBelowStart)
			p.reachIf(m.last > e.Index, snapshotBelowEnd)
		}
		m.offer = probedOffer{}
		m.last, m.written, m.persisted, m.commit = e.Index, e.Index, e.Index, max(m.commit, e.Index)
	default: // not of a snapshot
	}
}

func (p *prober) offered(g *probedGroup, e *checker.Event) {
	for i := range g.members {
		m := &g.members[i]
		if m.replica != e.Peer || m.replica == 0 {
			continue
		}
		o := &m.offer
		if !o.open {
			*o = probedOffer{open: true, commit: g.commit, boot: p.nodes[i].boots}
		} else {
			p.reachIf(e.Index > o.index, snapshotSuperseded)
		}
		o.index, o.from = e.Index, e.Node
	}
}
