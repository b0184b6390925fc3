package wal

import (
	"fmt"
	"hash/crc32"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/record"
)

// scanBytes is how much of a segment a scan reads at once, at least.
const scanBytes = 256 << 10

// scan reads what e describes of a segment's file, checks every batch and the
// whole against e and the log's terms, and makes its index. pace, if any, is
// called before each read with its bytes.
func (l *Log) scan(t *env.Task, s *segment, e extent, terms []termStart, pace func(*env.Task, int64)) (*index, error) {
	var (
		x    = &index{}
		pos  int64 // of window[0]
		next = e.Base
		sum  uint32
		want = scanBytes
	)
	for pos < e.Bytes {
		n := min(e.Bytes-pos, int64(want))
		if pace != nil {
			pace(t, n)
		}
		window, err := l.readSegment(t, s, pos, int(n))
		if err != nil {
			return nil, l.damaged(s, pos, err)
		}
		whole := window
		for len(whole) > 0 {
			h, err := verified(whole, next, e.Bytes-pos, terms)
			if err != nil {
				return nil, l.damaged(s, pos, err)
			}
			if h.Bytes > len(whole) {
				want = max(scanBytes, h.Bytes)
				break
			}
			x.add(next, pos, e.Interval)
			sum = crc32.Update(sum, castagnoli, whole[:h.Bytes])
			next = h.NextOffset()
			pos += int64(h.Bytes)
			whole = whole[h.Bytes:]
			want = scanBytes
		}
	}
	if next != e.End || sum != e.Sum {
		return nil, l.damaged(s, pos, fmt.Errorf("ends at offset %d with sum %08x, want %d and %08x", next, sum, e.End, e.Sum))
	}
	return x, nil
}

// verified checks the batch at the beginning of p: a whole valid batch with the
// base offset next and that offset's term, neither of which its own checksum
// covers, within the left bytes of its segment. If p ends before the batch
// does, the header says how long it is, no more.
func verified(p []byte, next, left int64, terms []termStart) (record.Header, error) {
	if left < record.HeaderBytes {
		return record.Header{}, fmt.Errorf("%w: %d bytes left", record.ErrTruncated, left)
	}
	if len(p) < record.HeaderBytes {
		return record.Header{Bytes: record.HeaderBytes}, nil
	}
	h, err := record.ParseHeader(p)
	if err != nil {
		return h, err
	}
	if h.BaseOffset != next || int64(h.Bytes) > left {
		return h, fmt.Errorf("batch with base offset %d of %d bytes, want offset %d within %d bytes", h.BaseOffset, h.Bytes, next, left)
	}
	if want := termAt(terms, next); uint64(h.LeaderEpoch) != want {
		return h, fmt.Errorf("batch with base offset %d has leader epoch %d, want %d", next, h.LeaderEpoch, want)
	}
	if h.Bytes > len(p) {
		return h, nil
	}
	return record.Validate(p[:h.Bytes], 0)
}
