package record

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// HeaderBytes is the size of a batch up to its first record.
const HeaderBytes = 61

// Positions of fields, and the two things that lengths are counted from.
const (
	lengthAt          = 8
	epochAt           = 12
	magicAt           = 16
	checksumAt        = 17
	attributesAt      = 21 // the checksum covers everything from here
	lastOffsetDeltaAt = 23
	baseTimestampAt   = 27
	maxTimestampAt    = 35
	producerIDAt      = 43
	producerEpochAt   = 51
	baseSequenceAt    = 53
	countAt           = 57

	prefixBytes = 12 // what the batch length does not count
	magic       = 2
)

// Bits of Header.Attributes.
const (
	codecMask         = 0x07
	logAppendTimeBit  = 0x08
	transactionalBit  = 0x10
	controlBit        = 0x20
	highestKnownCodec = 4 // none, gzip, snappy, lz4, zstd
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Header is a batch's header, without magic and checksum.
type Header struct {
	BaseOffset      int64
	Bytes           int // the whole batch, the 12-byte prefix included
	LeaderEpoch     int32
	Attributes      int16
	LastOffsetDelta int32
	BaseTimestamp   int64 // ms since the Unix epoch
	MaxTimestamp    int64 // ms since the Unix epoch
	ProducerID      int64 // -1: none
	ProducerEpoch   int16
	BaseSequence    int32
	Count           int32 // records
}

// NextOffset is the offset after the batch's last record.
func (h *Header) NextOffset() int64 { return h.BaseOffset + int64(h.LastOffsetDelta) + 1 }

// Compressed tells whether the records are behind a codec.
func (h *Header) Compressed() bool { return h.Attributes&codecMask != 0 }

// ParseHeader reads the header at the beginning of b. It checks the structure
// only (ErrTruncated, ErrMagic): not the checksum, not the counts, and b may
// end before the batch does, so that a reader can learn its length from the
// first HeaderBytes.
func ParseHeader(b []byte) (Header, error) {
	if len(b) < HeaderBytes {
		return Header{}, fmt.Errorf("%w: %d bytes, a header has %d", ErrTruncated, len(b), HeaderBytes)
	}
	if m := b[magicAt]; m != magic {
		return Header{}, fmt.Errorf("%w: magic %d", ErrMagic, m)
	}
	length := int32(binary.BigEndian.Uint32(b[lengthAt:]))
	if length < HeaderBytes-prefixBytes {
		return Header{}, fmt.Errorf("%w: batch length %d, least is %d", ErrTruncated, length, HeaderBytes-prefixBytes)
	}
	return Header{
		BaseOffset:      int64(binary.BigEndian.Uint64(b)),
		Bytes:           int(length) + prefixBytes,
		LeaderEpoch:     int32(binary.BigEndian.Uint32(b[epochAt:])),
		Attributes:      int16(binary.BigEndian.Uint16(b[attributesAt:])),
		LastOffsetDelta: int32(binary.BigEndian.Uint32(b[lastOffsetDeltaAt:])),
		BaseTimestamp:   int64(binary.BigEndian.Uint64(b[baseTimestampAt:])),
		MaxTimestamp:    int64(binary.BigEndian.Uint64(b[maxTimestampAt:])),
		ProducerID:      int64(binary.BigEndian.Uint64(b[producerIDAt:])),
		ProducerEpoch:   int16(binary.BigEndian.Uint16(b[producerEpochAt:])),
		BaseSequence:    int32(binary.BigEndian.Uint32(b[baseSequenceAt:])),
		Count:           int32(binary.BigEndian.Uint32(b[countAt:])),
	}, nil
}

// AppendStamped appends a copy of batch with its base offset and leader epoch
// set. Both lie outside the checksum, which therefore stays right. batch must
// be one that Validate accepted; it is not changed.
func AppendStamped(dst, batch []byte, baseOffset int64, leaderEpoch int32) []byte {
	if len(batch) < HeaderBytes {
		panic("record: a batch shorter than its header was to be stamped")
	}
	at := len(dst)
	dst = append(dst, batch...)
	binary.BigEndian.PutUint64(dst[at:], uint64(baseOffset))
	binary.BigEndian.PutUint32(dst[at+epochAt:], uint32(leaderEpoch))
	return dst
}
