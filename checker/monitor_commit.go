package checker

// commit takes a rise of the commit index. A leader's is judged at once: its
// entries are there. Another's may speak of entries that its turn is about to
// append, so it waits for them.
func (m *Monitor) commit(r *replica, e *Event) {
	r.owed = *e
	r.owed.Set = nil
	if r.role == Leader && r.term == e.Term {
		m.settle(r)
	}
}

// settle judges the commit that waited.
func (m *Monitor) settle(r *replica) {
	e := &r.owed
	g := r.group
	e.Kind = EventNone
	m.checked[oMonotoneTerm]++
	if e.Index < r.commit {
		m.object(oMonotoneTerm, e, "group %d: replica %d's commit index goes from %d back to %d", g.ID, r.id, r.commit, e.Index)
		return
	}
	r.commit, r.everCommit = e.Index, max(r.everCommit, e.Index)
	m.checked[oStateMachineSafety]++
	if r.log.placed && e.Index > r.log.last() && e.Index > r.checkpoint {
		m.object(oStateMachineSafety, e, "group %d: replica %d commits %d and its log ends at %d", g.ID, r.id, e.Index, r.log.last())
	}
	if e.Index > g.committed {
		m.committed(r, e)
		return
	}
	term, c := r.log.term(e.Index), g.commits.get(e.Index)
	if term != 0 && c.term != 0 && term != c.term {
		m.object(oStateMachineSafety, e, "group %d: entry %d is committed with term %d by replica %d and with term %d by replica %d", g.ID, e.Index, term, r.id, c.term, c.observer)
	}
}

// committed judges entries that are seen committed for the first time: they
// stand on a quorum, and a leader counted by an entry of its own term (Raft,
// section 5.4.2: Figure 8 is what happens otherwise).
func (m *Monitor) committed(r *replica, e *Event) {
	g := r.group
	term := r.log.term(e.Index)
	if term != 0 {
		m.checked[oLeaderCompleteness]++
		m.quorum(r, e, term)
	}
	if term != 0 && r.role == Leader && term != r.term {
		m.object(oLeaderCompleteness, e, "group %d: replica %d leads in term %d and commits entry %d of term %d, not one of its own term", g.ID, r.id, r.term, e.Index, term)
	}
	for i := max(g.committed+1, r.log.first); i <= min(e.Index, r.log.last()); i++ {
		if t := r.log.term(i); t != 0 {
			*g.commits.at(i) = commit{term: t, inTerm: e.Term, observer: r.id, config: r.config}
			g.known = i
		}
	}
	g.committed = e.Index
}

// quorum judges by the configuration that the observer had applied. The leader
// observes a commit first; another that does has not applied, perhaps, what the
// leader counted by.
func (m *Monitor) quorum(r *replica, e *Event, term uint64) {
	g := r.group
	if len(g.Members) == 0 || r.config.persisted(e.Index, term) {
		return
	}
	if r.left != nil && r.leftAt == e.AtNs && r.left.persisted(e.Index, term) {
		return // the turn in which it counted went on
	}
	for i := len(g.configs) - 1; r.role != Leader && i >= 0 && g.configs[i].index > r.config.index; i-- {
		if g.configs[i].persisted(e.Index, term) {
			return
		}
	}
	m.object(oLeaderCompleteness, e, "group %d: replica %d commits entry %d of term %d in term %d, persisted on %s", g.ID, r.id, e.Index, term, e.Term,
		r.config.share(func(v *replica) bool { return v.persistedEntry(e.Index, term) }))
}

// persistedEntry says that the replica holds the entry to be durable on its disk.
func (r *replica) persistedEntry(index, term uint64) bool {
	if index <= r.checkpoint || r.log.placed && index < r.log.first {
		return true
	}
	s := r.log.at(index)
	return s != nil && (s.term == term || s.term == 0) && s.op <= r.log.persisted
}

// apply judges an applied entry.
func (m *Monitor) apply(r *replica, e *Event) {
	g := r.group
	m.checked[oMonotoneTerm]++
	m.checked[oStateMachineSafety]++
	m.applyOrder(r, e)
	r.applied, r.everApplied, r.fresh, r.position = e.Index, max(r.everApplied, e.Index), false, e.Index
	m.inConfig(r, e)
	if e.Index > r.everCommit && r.whole {
		m.object(oStateMachineSafety, e, "group %d: replica %d applies entry %d and has committed up to %d", g.ID, r.id, e.Index, r.everCommit)
	}
	if s := r.log.at(e.Index); s != nil && s.term != 0 && (s.term != e.Term || s.sum != e.Sum) {
		m.object(oStateMachineSafety, e, "group %d: replica %d applies entry %d of term %d sum %08x, its log holds term %d sum %08x", g.ID, r.id, e.Index, e.Term, e.Sum, s.term, s.sum)
	}
	first := g.applied.at(e.Index)
	if first.term == 0 {
		*first = appliedEntry{term: e.Term, offset: e.Offset, replica: r.id, sum: e.Sum}
		m.offsetsGrow(r, e)
		return
	}
	m.sameApplied(r, e, *first)
}

// applyOrder judges the order: without gaps within one incarnation, and from a
// checkpoint on after a restart. A restored snapshot is a checkpoint.
func (m *Monitor) applyOrder(r *replica, e *Event) {
	from := e.Index - 1
	switch {
	case r.fresh && r.begun && r.whole:
		if from != r.position {
			m.object(oStateMachineSafety, e, "group %d: replica %d applies entry %d to the state that it began with, which is that of entry %d", r.group.ID, r.id, e.Index, r.position)
		}
	case from == r.applied, from == r.checkpoint && r.checkpoint > r.applied:
	case r.fresh && from >= r.checkpoint && from <= max(r.everApplied, r.checkpoint):
	case !r.whole && r.everApplied == 0: // the history begins later than the replica
	case e.Index <= r.applied:
		m.object(oMonotoneTerm, e, "group %d: replica %d applies entry %d after entry %d", r.group.ID, r.id, e.Index, r.applied)
	default:
		m.object(oStateMachineSafety, e, "group %d: replica %d applies entry %d after entry %d: a gap", r.group.ID, r.id, e.Index, r.applied)
	}
}

// sameApplied compares with the replica that applied the index first.
func (m *Monitor) sameApplied(r *replica, e *Event, first appliedEntry) {
	g := r.group
	m.checked[oReplicasEqual]++
	if first.term != e.Term || first.sum != e.Sum {
		m.object(oStateMachineSafety, e, "group %d: replica %d applies at %d an entry of term %d sum %08x, replica %d one of term %d sum %08x",
			g.ID, r.id, e.Index, e.Term, e.Sum, first.replica, first.term, first.sum)
	}
	if first.offset != e.Offset {
		m.object(oReplicasEqual, e, "group %d: after entry %d the log of replica %d ends at offset %d, that of replica %d at %d", g.ID, e.Index, r.id, e.Offset, first.replica, first.offset)
	}
}

// offsetsGrow judges the log end offset of an entry that is applied for the
// first time.
func (m *Monitor) offsetsGrow(r *replica, e *Event) {
	before := r.group.applied.get(e.Index - 1)
	if before.term == 0 || before.offset < 0 || e.Offset < 0 {
		return
	}
	m.checked[oGaplessOffsets]++
	if e.Offset < before.offset {
		m.object(oGaplessOffsets, e, "group %d: entry %d ends the log of replica %d at offset %d, the entry before at %d", r.group.ID, e.Index, r.id, e.Offset, before.offset)
	}
}

// produceAcked judges a success that leaves for a client: the entry it waited
// for is the one that was applied, at the offset that is answered, and is
// durable on enough replicas.
func (m *Monitor) produceAcked(r *replica, e *Event) {
	g := r.group
	m.checked[oLostWrite]++
	m.speaks(r, e)
	at := g.applied.get(e.Index)
	switch {
	case !r.whole && (at.term == 0 || e.Index > r.everApplied): // applied before the history began
	case at.term == 0 || e.Index > r.everApplied:
		m.object(oLostWrite, e, "group %d: replica %d acknowledges entry %d and has applied up to %d", g.ID, r.id, e.Index, r.everApplied)
	case at.term != e.Term:
		m.object(oLostWrite, e, "group %d: replica %d acknowledges entry %d of term %d, the applied one has term %d", g.ID, r.id, e.Index, e.Term, at.term)
	case at.offset >= 0 && e.Offset >= 0 && e.Offset+e.Length != at.offset:
		m.object(oLostWrite, e, "group %d: replica %d acknowledges entry %d as offsets %d to %d, applied it ends the log at %d", g.ID, r.id, e.Index, e.Offset, e.Offset+e.Length-1, at.offset)
	}
	m.ackDurable(r, e)
}
