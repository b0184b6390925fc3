package cluster

import (
	"github.com/lockstep-log/lockstep/checker"
)

// From where on the probes far-behind, commit-leap and long-suffix-truncated
// speak, in entries.
const (
	farBehindBy  = 50
	leapBy       = 20
	longSuffixBy = 4
)

func (p *prober) entry(m *probedMember, e *checker.Event) {
	if e.Index <= m.last {
		p.truncated(m, e.Index)
	}
	if m.role == checker.Leader && e.Term == m.term {
		if m.own == 0 {
			m.own = e.Index
		} else if e.AtNs == m.entryAtNs {
			p.reach(turnBatch)
		}
		m.entryAtNs = e.AtNs
	}
	m.last = e.Index
}

// truncated: the log is cut from index on.
func (p *prober) truncated(m *probedMember, index uint64) {
	p.reach(suffixTruncated)
	p.reachIf(m.last-index+1 >= longSuffixBy, longSuffixTruncated)
	p.reachIf(index <= m.persisted, durableTruncated)
	if index <= m.written {
		m.replaced, m.replacedFile = index, m.file
		if index < m.fileFirst {
			m.replacedFile = ""
		}
	}
	m.written, m.persisted = min(m.written, index-1), min(m.persisted, index-1)
}

func (p *prober) written(m *probedMember, e *checker.Event) {
	n := &p.nodes[e.Node-1]
	if n.file != e.File {
		p.reachIf(n.booted, journalRolled)
		n.file = e.File
		p.begunFile(n, e.File)
	}
	if e.First == 0 {
		return
	}
	p.reachIf(e.Last > e.First, batchedWrite)
	if m.replaced != 0 && e.First <= m.replaced {
		p.reachIf(e.Last >= m.replaced && e.File != m.replacedFile, replacedAcrossFiles)
		m.replaced = 0
	}
	if m.file != e.File {
		m.file, m.fileFirst = e.File, e.First
	}
	m.fileFirst = min(m.fileFirst, e.First)
	m.written = e.Last
}

func (p *prober) committed(g *probedGroup, m *probedMember, e *checker.Event) {
	if m.role == checker.Leader {
		p.reachIf(m.own != 0 && m.commit+1 < m.own && e.Index >= m.own, committedIndirectly)
		p.reachIf(e.Index > m.persisted, committedAheadOfDisk)
	}
	p.reachIf(e.Index >= m.commit+leapBy, commitLeap)
	m.commit = e.Index
	g.commit = max(g.commit, e.Index)
}

func (p *prober) recovered(m *probedMember, e *checker.Event) {
	checkpoint := uint64(e.Offset)
	p.reachIf(checkpoint > 0, fromCheckpoint)
	p.reachIf(e.Index > checkpoint, replayedJournal)
	p.reachIf(e.Last > e.Index, recoveredUncommitted)
	p.reachIf(e.Vote != 0 && e.Vote != m.replica, voteRecovered)
	m.role, m.term, m.peer, m.own, m.replaced = checker.Follower, e.Term, 0, 0, 0
	m.last, m.written, m.persisted, m.commit = e.Last, e.Last, e.Last, e.Index
}

// inSync takes the in-sync set that a leader tells of.
func (p *prober) inSync(g *probedGroup, e *checker.Event) {
	if g.isrTerm == e.Term {
		p.reachIf(len(e.Set) < g.isr, isrShrunk)
		p.reachIf(len(e.Set) > g.isr, isrGrew)
	} else {
		p.reachIf(len(e.Set) < g.size, isrInherited)
	}
	g.isrTerm, g.isr = e.Term, len(e.Set)
	p.reachIf(len(e.Set) == 1, isrAlone)
	p.reachIf(len(e.Set) < g.minISR, isrBelowMin)
	led := false
	for _, node := range e.Set {
		led = led || node == e.Node
	}
	p.reachIf(!led, leaderOutside)
}
