package cluster

import (
	"time"

	"github.com/lockstep-log/lockstep/checker"
)

// soonerThanTimeout: a campaign so soon after the leader's end was not begun by
// an election timeout, which is half a second at least.
const soonerThanTimeout = int64(250 * time.Millisecond)

// changed takes a replica's role, term and leader.
func (p *prober) changed(g *probedGroup, m *probedMember, e *checker.Event) {
	was, term := m.role, m.term
	m.role, m.term, m.peer = e.Role, e.Term, e.Peer
	if was == checker.Leader && e.Role != checker.Leader {
		p.reachIf(e.Term == term, quorumCheck)
		p.reachIf(e.Term > term, leaderDeposed)
	}
	switch e.Role {
	case checker.Follower:
		p.reachIf(was == checker.PreCandidate, preVoteFailed)
		p.reachIf(was == checker.Candidate && e.Term == term && e.Peer != 0, candidateBeaten)
		p.reachIf(m.leftPeer != 0 && e.Peer == m.leftPeer && e.Term == m.leftTerm && e.Peer != m.replica, sameLeaderMet)
		if e.Peer != 0 {
			m.leftPeer = 0
		}
	case checker.PreCandidate:
		p.reachIf(was == checker.Candidate, candidateAgain)
		p.reachIf(g.diedTerm == e.Term && e.AtNs-g.diedAtNs < soonerThanTimeout, closedConnection)
	case checker.Candidate:
		if was != checker.Candidate || e.Term != term {
			p.campaigned(g, e.Term)
		}
	case checker.Leader:
		if was != checker.Leader || e.Term != term {
			m.own = 0
			p.elected(g, m, e)
		}
	}
}

func (p *prober) campaigned(g *probedGroup, term uint64) {
	switch {
	case term == g.candidacy:
		g.candidates++
		p.reachIf(g.candidates == 2, twoCandidates)
	case term > g.candidacy:
		p.reachIf(g.candidates > 1 && g.leaderTerm < g.candidacy, splitVote)
		g.candidacy, g.candidates = term, 1
	}
}

func (p *prober) elected(g *probedGroup, m *probedMember, e *checker.Event) {
	serving := 0
	for i := range g.members {
		o, n := &g.members[i], &p.nodes[i]
		if o.replica == 0 || !n.running {
			continue
		}
		if !n.booted {
			p.reach(electedInRecovery)
			continue
		}
		serving++
		p.reachIf(o != m && o.role == checker.Leader && o.term < e.Term, twoLeaders)
		p.reachIf(o != m && o.role == checker.Leader && n.paused > 0, leaderDeposedAsleep)
		p.reachIf(o.last > m.last, shorterLog)
	}
	p.reachIf(serving == g.size/2+1 && serving < g.size, bareQuorum)
	p.reachIf(m.last > m.commit, inheritedEntries)
	boot := p.nodes[e.Node-1].boots
	if g.leader == e.Node {
		p.reach(sameLeaderAgain)
		p.reachIf(g.leaderBoot != boot, leaderAfterCrash)
	}
	g.leader, g.leaderTerm, g.leaderBoot = e.Node, e.Term, boot
}

func (p *prober) voted(m *probedMember, e *checker.Event) {
	boot := p.nodes[e.Node-1].boots
	p.reachIf(m.voteTerm == e.Term && m.voteBoot != boot, votedAfterRestart)
	m.voteTerm, m.voteBoot = e.Term, boot
}
