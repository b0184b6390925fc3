package cluster

import "github.com/lockstep-log/lockstep/checker"

// alone tells whether a group is an unreplicated log.
func (p *prober) alone(group uint64) bool {
	return group != 0 && group <= uint64(len(p.groups)) && p.groups[group-1].alone
}

// observeAlone takes an event of an unreplicated log.
func (p *prober) observeAlone(g *probedGroup, m *probedMember, e *checker.Event) {
	switch e.Kind {
	case checker.EventWritten:
		m.written = e.Last
	case checker.EventPersisted:
		m.persisted = e.Last
	case checker.EventRecovered:
		m.written, m.persisted, g.roomAgain = e.Last, e.Last, false
	case checker.EventDurableEnd:
		p.reach(directNoted)
	case checker.EventCheckpoint:
		p.reach(directCheckpoint)
	case checker.EventTrim:
		p.reach(logTrimmed)
	case checker.EventFenced:
		p.reach(directLost)
	case checker.EventProduceAcked:
		p.reachIf(g.roomAgain, directFullRecovered)
		g.roomAgain = false
	default: // nothing that a probe is about
	}
}

// roomAgain: a node's disk has room again, if it was full.
func (p *prober) roomAgain(was bool, node uint64) {
	for i := range p.groups {
		if g := &p.groups[i]; was && g.alone && g.members[node-1].replica != 0 {
			g.roomAgain = true
		}
	}
}
