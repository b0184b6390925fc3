package checker

// role judges a change of role, term or leader.
func (m *Monitor) role(r *replica, e *Event) {
	m.checked[oMonotoneTerm]++
	if e.Term < r.term {
		m.object(oMonotoneTerm, e, "group %d: replica %d goes from term %d back to %d", r.group.ID, r.id, r.term, e.Term)
	}
	r.role, r.term = e.Role, max(r.term, e.Term)
	if e.Role == Leader {
		m.elected(r, e)
	}
}

// elected judges a leader: the only one of its term (Raft, section 5.2), with
// everything that an earlier leader committed (section 5.4).
func (m *Monitor) elected(r *replica, e *Event) {
	g := r.group
	m.checked[oElectionSafety]++
	if other, ok := g.leaders[e.Term]; !ok {
		g.leaders[e.Term] = r.id
	} else if other != r.id {
		m.object(oElectionSafety, e, "group %d: replicas %d and %d both lead in term %d", g.ID, other, r.id, e.Term)
	}
	if g.isWhole() && r.whole && !r.config.elects(r.id, e.Term) && (r.left == nil || r.leftAt != e.AtNs || !r.left.elects(r.id, e.Term)) {
		m.object(oElectionSafety, e, "group %d: replica %d leads in term %d and was voted for by %s", g.ID, r.id, e.Term,
			r.config.share(func(v *replica) bool { return v.mayHaveVoted(r.id, e.Term) }))
	}
	m.checked[oLeaderCompleteness]++
	if index, c := g.missing(r, e.Term); index != 0 {
		m.object(oLeaderCompleteness, e, "group %d: replica %d leads in term %d without entry %d of term %d, which replica %d knew to be committed in term %d",
			g.ID, r.id, e.Term, index, c.term, c.observer, c.inTerm)
	}
}

// elects says that a quorum may have voted for a replica in a term.
func (c *config) elects(id, term uint64) bool {
	return halfElects(c.voters, id, term) && halfElects(c.outgoing, id, term)
}

func halfElects(half []*replica, id, term uint64) bool {
	n := 0
	for _, v := range half {
		if v.mayHaveVoted(id, term) {
			n++
		}
	}
	return len(half) == 0 || n > len(half)/2
}

// mayHaveVoted: only the newest vote is remembered.
func (r *replica) mayHaveVoted(id, term uint64) bool {
	return r.voteTerm > term || r.voteTerm == term && r.votePeer == id
}

// missing finds the first entry committed before term that r's log has not.
// Log matching holds for r's log, or was objected to, so the newest such entry
// speaks for all before it.
func (g *group) missing(r *replica, term uint64) (uint64, commit) {
	index := g.known
	for index > 0 && g.commits.get(index).inTerm >= term {
		index--
	}
	if index == 0 || !g.lacks(r, index) {
		return 0, commit{}
	}
	for index > 1 && g.lacks(r, index-1) {
		index--
	}
	return index, g.commits.get(index)
}

// lacks says that r's log certainly does not hold the committed entry.
func (g *group) lacks(r *replica, index uint64) bool {
	c := g.commits.get(index)
	if c.term == 0 || !r.log.placed || index < r.log.first || index <= r.checkpoint {
		return false
	}
	s := r.log.at(index)
	return s == nil || (s.term != 0 && s.term != c.term)
}

// voteSent judges a granted vote: one a term, and on the disk before it leaves.
func (m *Monitor) voteSent(r *replica, e *Event) {
	m.checked[oElectionSafety]++
	m.speaks(r, e)
	if e.Term == r.voteTerm && e.Peer != r.votePeer {
		m.object(oElectionSafety, e, "group %d: replica %d votes for %d and for %d in term %d", r.group.ID, r.id, r.votePeer, e.Peer, e.Term)
	}
	if c := m.named(r.group, e.Peer); c != r && c.whole && r.group.isWhole() && !c.asks(r) {
		m.object(oElectionSafety, e, "group %d: replica %d votes for %d in term %d, which is in no configuration in which it has a vote", r.group.ID, r.id, e.Peer, e.Term)
	}
	if e.Term >= r.voteTerm {
		r.voteTerm, r.votePeer = e.Term, e.Peer
	}
	r.promisedTerm = max(r.promisedTerm, e.Term)
	m.voteDurable(r, e)
}

// asks says that a candidate may have asked another replica for its vote: it was
// once in a configuration that counts it.
func (r *replica) asks(voter *replica) bool {
	for _, c := range r.group.configs {
		if c.index <= r.reached && c.counts(voter) {
			return true
		}
	}
	return false
}

// entry judges an entry that enters a log.
func (m *Monitor) entry(r *replica, e *Event) {
	g, l := r.group, &r.log
	m.checked[oLeaderAppendOnly]++
	m.checked[oLogMatching]++
	if l.placed && e.Index <= l.last() {
		m.cutting(r, e)
	}
	prev := l.term(e.Index - 1)
	if prev > e.Term {
		m.object(oLogMatching, e, "group %d: replica %d has entry %d of term %d after one of term %d", g.ID, r.id, e.Index, e.Term, prev)
	}
	m.match(r, e, prev)
	last := l.last()
	if l.append(e.Index, e.Term, e.Sum) && e.Index != r.checkpoint+1 {
		m.object(oLogMatching, e, "group %d: replica %d puts entry %d after entry %d: a gap", g.ID, r.id, e.Index, last)
	}
}

// cutting judges an entry that replaces others.
func (m *Monitor) cutting(r *replica, e *Event) {
	g, l := r.group, &r.log
	if r.role == Leader {
		m.object(oLeaderAppendOnly, e, "group %d: replica %d leads in term %d and replaces its entries %d to %d", g.ID, r.id, r.term, e.Index, l.last())
	}
	old := l.at(e.Index)
	same := old != nil && (old.term == 0 || old.term == e.Term && old.sum == e.Sum)
	if e.Index < r.commit || e.Index == r.commit && !same {
		m.object(oLogMatching, e, "group %d: replica %d cuts its log at %d and had committed up to %d", g.ID, r.id, e.Index, r.commit)
	}
}

// match compares an entry with the one that other logs hold at that index and
// term (Raft, section 5.3). By induction over the predecessors two logs that
// share an entry are equal up to it.
func (m *Monitor) match(r *replica, e *Event, prev uint64) {
	g := r.group
	now := knownEntry{term: e.Term, prevTerm: prev, sum: e.Sum, prev: prev != 0 || e.Index == 1}
	known := g.entries.at(e.Index)
	if known.term == 0 {
		*known = now
		return
	}
	if known.term != e.Term {
		key := entryKey{e.Index, e.Term}
		other, ok := g.others[key]
		if !ok || !other.prev && now.prev && other.sum == now.sum {
			g.others[key] = now
			return
		}
		known = &other
	}
	switch {
	case known.sum != now.sum:
		m.object(oLogMatching, e, "group %d: replica %d has entry %d of term %d with sum %08x, elsewhere it has %08x", g.ID, r.id, e.Index, e.Term, now.sum, known.sum)
	case known.prev && now.prev && known.prevTerm != now.prevTerm:
		m.object(oLogMatching, e, "group %d: replica %d has entry %d of term %d after one of term %d, elsewhere it follows term %d", g.ID, r.id, e.Index, e.Term, now.prevTerm, known.prevTerm)
	case now.prev && !known.prev:
		known.prev, known.prevTerm = true, now.prevTerm
	}
}
