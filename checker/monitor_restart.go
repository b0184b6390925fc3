package checker

import "slices"

// booted judges the number of a process.
func (m *Monitor) booted(e *Event) {
	n := m.node(e.Node)
	m.checked[oRecoveredState]++
	if e.Index != 0 && e.Index <= n.incarnation {
		m.object(oRecoveredState, e, "node %d boots as incarnation %d and was %d before", e.Node, e.Index, n.incarnation)
	}
	n.incarnation = max(n.incarnation, e.Index)
}

// crashed ends a process.
func (m *Monitor) crashed(e *Event) {
	for _, l := range m.node(e.Node).alone {
		l.state = aloneDown
	}
	for _, r := range m.node(e.Node).replicas {
		r.stop()
		r.down = true
		if r.silence == fencedNow {
			r.silence = speaking // what it was fenced for may be over
		}
	}
}

// stop ends a life of the replica.
func (r *replica) stop() {
	r.fresh, r.role = true, Follower
	r.owed.Kind = EventNone // its turn was cut short
	for i := range r.queue {
		r.queue[i].old = true
	}
	r.keepCopies()
}

// keepCopies notes what a recovery that did not end had written elsewhere: the
// next one may find it there, whatever becomes of the first copy.
func (r *replica) keepCopies() {
	for i := range r.early {
		e := &r.early[i]
		if e.Kind != EventWritten {
			continue
		}
		for k := range r.queue {
			w := &r.queue[k]
			entries := w.first == 0 || e.First != 0 && e.First <= w.first && w.last <= e.Last
			state := !w.state || e.First == 0 && w.term == e.Term && w.vote == e.Vote
			if entries && state {
				w.copies = append(w.copies, extent{e.File, e.Offset, e.Length})
			}
		}
	}
	r.early = r.early[:0]
}

// lost notes which records a power loss took.
func (m *Monitor) lost(e *Event) {
	for _, l := range m.node(e.Node).alone {
		l.lose(e)
	}
	for _, r := range m.node(e.Node).replicas {
		for i := range r.queue {
			w := &r.queue[i]
			if len(w.copies) == 0 && w.file == e.File && w.off < e.Offset+e.Length && e.Offset < w.off+w.n {
				w.lost = true
			}
		}
	}
}

// recovered judges what a replica found on its disk. It may be any log between
// the last persisted one and the last one, and nothing else.
func (m *Monitor) recovered(r *replica, e *Event) {
	m.checked[oRecoveredState]++
	m.checked[oMonotoneTerm]++
	m.comesToLife(r, e)
	if !r.down {
		r.stop() // it begins anew within its process
	}
	if r.seen && r.lives {
		m.recoveredCheckpoint(r, e)
		m.recoveredHardState(r, e)
		m.recoveredLog(r, e)
	} else {
		r.log.restart(max(e.Last, e.First-min(e.First, 1)) + 1)
		r.sureTerm, r.sureVote = e.Term, e.Vote
		r.everApplied = e.Index // no more than was committed; the checkpoint may not be known
		r.checkpoint = max(r.checkpoint, startsAt(e))
	}
	r.whole = true
	if e.Index > e.Last && e.Last >= e.First && e.Index > max(r.checkpoint, r.everApplied) {
		m.object(oRecoveredState, e, "group %d: replica %d recovers commit index %d and its log ends at %d", r.group.ID, r.id, e.Index, e.Last)
	}
	m.restarted(r, e)
}

// restarted makes what was recovered the replica's state.
func (m *Monitor) restarted(r *replica, e *Event) {
	r.log.settle()
	r.term, r.writtenTerm, r.everWritten = e.Term, 0, max(r.everWritten, e.Term)
	r.persistedTerm, r.persistedFor = e.Term, e.Vote
	r.commit, r.everCommit = e.Index, max(r.everCommit, e.Index)
	r.role, r.fresh, r.down = Follower, true, false
	r.position = startsAt(e)
	r.begun = r.position > 0
	if r.position == 0 && r.checkpoint > 0 {
		r.position = r.everCommit // it is not said where it begins
	}
	r.config, r.left, r.takes = r.group.configs[0], nil, false
	r.forgetQueue(e)
	early := r.early
	r.early = nil
	for i := range early {
		m.observeReplica(r, &early[i])
	}
	r.writtenTerm = max(r.writtenTerm, e.Term)
}

// recoveredHardState judges term and vote.
func (m *Monitor) recoveredHardState(r *replica, e *Event) {
	g := r.group
	if e.Term < r.persistedTerm {
		m.object(oMonotoneTerm, e, "group %d: replica %d recovers term %d and had persisted term %d", g.ID, r.id, e.Term, r.persistedTerm)
	}
	switch {
	case e.Term < r.promisedTerm:
		m.object(oRecoveredState, e, "group %d: replica %d recovers term %d and had promised term %d", g.ID, r.id, e.Term, r.promisedTerm)
	case e.Term == r.voteTerm && e.Vote != r.votePeer:
		m.object(oRecoveredState, e, "group %d: replica %d recovers vote %d in term %d and had voted for %d", g.ID, r.id, e.Vote, e.Term, r.votePeer)
	case e.Term == r.persistedTerm && r.persistedFor != 0 && e.Vote != r.persistedFor:
		m.object(oRecoveredState, e, "group %d: replica %d recovers vote %d in term %d and had persisted one for %d", g.ID, r.id, e.Vote, e.Term, r.persistedFor)
	case e.Term > r.everWritten && r.whole:
		m.object(oRecoveredState, e, "group %d: replica %d recovers term %d and never wrote more than %d", g.ID, r.id, e.Term, r.everWritten)
	case r.lostHardState(e.Term, e.Vote):
		m.object(oRecoveredState, e, "group %d: replica %d recovers term %d and vote %d, whose bytes were lost", g.ID, r.id, e.Term, e.Vote)
	}
}

// lostHardState says that all records of a hard state were lost.
func (r *replica) lostHardState(term, vote uint64) bool {
	if r.persistedTerm == term && r.persistedFor == vote || r.sureTerm == term && r.sureVote == vote {
		return false
	}
	lost := false
	for i := range r.queue {
		w := &r.queue[i]
		if w.term != term || w.vote != vote {
			continue
		}
		if !w.lost {
			return false
		}
		lost = true
	}
	return lost
}

// recoveredLog judges the bounds of the log and finds out which log it is.
func (m *Monitor) recoveredLog(r *replica, e *Event) {
	g, l := r.group, &r.log
	if s := e.First - min(e.First, 1); s > r.installed && slices.Contains(r.staged, s) && e.Last == s {
		r.restartLog(s) // the process ended before it could say so
	}
	if covered := max(r.checkpoint, r.everApplied); l.placed && e.First > max(covered+1, l.first) {
		m.object(oRecoveredState, e, "group %d: replica %d recovers a log that starts at %d, its checkpoint covers no more than %d", g.ID, r.id, e.First, covered)
	}
	end := e.Last
	if e.Last < e.First {
		end = e.First - 1
	}
	if !l.placed || l.vague || end+1 < l.first {
		if end < r.installed {
			m.object(oRecoveredState, e, "group %d: replica %d recovers a log that ends at %d and had installed a snapshot at %d", g.ID, r.id, end, r.installed)
		} else if l.placed && !l.vague && l.durableEnd(&state{head: l.slots}) >= l.first {
			m.object(oRecoveredState, e, "group %d: replica %d recovers a log that ends at %d, its log starts at %d", g.ID, r.id, end, l.first)
		}
		l.restart(end + 1)
		return
	}
	states := l.states()
	fits := r.fitting(states, end, e.Term)
	if len(fits) == 0 {
		m.unfit(r, e, states, end)
		return
	}
	m.adopted(r, e, states, fits, end)
}

// fitting lists the states that can end at an index: those without lost bytes
// and without entries of later terms, if there are such.
func (r *replica) fitting(states []state, end, term uint64) []int {
	var fits, best []int
	for i := range states {
		s := &states[i]
		if end < s.low || end > s.high {
			continue
		}
		fits = append(fits, i)
		n := int(end + 1 - r.log.first)
		if r.lostRecord(s, end) == nil && (n == 0 || s.at(n-1).term <= term) {
			best = append(best, i)
		}
	}
	if len(best) > 0 {
		return best
	}
	return fits
}

// lostRecord finds a record of the state, up to the index end, of which a power
// loss took bytes.
func (r *replica) lostRecord(s *state, end uint64) *written {
	for i := range r.queue {
		w := &r.queue[i]
		if !w.lost || w.first == 0 || w.last > end || w.last < r.log.first {
			continue
		}
		if n := int(w.last - r.log.first); n < len(s.head)+len(s.tail) && s.at(n).op == w.op {
			return w
		}
	}
	return nil
}

// unfit objects to a log that cannot be, and goes on with it.
func (m *Monitor) unfit(r *replica, e *Event, states []state, end uint64) {
	low, high := states[0].low, states[0].high
	for _, s := range states[1:] {
		low, high = min(low, s.low), max(high, s.high)
	}
	switch {
	case end < low:
		m.object(oRecoveredState, e, "group %d: replica %d recovers a log that ends at %d and had promised entries up to %d", r.group.ID, r.id, end, low)
	case end > high:
		m.object(oRecoveredState, e, "group %d: replica %d recovers a log that ends at %d and never wrote beyond %d", r.group.ID, r.id, end, high)
	default:
		m.object(oRecoveredState, e, "group %d: replica %d recovers a log that ends at %d, which it never had", r.group.ID, r.id, end)
	}
	r.log.restart(end + 1)
}

// adopted goes on with a log that can be. Where several can, the entries in
// which they may differ are not known from now on.
func (m *Monitor) adopted(r *replica, e *Event, states []state, fits []int, end uint64) {
	l := &r.log
	s := &states[fits[0]]
	if w := r.lostRecord(s, end); w != nil {
		m.object(oRecoveredState, e, "group %d: replica %d recovers a log that ends at %d: the bytes of entries %d to %d were lost (%d bytes of %s at %d)",
			r.group.ID, r.id, end, w.first, w.last, w.n, w.file, w.off)
	}
	doubtful := end + 1
	for _, c := range l.cuts[len(l.cuts)-fits[len(fits)-1] : len(l.cuts)-fits[0]] {
		doubtful = min(doubtful, c.index)
	}
	l.adopt(s, end)
	for i := doubtful; i <= end; i++ {
		l.at(i).term = 0
	}
}

// forgetQueue keeps of the old records only those that what was recovered rests
// on: nothing else can be acknowledged from now on.
func (r *replica) forgetQueue(e *Event) {
	kept := false
	for i := range r.queue {
		w := &r.queue[i]
		w.old = true
		if w.term != e.Term || w.vote != e.Vote || w.lost {
			w.state, w.term, w.vote = false, 0, 0
		}
		kept = kept || w.term != 0
		last := min(w.last, r.log.last())
		for last >= w.first && last >= r.log.first && r.log.term(last) == 0 {
			last-- // two logs end there: whether it is this entry is not known
		}
		other := w.op != 0 && w.first <= last && r.log.opAt(last) != w.op-(w.last-last) // of entries that did not come back
		if w.first != 0 && w.first <= last && w.first >= r.log.first && !w.lost && !other {
			w.last, w.op = last, r.log.opAt(last)
		} else {
			w.first, w.last, w.op = 0, 0, 0
		}
	}
	r.queue = slices.DeleteFunc(r.queue, func(w written) bool { return w.holdsNothing() })
	if !kept && (e.Term > r.sureTerm || e.Term == r.sureTerm && r.sureVote == 0) {
		r.sureTerm, r.sureVote = e.Term, e.Vote
	}
}
