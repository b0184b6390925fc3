package record

import (
	"encoding/binary"
	"hash/crc32"
	"math"
)

// Builder makes an uncompressed batch, as a client would: base offset 0, leader
// epoch -1, no producer id.
type Builder struct {
	baseTimestamp int64
	maxTimestamp  int64
	count         int32
	buf           []byte // header space and the records so far
	record        []byte // the body of one record, reused
}

// NewBuilder starts a batch whose timestamps count from baseTimestampMs.
func NewBuilder(baseTimestampMs int64) *Builder {
	return &Builder{baseTimestamp: baseTimestampMs}
}

// Add appends one record. A nil key or value is null, an empty one is empty.
func (b *Builder) Add(timestampMs int64, key, value []byte, headers ...RecordHeader) {
	if b.count == 0 {
		b.buf = append(b.buf[:0], make([]byte, HeaderBytes)...)
		b.maxTimestamp = timestampMs
	}
	b.maxTimestamp = max(b.maxTimestamp, timestampMs)
	r := append(b.record[:0], 0) // attributes
	r = binary.AppendVarint(r, timestampMs-b.baseTimestamp)
	r = binary.AppendVarint(r, int64(b.count))
	r = appendBlob(r, key)
	r = appendBlob(r, value)
	r = binary.AppendVarint(r, int64(len(headers)))
	for _, h := range headers {
		r = binary.AppendVarint(r, int64(len(h.Key)))
		r = append(r, h.Key...)
		r = appendBlob(r, h.Value)
	}
	b.record = r
	b.buf = binary.AppendVarint(b.buf, int64(len(r)))
	b.buf = append(b.buf, r...)
	b.count++
}

// Len is the number of records added since the last Build.
func (b *Builder) Len() int { return int(b.count) }

// Build returns the batch and leaves the builder empty, ready for another one
// with the same base timestamp. A batch needs a record: Build panics without.
func (b *Builder) Build() []byte {
	if b.count == 0 {
		panic("record: a batch needs at least one record")
	}
	p := b.buf
	if len(p)-prefixBytes > math.MaxInt32 {
		panic("record: a batch cannot exceed 2 GiB")
	}
	binary.BigEndian.PutUint32(p[lengthAt:], uint32(len(p)-prefixBytes))
	binary.BigEndian.PutUint32(p[epochAt:], math.MaxUint32) // -1: unknown
	p[magicAt] = magic
	binary.BigEndian.PutUint32(p[lastOffsetDeltaAt:], uint32(b.count-1))
	binary.BigEndian.PutUint64(p[baseTimestampAt:], uint64(b.baseTimestamp))
	binary.BigEndian.PutUint64(p[maxTimestampAt:], uint64(b.maxTimestamp))
	binary.BigEndian.PutUint64(p[producerIDAt:], math.MaxUint64) // -1: none
	binary.BigEndian.PutUint16(p[producerEpochAt:], math.MaxUint16)
	binary.BigEndian.PutUint32(p[baseSequenceAt:], math.MaxUint32)
	binary.BigEndian.PutUint32(p[countAt:], uint32(b.count))
	binary.BigEndian.PutUint32(p[checksumAt:], crc32.Checksum(p[attributesAt:], castagnoli))
	b.buf, b.count = nil, 0
	return p
}

// appendBlob appends a nullable byte string.
func appendBlob(dst, p []byte) []byte {
	if p == nil {
		return binary.AppendVarint(dst, -1)
	}
	dst = binary.AppendVarint(dst, int64(len(p)))
	return append(dst, p...)
}
