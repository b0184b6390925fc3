package checker

import (
	"cmp"
	"slices"
)

// trim is one deletion of the oldest records.
type trim struct {
	index  uint64 // of the command
	offset int64  // where the log starts from then on
}

// trim judges where a command makes the log start: everywhere alike, never back,
// never beyond the log's end.
func (m *Monitor) trim(r *replica, e *Event) {
	g := r.group
	m.checked[oRetention]++
	i, known := slices.BinarySearchFunc(g.trims, e.Index, func(t trim, index uint64) int { return cmp.Compare(t.index, index) })
	if known {
		if t := g.trims[i]; t.offset != e.Offset {
			m.object(oRetention, e, "group %d: entry %d makes the log of replica %d start at offset %d, elsewhere at %d", g.ID, e.Index, r.id, e.Offset, t.offset)
		}
		return
	}
	g.trims = slices.Insert(g.trims, i, trim{e.Index, e.Offset})
	if i > 0 && g.trims[i-1].offset > e.Offset || i+1 < len(g.trims) && g.trims[i+1].offset < e.Offset {
		m.object(oRetention, e, "group %d: entry %d makes the log of replica %d start at offset %d, and the starts around it do not grow", g.ID, e.Index, r.id, e.Offset)
	}
	if before := g.applied.get(e.Index - 1); before.term != 0 && before.offset >= 0 && e.Offset > before.offset {
		m.object(oRetention, e, "group %d: entry %d makes the log of replica %d start at offset %d, it ends at %d", g.ID, e.Index, r.id, e.Offset, before.offset)
	}
}

// TrimmedTo is the highest offset that a command made the group's log start at;
// 0: none did. It is what Log.TrimmedTo wants.
func (m *Monitor) TrimmedTo(group uint64) int64 {
	g := m.groups[group]
	switch {
	case g != nil && g.alone != nil:
		return g.alone.trimmed
	case g == nil || len(g.trims) == 0:
		return 0
	}
	return g.trims[len(g.trims)-1].offset
}
