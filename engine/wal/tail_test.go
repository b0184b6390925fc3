package wal

import (
	"testing"

	"github.com/lockstep-log/lockstep/engine/record"
)

// TestTailIsBounded: whatever is appended, memory stays within the limit or is
// one chunk, and what is left is the end of the log without a gap.
func TestTailIsBounded(t *testing.T) {
	for _, limit := range []int{1, 10 << 10, 64 << 10, 4 << 20} {
		tl := tail{limit: limit}
		next := int64(0)
		for i := range 3000 {
			b := record.NewBuilder(0)
			b.Add(0, nil, make([]byte, i*i%7001))
			p := b.Build()
			if !tl.fits(len(p)) {
				tl.takeUnwritten()
				tl.grow(len(p), next)
			}
			tl.add(p, next, next+1, 3)
			next++

			held, base := 0, tl.chunks[0].base
			for _, c := range tl.chunks {
				held += cap(c.buf)
				if c.base != base {
					t.Fatalf("limit %d: a chunk begins at %d, want %d", limit, c.base, base)
				}
				base = c.end
			}
			if base != next || held != tl.bytes || held > limit && len(tl.chunks) > 1 {
				t.Fatalf("limit %d: ends at %d of %d, %d chunks of %d bytes, counted %d", limit, base, next, len(tl.chunks), held, tl.bytes)
			}
			if tl.covers(next) || !tl.covers(next-1) || tl.covers(tl.chunks[0].base-1) {
				t.Fatalf("limit %d: covers the wrong offsets", limit)
			}
		}
	}
}
