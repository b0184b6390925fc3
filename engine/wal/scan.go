package wal

import (
	"fmt"
	"hash/crc32"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/record"
)

// scanBytes is how much of a segment a scan reads at once, at least.
const scanBytes = 256 << 10

// scan reads the segment's file from its beginning, checks every batch and the
// whole against its extent and the log's terms, and makes its index.
func (l *Log) scan(t *env.Task, s *segment, terms []termStart) (*index, error) {
	var (
		e    = s.extent
		x    = &index{}
		pos  int64 // of window[0]
		next = e.Base
		sum  uint32
		want = scanBytes
	)
	for pos < e.Bytes {
		window, err := l.readSegment(t, s, pos, int(min(e.Bytes-pos, int64(want))))
		if err != nil {
			return nil, damaged(s, pos, err)
		}
		whole := window
		for len(whole) > 0 {
			h, err := verified(whole, next, e.Bytes-pos, terms)
			if err != nil {
				return nil, damaged(s, pos, err)
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
		return nil, damaged(s, pos, fmt.Errorf("ends at offset %d with sum %08x, checkpoint says %d and %08x", next, sum, e.End, e.Sum))
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

// damaged says where a segment is not what was written.
func damaged(s *segment, pos int64, err error) error {
	return fmt.Errorf("%w: %s at %d: %w", ErrDamaged, s.file.name, pos, err)
}
