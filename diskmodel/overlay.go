package diskmodel

import (
	"bytes"
	"slices"
)

// overlay is what faults laid over the true bytes of one file on the medium. The
// medium holds the true bytes, changed by the patches, and gives those that are
// unreadable to nobody.
//
// Invariants:
//  1. patches are sorted, do not overlap, and begin and end with a bit that is
//     wrong.
//  2. Nothing lies behind the end of the file on the medium.
type overlay struct {
	patches    []patch
	unreadable extents
}

// patch is bytes that are not what was written: mask has the bits that differ.
type patch struct {
	off  int64
	mask []byte
	kind DamageKind
}

func (p *patch) end() int64 { return p.off + int64(len(p.mask)) }

func (o *overlay) empty() bool { return len(o.patches) == 0 && len(o.unreadable) == 0 }

// cover lays a mask over [off, off+len(mask)) in place of those that are there.
func (o *overlay) cover(off int64, mask []byte, kind DamageKind) {
	o.uncover(off, off+int64(len(mask)))
	for _, p := range trimmed(patch{off, mask, kind}) {
		i, _ := slices.BinarySearchFunc(o.patches, p.off, func(q patch, off int64) int { return int(q.off - off) })
		o.patches = slices.Insert(o.patches, i, p)
	}
}

// uncover takes the patches off [off, end).
func (o *overlay) uncover(off, end int64) {
	touched := func(p patch) bool { return p.off < end && off < p.end() }
	if !slices.ContainsFunc(o.patches, touched) {
		return
	}
	out := make([]patch, 0, len(o.patches)+1)
	for _, p := range o.patches {
		if !touched(p) {
			out = append(out, p)
			continue
		}
		if p.off < off {
			out = append(out, trimmed(patch{p.off, p.mask[:off-p.off], p.kind})...)
		}
		if p.end() > end {
			out = append(out, trimmed(patch{end, p.mask[end-p.off:], p.kind})...)
		}
	}
	o.patches = out
}

// trimmed is the patch without the bytes at its ends that are right; none if
// all are.
func trimmed(p patch) []patch {
	right := bytes.TrimRight(p.mask, "\x00")
	mask := bytes.TrimLeft(right, "\x00")
	if len(mask) == 0 {
		return nil
	}
	return []patch{{p.off + int64(len(right)-len(mask)), mask, p.kind}}
}

// written tells the overlay that [off, end) was written on the medium.
func (o *overlay) written(off, end int64) {
	o.uncover(off, end)
	o.unreadable = o.unreadable.without(off, end)
}

// flip inverts bits of one byte. Damage that is there already keeps its kind.
func (o *overlay) flip(off int64, bits byte) {
	mask, kind := []byte{bits}, KindRot
	for _, p := range o.patches {
		if p.off <= off && off < p.end() {
			p.mask[off-p.off] ^= bits
			mask, kind = slices.Clone(p.mask), p.kind
			o.cover(p.off, mask, kind)
			return
		}
	}
	o.cover(off, mask, kind)
}

// distort makes p, the true bytes at off, what the medium gives for them.
func (o *overlay) distort(p []byte, off int64) {
	for _, q := range o.patches {
		from, to := max(q.off, off), min(q.end(), off+int64(len(p)))
		for i := from; i < to; i++ {
			p[i-off] ^= q.mask[i-q.off]
		}
	}
}

// intact tells whether nothing is wrong with [off, end).
func (o *overlay) intact(off, end int64) bool {
	for _, p := range o.patches {
		from, to := max(p.off, off), min(p.end(), end)
		if from < to && !isZero(p.mask[from-p.off:to-p.off]) {
			return false
		}
	}
	return !o.unreadable.overlaps(off, end)
}
