package checker

import "slices"

// slot is one entry of a replica's log. Ops number the entries that ever
// entered that log, so ops grow along the log, and an entry that replaced
// another has the higher op. Term 0: the entry is not known.
type slot struct {
	term uint64
	op   uint64
	sum  uint32
}

// cut remembers what an entry replaced, until that entry is persisted: a power
// loss may bring the old entries back.
type cut struct {
	op    uint64 // of the entry that replaced
	index uint64 // of the first replaced entry
	old   []slot
}

// replicaLog is what the events say that one replica's log is. Invariants:
//
//  1. slots[i] is the entry at index first+i; what is before first is not known
//     to the model (a checkpoint covers it, or the history began later).
//  2. Ops grow strictly along slots, except for entries of op 0.
//  3. cuts are in the order of their ops, all above persisted.
type replicaLog struct {
	placed bool // first means something
	vague  bool // entries below first were replaced: a restart cannot be judged
	first  uint64
	below  uint64 // term of the entry before first; 0: not known
	slots  []slot
	cuts   []cut

	op        uint64 // the newest entry's
	written   uint64 // highest op that was handed to the disk
	persisted uint64 // highest op that the engine holds to be durable
	acked     uint64 // highest op that was acknowledged
	verified  uint64 // highest op that the disk was seen to hold

	// pending are entries not handed to the disk yet, oldest first.
	pending []pendingEntry
	head    int
}

type pendingEntry struct{ index, term, op uint64 }

// last is the index of the newest entry, or first-1.
func (l *replicaLog) last() uint64 { return l.first + uint64(len(l.slots)) - 1 }

// at returns the entry at an index; nil where the model has none.
func (l *replicaLog) at(index uint64) *slot {
	if !l.placed || index < l.first || index-l.first >= uint64(len(l.slots)) {
		return nil
	}
	return &l.slots[index-l.first]
}

// term returns the entry's term; 0 where it is not known.
func (l *replicaLog) term(index uint64) uint64 {
	if l.placed && index+1 == l.first {
		return l.below
	}
	if s := l.at(index); s != nil {
		return s.term
	}
	return 0
}

// restart makes the log end before index, with nothing known below it.
func (l *replicaLog) restart(index uint64) {
	l.placed, l.first, l.below = true, index, 0
	l.slots, l.cuts = l.slots[:0], l.cuts[:0]
}

// append puts an entry at its index and drops all after it. It reports a gap
// before the entry.
func (l *replicaLog) append(index, term uint64, sum uint32) (gap bool) {
	l.op++
	switch {
	case !l.placed:
		l.restart(index)
	case index < l.first:
		l.restart(index)
		l.vague = true
	case index > l.last()+1:
		l.restart(index)
		gap = true
	case index <= l.last():
		i := index - l.first
		l.cuts = append(l.cuts, cut{l.op, index, slices.Clone(l.slots[i:])})
		l.slots = l.slots[:i]
	}
	l.slots = append(l.slots, slot{term: term, op: l.op, sum: sum})
	l.pending = append(l.pending, pendingEntry{index, term, l.op})
	return gap
}

// take finds the oldest entries first..last that were not written yet and whose
// last has that term, if it is not 0, takes them and everything before them out
// of pending, and returns the op of the last one; 0 if there are none.
func (l *replicaLog) take(first, last, term uint64) uint64 {
	waiting := l.pending[l.head:]
	for i := range waiting {
		n := last - first
		if waiting[i].index != first || n >= uint64(len(waiting)-i) {
			continue
		}
		end := waiting[i+int(n)]
		if term != 0 && end.term != term || !consecutive(waiting[i:i+int(n)+1]) {
			continue
		}
		l.head += i + int(n) + 1
		if l.head == len(l.pending) {
			l.pending, l.head = l.pending[:0], 0
		}
		return end.op
	}
	return 0
}

func consecutive(entries []pendingEntry) bool {
	for i := 1; i < len(entries); i++ {
		if entries[i].index != entries[i-1].index+1 {
			return false
		}
	}
	return true
}

// persist notes that all ops up to one are durable, says the engine.
func (l *replicaLog) persist(op uint64) {
	l.persisted = max(l.persisted, op)
	n := 0
	for n < len(l.cuts) && l.cuts[n].op <= l.persisted {
		n++
	}
	if n > 0 {
		l.cuts = slices.Delete(l.cuts, 0, n)
	}
}

// state is one log that a restart may bring back: head, then tail.
type state struct {
	head, tail []slot
	low        uint64 // the shortest it can be: its last index is at least this
	high       uint64
}

func (s *state) at(i int) slot {
	if i < len(s.head) {
		return s.head[i]
	}
	return s.tail[i-len(s.head)]
}

// states lists what a restart may bring back, the newest first: the log as it
// is, and as it was before each cut that is not persisted, in all cases with
// any unpersisted suffix missing.
func (l *replicaLog) states() []state {
	out := make([]state, 0, len(l.cuts)+1)
	now := state{head: l.slots}
	for k := len(l.cuts); ; k-- {
		now.high = l.first + uint64(len(now.head)+len(now.tail)) - 1
		now.low = l.durableEnd(&now)
		if k > 0 {
			now.low = max(now.low, l.cuts[k-1].index)
		}
		out = append(out, now)
		if k == 0 {
			return out
		}
		now = before(&now, l.first, &l.cuts[k-1])
	}
}

// before undoes one cut.
func before(s *state, first uint64, c *cut) state {
	n := int(c.index - first)
	if n <= len(s.head) {
		return state{head: s.head[:n], tail: c.old}
	}
	tail := append(slices.Clone(s.tail[:n-len(s.head)]), c.old...)
	return state{head: s.head, tail: tail}
}

// durableEnd is the index of the last entry that was persisted or acknowledged.
func (l *replicaLog) durableEnd(s *state) uint64 {
	n := len(s.head) + len(s.tail)
	sure := max(l.persisted, l.acked)
	for n > 0 && s.at(n-1).op > sure {
		n--
	}
	return l.first + uint64(n) - 1
}

// adopt makes the log that state up to the index last.
func (l *replicaLog) adopt(s *state, last uint64) {
	n := int(last + 1 - l.first)
	if n <= len(s.head) {
		l.slots = l.slots[:n]
	} else {
		l.slots = append(l.slots[:len(s.head)], s.tail[:n-len(s.head)]...)
	}
}

// settle ends a restart: what is in the log now is what was on the disk.
func (l *replicaLog) settle() {
	l.cuts, l.pending, l.head, l.vague = l.cuts[:0], l.pending[:0], 0, false
	l.written, l.persisted = l.op, l.op
}
