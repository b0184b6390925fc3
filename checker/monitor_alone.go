package checker

import (
	"slices"
)

// An unreplicated log is judged by its own events, in which records are counted
// from 1 and stand for offsets. What it promises is less than a group does, and
// stricter: all that it acknowledged, called durable or let anybody read is durable
// on its one disk at that moment, and comes back after every crash. If the disk
// loses some of it for good, it serves nothing any more.

// aloneLog is what the events say of one unreplicated log.
type aloneLog struct {
	group *group
	node  uint64
	state aloneState
	whole bool // its events are known from a Recovered on

	// Ends, as offsets: of what was appended, what the engine called durable, what
	// was promised to somebody, what the disk was seen to hold.
	written, persisted, promised, verified int64
	trimmed                                int64     // the highest start it was ever given
	queue                                  []written // not seen durable; oldest first
}

type aloneState uint8

const (
	aloneDown aloneState = iota
	aloneServing
	aloneFenced
)

func (m *Monitor) addAlone(g *group) {
	g.alone = &aloneLog{group: g}
	if len(g.Members) > 0 {
		g.alone.node = g.Members[0].Node
		n := m.node(g.alone.node)
		n.alone = append(n.alone, g.alone)
	}
}

// observeAlone judges an event of an unreplicated log.
func (m *Monitor) observeAlone(g *group, e *Event) {
	if g == nil || g.alone == nil {
		return // not known to be one
	}
	l := g.alone
	switch e.Kind {
	case EventRecovered:
		m.aloneRecovered(l, e)
	case EventWritten:
		m.aloneWritten(l, e)
	case EventPersisted:
		m.speaksAlone(l, e)
		l.persisted = max(l.persisted, int64(e.Last))
		m.aloneDurable(l, e, int64(e.Last), "calls records durable")
	case EventDurableEnd:
		m.aloneDurable(l, e, e.Offset, "notes its durable end")
	case EventCheckpoint:
		m.aloneDurable(l, e, int64(e.Index), "makes a checkpoint")
	case EventProduceAcked:
		m.aloneAcked(l, e)
	case EventServed:
		m.speaksAlone(l, e)
		l.promised = max(l.promised, e.Offset)
		m.aloneDurable(l, e, e.Offset, "lets records be read")
	case EventTrim:
		m.aloneTrim(l, e)
	case EventFenced:
		l.state = aloneFenced
	default: // says nothing that is promised
	}
}

// speaksAlone judges that a log which was fenced serves nothing.
func (m *Monitor) speaksAlone(l *aloneLog, e *Event) {
	m.checked[oFencedSpeaks]++
	if l.state != aloneServing && l.whole {
		m.object(oFencedSpeaks, e, "group %d: the unreplicated log has an event %q and does not serve", l.group.ID, e.Kind)
	}
}

// aloneWritten takes a batch that is on its way to the disk.
func (m *Monitor) aloneWritten(l *aloneLog, e *Event) {
	m.speaksAlone(l, e)
	m.checked[oGaplessOffsets]++
	if l.whole && int64(e.First) != l.written+1 {
		m.object(oGaplessOffsets, e, "group %d: the unreplicated log appends at offset %d and ends at %d", l.group.ID, int64(e.First)-1, l.written)
	}
	l.written = int64(e.Last)
	l.queue = append(l.queue, written{first: e.First, last: e.Last, off: e.Offset, n: e.Length, file: e.File})
}

// aloneDurable judges that all records below an offset are on the disk.
func (m *Monitor) aloneDurable(l *aloneLog, e *Event, end int64, does string) {
	if end > l.written && l.whole {
		m.checked[oDurability]++
		m.object(oDurability, e, "group %d: the unreplicated log %s up to offset %d and has written up to %d", l.group.ID, does, end, l.written)
	}
	if m.durable == nil || end <= l.verified {
		return
	}
	n := 0
	for ; n < len(l.queue) && int64(l.queue[n].last) <= end; n++ {
		w := &l.queue[n]
		m.checked[oDurability]++
		if !m.durable(l.node, w.file, w.off, w.n) {
			m.object(oDurability, e, "group %d: the unreplicated log %s up to offset %d: offsets %d to %d are not durable (%d bytes of %s at %d on node %d)",
				l.group.ID, does, end, w.first-1, w.last-1, w.n, w.file, w.off, l.node)
			break
		}
	}
	l.queue = slices.Delete(l.queue, 0, n)
	l.verified = end
}

// aloneAcked judges a success that leaves for a client.
func (m *Monitor) aloneAcked(l *aloneLog, e *Event) {
	m.speaksAlone(l, e)
	m.checked[oLostWrite]++
	if end := e.Offset + e.Length; int64(e.Index) != end || end > l.written && l.whole {
		m.object(oLostWrite, e, "group %d: the unreplicated log acknowledges offsets %d to %d as record %d and has written up to %d", l.group.ID, e.Offset, end-1, e.Index, l.written)
	}
	l.promised = max(l.promised, int64(e.Index))
	m.aloneDurable(l, e, int64(e.Index), "acknowledges records")
}

// aloneTrim takes where the log begins from now on. What is below it is nobody's
// any more.
func (m *Monitor) aloneTrim(l *aloneLog, e *Event) {
	m.checked[oRetention]++
	if e.Offset > l.persisted && l.whole {
		m.object(oRetention, e, "group %d: the unreplicated log starts at offset %d, durable it ends at %d", l.group.ID, e.Offset, l.persisted)
	}
	l.trimmed = max(l.trimmed, e.Offset)
	l.queue = slices.DeleteFunc(l.queue, func(w written) bool { return int64(w.last) <= e.Offset })
}

// aloneRecovered judges what a log finds on its disk: all that was promised, and
// nothing that was never whole. It serves, so all of that is durable.
func (m *Monitor) aloneRecovered(l *aloneLog, e *Event) {
	start, end := int64(e.First)-1, int64(e.Last)
	if l.whole {
		m.checked[oRecoveredState]++
		m.aloneFound(l, e, start, end)
	}
	kept := slices.IndexFunc(l.queue, func(w written) bool { return int64(w.last) > end })
	if kept >= 0 {
		l.queue = l.queue[:kept]
	}
	l.written, l.persisted, l.promised = end, end, end
	l.state, l.whole = aloneServing, true
	m.aloneDurable(l, e, end, "recovers records")
}

func (m *Monitor) aloneFound(l *aloneLog, e *Event, start, end int64) {
	g := l.group
	switch sure := max(l.persisted, l.promised, l.verified); {
	case end < sure:
		m.object(oRecoveredState, e, "group %d: the unreplicated log recovers up to offset %d and had promised records up to %d", g.ID, end, sure)
	case end > l.written:
		m.object(oRecoveredState, e, "group %d: the unreplicated log recovers up to offset %d and never wrote beyond %d", g.ID, end, l.written)
	case start > l.trimmed:
		m.object(oRecoveredState, e, "group %d: the unreplicated log recovers from offset %d on and was trimmed to %d at most", g.ID, start, l.trimmed)
	}
	for i := range l.queue {
		if w := &l.queue[i]; w.lost && int64(w.last) <= end {
			m.object(oRecoveredState, e, "group %d: the unreplicated log recovers up to offset %d: the bytes of offsets %d to %d were lost (%d bytes of %s at %d)",
				g.ID, end, w.first-1, w.last-1, w.n, w.file, w.off)
			return
		}
	}
}

// lose notes which batches a power loss took.
func (l *aloneLog) lose(e *Event) {
	for i := range l.queue {
		if w := &l.queue[i]; w.file == e.File && w.off < e.Offset+e.Length && e.Offset < w.off+w.n {
			w.lost = true
		}
	}
}

// diskGone forgets all: what comes is another log.
func (l *aloneLog) diskGone() {
	*l = aloneLog{group: l.group, node: l.node, trimmed: l.trimmed}
}
