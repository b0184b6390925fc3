package diskmodel

import "math"

// extent is the bytes [off, end) of a file.
type extent struct{ off, end int64 }

// forever is the end of an extent that has none.
const forever = math.MaxInt64

// extents are sorted, do not overlap and do not touch.
type extents []extent

// overlaps tells whether any of [off, end) is covered.
func (x extents) overlaps(off, end int64) bool {
	for _, e := range x {
		if e.off < end && off < e.end {
			return true
		}
	}
	return false
}

// with covers [off, end) too.
func (x extents) with(off, end int64) extents {
	if off >= end {
		return x
	}
	out := make(extents, 0, len(x)+1)
	i := 0
	for ; i < len(x) && x[i].end < off; i++ {
		out = append(out, x[i])
	}
	for ; i < len(x) && x[i].off <= end; i++ {
		off, end = min(off, x[i].off), max(end, x[i].end)
	}
	return append(append(out, extent{off, end}), x[i:]...)
}

// without covers none of [off, end).
func (x extents) without(off, end int64) extents {
	if off >= end || !x.overlaps(off, end) {
		return x
	}
	out := make(extents, 0, len(x)+1)
	for _, e := range x {
		if left := (extent{e.off, min(e.end, off)}); left.off < left.end {
			out = append(out, left)
		}
		if right := (extent{max(e.off, end), e.end}); right.off < right.end {
			out = append(out, right)
		}
	}
	return out
}
