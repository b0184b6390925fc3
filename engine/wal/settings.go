package wal

import (
	"encoding/binary"
	"fmt"

	"github.com/lockstep-log/lockstep/engine/record"
)

// Settings shape the segments. They are replicated state: fixed at format and
// changed only by a command in the log, so that segments are equal everywhere.
type Settings struct {
	// SegmentBytes: a batch that would make a segment longer begins the next
	// one. A batch larger than that has a segment of its own. 1 to 1 GiB.
	SegmentBytes int64
	// IndexIntervalBytes is the least distance of two entries of a segment's
	// index. 1 to 1 GiB. A change counts from the next segment on.
	IndexIntervalBytes int64
	// MaxBatchBytes is the largest batch that is accepted. 61 (a header) to 1 GiB.
	MaxBatchBytes int64
	// RetentionBytes is how much of the log is kept: the oldest sealed segments
	// may go while the others hold as much. 0: for ever. At most 2^53.
	RetentionBytes int64
	// RetentionMs is how long a record is kept, by the largest timestamp of its
	// sealed segment, in milliseconds. 0: for ever. At most 2^53.
	RetentionMs int64
}

// maxSettingBytes bounds each setting, so that positions in a segment fit 32 bits.
const maxSettingBytes = 1 << 30

// maxRetention bounds both retention settings: far beyond use, and a JSON
// number holds it.
const maxRetention = 1 << 53

// Validate reports ErrSettings if a value is out of its range.
func (s Settings) Validate() error {
	for _, v := range [...]struct {
		name         string
		value, least int64
		most         int64
	}{
		{"segment bytes", s.SegmentBytes, 1, maxSettingBytes},
		{"index interval bytes", s.IndexIntervalBytes, 1, maxSettingBytes},
		{"max batch bytes", s.MaxBatchBytes, record.HeaderBytes, maxSettingBytes},
		{"retention bytes", s.RetentionBytes, 0, maxRetention},
		{"retention ms", s.RetentionMs, 0, maxRetention},
	} {
		if v.value < v.least || v.value > v.most {
			return fmt.Errorf("%w: %s %d, must be %d to %d", ErrSettings, v.name, v.value, v.least, v.most)
		}
	}
	return nil
}

const settingsBytes = 5 * 8

func appendSettings(dst []byte, s Settings) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, uint64(s.SegmentBytes))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(s.IndexIntervalBytes))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(s.MaxBatchBytes))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(s.RetentionBytes))
	return binary.LittleEndian.AppendUint64(dst, uint64(s.RetentionMs))
}

// parseSettings reads settings and checks their ranges. p has settingsBytes.
func parseSettings(p []byte) (Settings, error) {
	s := Settings{
		SegmentBytes:       int64(binary.LittleEndian.Uint64(p)),
		IndexIntervalBytes: int64(binary.LittleEndian.Uint64(p[8:])),
		MaxBatchBytes:      int64(binary.LittleEndian.Uint64(p[16:])),
		RetentionBytes:     int64(binary.LittleEndian.Uint64(p[24:])),
		RetentionMs:        int64(binary.LittleEndian.Uint64(p[32:])),
	}
	return s, s.Validate()
}
