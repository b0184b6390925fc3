package record

import (
	"fmt"
	"iter"
)

// Split cuts the first batch off b, by its length and without a look at the
// checksum. An empty b is ErrTruncated.
func Split(b []byte) (first, rest []byte, err error) {
	h, err := ParseHeader(b)
	if err != nil {
		return nil, b, err
	}
	if h.Bytes > len(b) {
		return nil, b, fmt.Errorf("%w: %d of %d bytes", ErrTruncated, len(b), h.Bytes)
	}
	return b[:h.Bytes:h.Bytes], b[h.Bytes:], nil
}

// Batches yields the batches that stand one after another in b. An error ends
// it; it comes with the bytes that are no batch.
func Batches(b []byte) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for len(b) > 0 {
			first, rest, err := Split(b)
			if err != nil {
				yield(rest, err)
				return
			}
			if !yield(first, nil) {
				return
			}
			b = rest
		}
	}
}
