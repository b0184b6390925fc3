package checker

import "slices"

// staged notes that all files of a snapshot are on a replica's disk: a process
// that ends may have installed it before it could say so.
func (m *Monitor) staged(e *Event) {
	if e.Replica == 0 {
		return // by a node that has no replica of the group yet
	}
	r := m.replica(e)
	r.staged = slices.DeleteFunc(r.staged, func(s uint64) bool { return s <= r.checkpoint || s == e.Index })
	r.staged = append(r.staged, e.Index)
}

// snapshot judges an installed snapshot: it is committed state, newer than what
// the replica had, and the journal's record of it is durable.
func (m *Monitor) snapshot(r *replica, e *Event) {
	m.checked[oSnapshotSafety]++
	g := r.group
	if r.whole && !r.down && e.Index <= r.position {
		m.object(oSnapshotSafety, e, "group %d: replica %d installs a snapshot at %d and has applied up to %d", g.ID, r.id, e.Index, r.position)
	}
	m.isCommitted(r, e, "installs a snapshot")
	if m.durable != nil && e.Length > 0 {
		m.checked[oDurability]++
		if !m.durable(r.node, e.File, e.Offset, e.Length) {
			m.object(oDurability, e, "group %d: replica %d goes on after its snapshot at %d: the record of it is not durable (%d bytes of %s at %d on node %d)",
				g.ID, r.id, e.Index, e.Length, e.File, e.Offset, r.node)
		}
	}
	r.restartLog(e.Index)
	r.log.below = e.Term
	r.takes = true
}

// isCommitted judges that the state at an event's index and term is committed.
func (m *Monitor) isCommitted(r *replica, e *Event, does string) {
	g := r.group
	if g.isWhole() && e.Index > g.everCommitted() {
		m.object(oSnapshotSafety, e, "group %d: replica %d %s at %d, nobody is known to have committed more than %d", g.ID, r.id, does, e.Index, g.everCommitted())
	}
	term := g.commits.get(e.Index).term
	if term == 0 {
		term = g.applied.get(e.Index).term
	}
	if term != 0 && e.Term != 0 && e.Term != term {
		m.object(oSnapshotSafety, e, "group %d: replica %d %s at %d of term %d, the committed entry there has term %d", g.ID, r.id, does, e.Index, e.Term, term)
	}
}

// isWhole says that the events of all genesis members are known from their
// beginning on.
func (g *group) isWhole() bool {
	for _, r := range g.configs[0].voters {
		if !r.whole {
			return false
		}
	}
	return len(g.Members) > 0
}

func (g *group) everCommitted() uint64 {
	n := g.committed
	for _, r := range g.replicas {
		n = max(n, r.everCommit)
	}
	return n
}

// restartLog makes the replica's log go on after a snapshot, with nothing of the
// old one left: neither entries nor records of them under way.
func (r *replica) restartLog(index uint64) {
	r.log.restart(index + 1)
	r.log.settle()
	for i := range r.queue {
		r.queue[i].first, r.queue[i].last, r.queue[i].op = 0, 0, 0
	}
	r.queue = slices.DeleteFunc(r.queue, func(w written) bool { return w.holdsNothing() })
	r.installed = max(r.installed, index)
	r.checkpoint = max(r.checkpoint, index)
	r.commit, r.everCommit = max(r.commit, index), max(r.everCommit, index)
	r.applied, r.everApplied, r.position = index, max(r.everApplied, index), index
	r.staged = slices.DeleteFunc(r.staged, func(s uint64) bool { return s <= index })
}

// startsAt is the checkpoint that recovery began with; 0 if it is not said.
func startsAt(e *Event) uint64 { return uint64(max(e.Offset, 0)) }

// recoveredCheckpoint judges the checkpoint that recovery began with.
func (m *Monitor) recoveredCheckpoint(r *replica, e *Event) {
	c := startsAt(e)
	if c == 0 {
		return
	}
	if r.whole && c < r.checkpoint {
		m.object(oRecoveredState, e, "group %d: replica %d recovers from its checkpoint at %d and had a durable one at %d", r.group.ID, r.id, c, r.checkpoint)
	}
	if r.whole && c > max(r.everApplied, r.checkpoint) && !slices.Contains(r.staged, c) {
		m.object(oRecoveredState, e, "group %d: replica %d recovers from a checkpoint at %d and had applied no more than %d", r.group.ID, r.id, c, r.everApplied)
	}
	if c > r.checkpoint {
		r.checkpoint, r.everApplied = c, max(r.everApplied, c)
	}
}
