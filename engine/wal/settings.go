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
}

// maxSettingBytes bounds each setting, so that positions in a segment fit 32 bits.
const maxSettingBytes = 1 << 30

// Validate reports ErrSettings if a value is out of its range.
func (s Settings) Validate() error {
	for _, v := range [...]struct {
		name         string
		value, least int64
	}{
		{"segment bytes", s.SegmentBytes, 1},
		{"index interval bytes", s.IndexIntervalBytes, 1},
		{"max batch bytes", s.MaxBatchBytes, record.HeaderBytes},
	} {
		if v.value < v.least || v.value > maxSettingBytes {
			return fmt.Errorf("%w: %s %d, must be %d to %d", ErrSettings, v.name, v.value, v.least, int64(maxSettingBytes))
		}
	}
	return nil
}

const settingsBytes = 3 * 8

func appendSettings(dst []byte, s Settings) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, uint64(s.SegmentBytes))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(s.IndexIntervalBytes))
	return binary.LittleEndian.AppendUint64(dst, uint64(s.MaxBatchBytes))
}

// parseSettings reads settings and checks their ranges. p has settingsBytes.
func parseSettings(p []byte) (Settings, error) {
	s := Settings{
		SegmentBytes:       int64(binary.LittleEndian.Uint64(p)),
		IndexIntervalBytes: int64(binary.LittleEndian.Uint64(p[8:])),
		MaxBatchBytes:      int64(binary.LittleEndian.Uint64(p[16:])),
	}
	return s, s.Validate()
}
