package record

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
)

// Validate checks that b is exactly one whole batch of at most maxBytes bytes
// (0: no limit) that the log may take. The base offset may be any that leaves
// room for the records.
func Validate(b []byte, maxBytes int) (Header, error) {
	h, err := ParseHeader(b)
	if err != nil {
		return Header{}, err
	}
	// Size before the checksum: the limit also bounds the work done here.
	if maxBytes > 0 && h.Bytes > maxBytes {
		return Header{}, fmt.Errorf("%w: %d bytes, limit %d", ErrTooLarge, h.Bytes, maxBytes)
	}
	if len(b) < h.Bytes {
		return Header{}, fmt.Errorf("%w: %d of %d bytes", ErrTruncated, len(b), h.Bytes)
	}
	if len(b) > h.Bytes {
		return Header{}, fmt.Errorf("%w: %d after %d bytes", ErrTrailing, len(b)-h.Bytes, h.Bytes)
	}
	want := binary.BigEndian.Uint32(b[checksumAt:])
	if got := crc32.Checksum(b[attributesAt:], castagnoli); got != want {
		return Header{}, fmt.Errorf("%w: bytes give %08x, header says %08x", ErrChecksum, got, want)
	}
	if err := h.acceptable(); err != nil {
		return Header{}, err
	}
	if !h.Compressed() {
		if err := checkRecords(b, &h); err != nil {
			return Header{}, err
		}
	}
	return h, nil
}

// acceptable judges what an intact header says.
func (h *Header) acceptable() error {
	switch {
	case h.Attributes&controlBit != 0:
		return ErrControl
	case h.Attributes&transactionalBit != 0:
		return ErrTransactional
	case h.Attributes&codecMask > highestKnownCodec:
		return fmt.Errorf("%w: %d", ErrCodec, h.Attributes&codecMask)
	case h.Count < 1 || h.LastOffsetDelta != h.Count-1:
		return fmt.Errorf("%w: %d records, last offset delta %d", ErrCount, h.Count, h.LastOffsetDelta)
	case h.BaseOffset < 0 || h.BaseOffset > math.MaxInt64-int64(h.Count):
		return fmt.Errorf("%w: base offset %d, %d records", ErrOffset, h.BaseOffset, h.Count)
	}
	return nil
}

// checkRecords walks all records without keeping any.
func checkRecords(batch []byte, h *Header) error {
	c := cursor{b: batch, at: HeaderBytes}
	for i := range h.Count {
		if c.at == len(batch) {
			return fmt.Errorf("%w: header says %d, found %d", ErrCount, h.Count, i)
		}
		if err := c.skipRecord(i); err != nil {
			return err
		}
	}
	if c.at != len(batch) {
		return fmt.Errorf("%w: %d bytes follow the last of %d", ErrCount, len(batch)-c.at, h.Count)
	}
	return nil
}
