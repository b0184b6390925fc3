package checker

import (
	"fmt"
	"slices"
)

// written is one record that was handed to the disk.
type written struct {
	first, last uint64 // entries; first 0: none
	op          uint64 // of the last entry
	state       bool   // a hard state, of term 0 too, which a replica begins with
	term, vote  uint64 // hard state
	entryTerm   uint64 // of the last entry
	off, n      int64
	file        string
	verified    bool     // seen durable
	old         bool     // of an earlier incarnation
	lost        bool     // a power loss took bytes of it
	copies      []extent // where recoveries that did not end wrote it too
}

// holdsNothing says that nothing is left that could be called persisted.
func (w *written) holdsNothing() bool { return w.first == 0 && !w.state }

// content names what a record holds.
func (w *written) content() string {
	if w.first != 0 {
		return fmt.Sprintf("entries %d to %d of term %d", w.first, w.last, w.entryTerm)
	}
	return fmt.Sprintf("term %d and vote %d", w.term, w.vote)
}

// extent is a range of bytes of a file.
type extent struct {
	file   string
	off, n int64
}

// isDurable asks the ghost, once a record is durable never again: bytes that
// are durable stay so.
func (m *Monitor) isDurable(r *replica, w *written) bool {
	if !w.verified && r.silence == diskGone {
		return false // what is there now is another disk's
	}
	if !w.verified {
		m.checked[oDurability]++
		w.verified = m.durable(r.node, w.file, w.off, w.n)
		for i := 0; i < len(w.copies) && !w.verified; i++ {
			c := &w.copies[i]
			w.verified = m.durable(r.node, c.file, c.off, c.n)
		}
	}
	if w.verified && w.term != 0 && (w.term > r.sureTerm || w.term == r.sureTerm && w.vote != 0) {
		r.sureTerm, r.sureVote = w.term, w.vote
	}
	return w.verified
}

// written takes a record that is on its way to the disk.
func (m *Monitor) written(r *replica, e *Event) {
	if r.down {
		r.early = append(r.early, *e)
		return
	}
	w := written{off: e.Offset, n: e.Length, file: e.File}
	if e.First != 0 {
		w.first, w.last, w.entryTerm = e.First, e.Last, e.Term
		w.op = r.log.take(e.First, e.Last, e.Term)
	} else {
		w.state, w.term, w.vote = true, e.Term, e.Vote
		m.writtenState(r, e)
	}
	if w.op == 0 {
		r.rewritten(&w)
	}
	r.log.written = max(r.log.written, w.op)
	r.queue = append(r.queue, w)
}

func (m *Monitor) writtenState(r *replica, e *Event) {
	m.checked[oMonotoneTerm]++
	if e.Term < r.writtenTerm {
		m.object(oMonotoneTerm, e, "group %d: replica %d writes term %d after term %d", r.group.ID, r.id, e.Term, r.writtenTerm)
	}
	r.writtenTerm = max(r.writtenTerm, e.Term)
	r.everWritten = max(r.everWritten, e.Term)
}

// rewritten takes a record of entries or a hard state that an earlier
// incarnation had written: it stands for the older records from now on.
func (r *replica) rewritten(w *written) {
	if s := r.log.at(w.last); s != nil && w.first != 0 {
		w.op = s.op
	}
	for i := range r.queue {
		o := &r.queue[i]
		if !o.old {
			continue
		}
		if w.state && w.term >= o.term {
			o.state, o.term, o.vote = false, 0, 0
		}
		if o.first == 0 || w.op == 0 || w.last < o.first || w.first > o.last {
			continue
		}
		if w.first <= o.first {
			o.first = w.last + 1
		} else {
			o.last = w.first - 1
			o.op = r.log.opAt(o.last)
		}
		if o.first > o.last {
			o.first, o.last, o.op = 0, 0, 0
		}
	}
	r.queue = slices.DeleteFunc(r.queue, func(o written) bool { return o.holdsNothing() && o.old })
}

func (l *replicaLog) opAt(index uint64) uint64 {
	if s := l.at(index); s != nil {
		return s.op
	}
	return 0
}

// persisted takes the engine's word that a record is durable, and judges it:
// an engine that swallows a failed sync says so of lost bytes.
func (m *Monitor) persisted(r *replica, e *Event) {
	if r.down {
		r.early = append(r.early, *e)
		return
	}
	n := r.covered(e)
	if n == 0 && !r.whole {
		return // written before the history began
	}
	if n == 0 {
		m.checked[oDurability]++
		m.object(oDurability, e, "group %d: replica %d calls entries %d to %d, term %d, vote %d persisted and has nothing of the kind in writing",
			r.group.ID, r.id, e.First, e.Last, e.Term, e.Vote)
		return
	}
	for i := range r.queue[:n] {
		w := &r.queue[i]
		if m.durable != nil && !m.isDurable(r, w) {
			m.object(oDurability, e, "group %d: replica %d calls %s persisted: %d bytes of %s at %d on node %d are not durable",
				r.group.ID, r.id, w.content(), w.n, w.file, w.off, r.node)
		}
		if w.term > r.persistedTerm || w.term == r.persistedTerm && w.vote != 0 {
			r.persistedTerm, r.persistedFor = w.term, w.vote
		}
		r.log.persist(w.op)
	}
	r.queue = slices.Delete(r.queue, 0, n)
}

// covered finds how many records a Persisted covers: up to the first equal to it,
// or else to the last one of those that it sums up.
func (r *replica) covered(e *Event) int {
	for i := range r.queue {
		w := &r.queue[i]
		if e.First == 0 && w.state && w.term == e.Term && w.vote == e.Vote {
			return i + 1
		}
		if e.First != 0 && w.first == e.First && w.last == e.Last && w.entryTerm == e.Term {
			return i + 1
		}
	}
	for i := len(r.queue) - 1; i >= 0 && e.First != 0; i-- {
		if w := &r.queue[i]; w.first > e.First && w.last == e.Last && w.entryTerm == e.Term {
			return i + 1
		}
	}
	return 0
}

// voteDurable judges a vote: the record that names it is durable.
func (m *Monitor) voteDurable(r *replica, e *Event) {
	if m.durable == nil {
		return
	}
	m.checked[oDurability]++
	if r.sureTerm > e.Term || r.sureTerm == e.Term && r.sureVote == e.Peer {
		return
	}
	for i := range r.queue {
		w := &r.queue[i]
		if (w.term > e.Term || w.term == e.Term && w.vote == e.Peer) && m.isDurable(r, w) {
			return
		}
	}
	m.object(oDurability, e, "group %d: replica %d sends its vote for %d in term %d and holds no durable record of it", r.group.ID, r.id, e.Peer, e.Term)
}

// ackSent judges an append acknowledgement: the log up to it, and the term, are
// durable. One that was made in a term the replica has left since is not judged
// by its log: the entries may have been replaced while it waited.
func (m *Monitor) ackSent(r *replica, e *Event) {
	l := &r.log
	m.speaks(r, e)
	r.promisedTerm = max(r.promisedTerm, e.Term)
	stale := r.term > e.Term || r.writtenTerm > e.Term || l.term(l.last()) > e.Term
	if !stale {
		l.acked = max(l.acked, l.opAt(min(e.Index, l.last())))
	}
	if m.durable == nil {
		return
	}
	m.checked[oDurability]++
	if !m.termDurable(r, e.Term) {
		m.object(oDurability, e, "group %d: replica %d acknowledges in term %d and holds no durable record of that term", r.group.ID, r.id, e.Term)
	}
	if stale {
		return
	}
	if l.placed && e.Index > l.last() && e.Index > r.checkpoint {
		m.object(oDurability, e, "group %d: replica %d acknowledges entries up to %d and its log ends at %d", r.group.ID, r.id, e.Index, l.last())
		return
	}
	if w := m.unverified(r, l.opAt(e.Index)); w != nil {
		m.object(oDurability, e, "group %d: replica %d acknowledges entries up to %d in term %d: entries %d to %d are not durable (%d bytes of %s at %d on node %d)",
			r.group.ID, r.id, e.Index, e.Term, w.first, w.last, w.n, w.file, w.off, r.node)
	}
}

func (m *Monitor) termDurable(r *replica, term uint64) bool {
	if r.sureTerm >= term {
		return true
	}
	for i := range r.queue {
		if w := &r.queue[i]; w.term >= term && m.isDurable(r, w) {
			return true
		}
	}
	return false
}

// unverified returns a record of entries up to op that is not durable, nil if
// there is none. What was verified once is not looked at again.
func (m *Monitor) unverified(r *replica, op uint64) *written {
	l := &r.log
	if op <= l.verified {
		return nil
	}
	if op > l.written {
		return &written{first: l.last(), last: l.last(), file: "nothing"}
	}
	for i := range r.queue {
		w := &r.queue[i]
		if w.first != 0 && w.op > l.verified && w.op <= op && !m.isDurable(r, w) {
			return w
		}
	}
	l.verified = op
	return nil
}

// ackDurable judges a produce acknowledgement: the entry is durable on a quorum
// and on as many replicas as the group promises. The configuration is the one
// under which it was committed: the leader may have applied a newer one since.
func (m *Monitor) ackDurable(r *replica, e *Event) {
	g, c := r.group, r.config
	if m.durable == nil || len(g.Members) == 0 {
		return
	}
	m.checked[oDurability]++
	by := g.commits.get(e.Index).config
	if by == nil {
		by = c
	}
	minISR := g.MinISR
	if minISR == 0 {
		minISR = int(min(e.First, uint64(len(c.voters))))
	}
	holders := 0
	for _, v := range g.replicas {
		if (by.counts(v) || c.counts(v)) && m.durableEntry(v, e.Index, e.Term) {
			holders++
		}
	}
	if holders >= minISR && (m.durableIn(by, e) || by != c && m.durableIn(c, e)) {
		return
	}
	if by.joint() {
		m.object(oDurability, e, "group %d: replica %d acknowledges entry %d of term %d (offset %d): durable on %s, promised on %d", g.ID, r.id, e.Index, e.Term, e.Offset,
			by.share(func(v *replica) bool { return m.durableEntry(v, e.Index, e.Term) }), max(minISR, len(by.voters)/2+1))
		return
	}
	m.object(oDurability, e, "group %d: replica %d acknowledges entry %d of term %d (offset %d): durable on %d replicas, promised on %d",
		g.ID, r.id, e.Index, e.Term, e.Offset, holders, max(len(by.voters)/2+1, minISR))
}

// durableIn says that an acknowledged entry is durable on a quorum.
func (m *Monitor) durableIn(c *config, e *Event) bool {
	return m.durableHalf(c.voters, e) && m.durableHalf(c.outgoing, e)
}

func (m *Monitor) durableHalf(half []*replica, e *Event) bool {
	n := 0
	for _, v := range half {
		if m.durableEntry(v, e.Index, e.Term) {
			n++
		}
	}
	return len(half) == 0 || n > len(half)/2
}

func (m *Monitor) durableEntry(v *replica, index, term uint64) bool {
	if index <= v.checkpoint || v.log.placed && index < v.log.first {
		return true
	}
	s := v.log.at(index)
	return s != nil && (s.term == term || s.term == 0) && m.unverified(v, s.op) == nil
}

// recycled drops what was tied to a file that was given back: a later table and
// checkpoints cover it.
func (m *Monitor) recycled(e *Event) {
	m.forgetDamage(e.Node, e.File)
	for _, r := range m.node(e.Node).replicas {
		for i := range r.queue {
			w := &r.queue[i]
			if w.file == e.File && w.term > r.sureTerm {
				r.sureTerm, r.sureVote = w.term, w.vote
			}
		}
		r.queue = slices.DeleteFunc(r.queue, func(w written) bool { return w.file == e.File })
	}
}
