package memstate

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"strconv"
	"strings"

	"github.com/lockstep-log/lockstep/engine/machine"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Format of a record; see the package comment.
const (
	recordMagic   = 0x54534d4c // "LMST"
	recordVersion = 1
	sumAt         = 8
	headerBytes   = 64

	installedFlag = 1 // of the flags
)

// record is one checkpoint as it stands on the disk. It never changes.
type record struct {
	header
	metaBytes int
	whole     []byte
	stateSum  uint32 // CRC32C of the state alone
}

// header is what a record says beside meta and state.
type header struct {
	id, index, term uint64
	installed       bool // from a snapshot, and none of our own has followed
}

// beginRecord is a buffer that a state can be appended to, before sealRecord
// makes it a record.
func beginRecord(meta []byte, stateBytes int) []byte {
	p := make([]byte, headerBytes, headerBytes+len(meta)+stateBytes)
	return append(p, meta...)
}

// sealRecord completes the buffer, which is the record's from then on.
func sealRecord(p []byte, h header, metaBytes int) *record {
	r := &record{header: h, metaBytes: metaBytes, whole: p}
	flags := uint32(0)
	if h.installed {
		flags = installedFlag
	}
	u32, u64 := binary.LittleEndian.PutUint32, binary.LittleEndian.PutUint64
	u32(p, recordMagic)
	u32(p[4:], recordVersion)
	u32(p[12:], flags)
	u64(p[16:], uint64(len(p)))
	u64(p[24:], h.id)
	u64(p[32:], h.index)
	u64(p[40:], h.term)
	u64(p[48:], uint64(len(p)-headerBytes-metaBytes))
	u32(p[56:], uint32(metaBytes))
	u32(p[60:], 0)
	u32(p[sumAt:], checksum(p, recordVersion))
	r.stateSum = crc32.Checksum(r.state(), castagnoli)
	return r
}

// again is the same checkpoint under another id.
func (r *record) again(id uint64) *record {
	h := r.header
	h.id = id
	return sealRecord(append([]byte(nil), r.whole...), h, r.metaBytes)
}

func (r *record) meta() []byte { return r.whole[headerBytes:][:r.metaBytes:r.metaBytes] }

func (r *record) state() []byte {
	return slices.Clip(r.whole[headerBytes+r.metaBytes:])
}

// public is the checkpoint as the engine sees it.
func (r *record) public() machine.Checkpoint {
	return machine.Checkpoint{
		ID: r.id, Index: r.index, Term: r.term, Installed: r.installed,
		Meta: append([]byte(nil), r.meta()...),
	}
}

// checksum runs over everything but itself, as if the version were that one.
func checksum(p []byte, version uint32) uint32 {
	var head [sumAt]byte
	copy(head[:], p)
	binary.LittleEndian.PutUint32(head[4:], version)
	return crc32.Update(crc32.Checksum(head[:], castagnoli), castagnoli, p[sumAt+4:])
}

// parseRecord reads a record, which keeps p. Whatever is wrong is ErrDamaged, but
// for a version that is not ours: ErrVersion.
func parseRecord(p []byte) (*record, error) {
	bad := func(format string, args ...any) (*record, error) {
		return nil, fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
	}
	if len(p) < headerBytes {
		return bad("%d bytes, a header has %d", len(p), headerBytes)
	}
	u32 := func(at int) uint32 { return binary.LittleEndian.Uint32(p[at:]) }
	u64 := func(at int) uint64 { return binary.LittleEndian.Uint64(p[at:]) }
	sum := checksum(p, recordVersion)
	switch {
	case u32(0) != recordMagic:
		return bad("magic %08x", u32(0))
	case u32(4) != recordVersion && u32(sumAt) != sum:
		return nil, fmt.Errorf("%w: format %d, this program reads %d", ErrVersion, u32(4), recordVersion)
	case u32(4) != recordVersion:
		return bad("format %d, and all else in format %d", u32(4), recordVersion)
	case u32(sumAt) != sum:
		return bad("checksum %08x, it says %08x", sum, u32(sumAt))
	case u64(16) != uint64(len(p)):
		return bad("%d bytes, it says %d", len(p), u64(16))
	case u64(48) > uint64(len(p)) || headerBytes+u64(48)+uint64(u32(56)) != uint64(len(p)):
		return bad("%d bytes, %d of state and %d of meta", len(p), u64(48), u32(56))
	case u64(24) == 0 || u32(12)&^installedFlag != 0 || u32(60) != 0:
		return bad("id %d, flags %x, reserved %x", u64(24), u32(12), u32(60))
	}
	r := &record{
		header:    header{id: u64(24), index: u64(32), term: u64(40), installed: u32(12) == installedFlag},
		metaBytes: int(u32(56)), whole: p,
	}
	r.stateSum = crc32.Checksum(r.state(), castagnoli)
	return r, nil
}

// Names of records are those of a log's checkpoints but for the suffix: who strikes
// or lists checkpoints by their names finds both.
const (
	recordPrefix     = "checkpoint-"
	recordSuffix     = ".state"
	copySuffix       = ".b"
	unfinishedSuffix = ".tmp"
)

// recordNames are the names of both records of a checkpoint.
func recordNames(id uint64) [2]string {
	name := fmt.Sprintf("%s%016x%s", recordPrefix, id, recordSuffix)
	return [2]string{name, name + copySuffix}
}

// parseRecordName gives the id of a record by its name.
func parseRecordName(name string) (id uint64, ok bool) {
	digits, prefixed := strings.CutPrefix(name, recordPrefix)
	digits, suffixed := strings.CutSuffix(strings.TrimSuffix(digits, copySuffix), recordSuffix)
	if !prefixed || !suffixed || len(digits) != 16 || strings.ToLower(digits) != digits {
		return 0, false
	}
	id, err := strconv.ParseUint(digits, 16, 64)
	return id, err == nil
}
