package wal

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// extent is what a checkpoint says of one segment. Offsets are contiguous from
// segment to segment; a segment holds at least one batch.
type extent struct {
	Base     int64  // offset of the first record
	End      int64  // offset after the last record
	Bytes    int64  // length of the file
	Interval int64  // index interval in force when the segment began
	Sum      uint32 // CRC32C of all its bytes
}

// segment is one file of whole batches, in offset order. The last segment of
// the log is the active one, the only one that grows.
//
// Invariants:
//  1. handed <= Bytes; bytes handed..Bytes are in the newest chunk of the tail.
//  2. unsynced exactly if a byte was handed to the disk since the last sync
//     that a checkpoint asked for.
//  3. index describes bytes 0..Bytes, or is nil for a sealed segment that was
//     not read lately.
type segment struct {
	extent
	file     handle
	index    *index
	handed   int64 // bytes given to the disk, carried out or not
	unsynced bool
	indexed  bool // the index has a file
}

// SegmentInfo describes one segment as it is in memory: bytes of the active one
// may not have been given to the disk yet.
type SegmentInfo struct {
	Base  int64  // offset of the first record
	End   int64  // offset after the last record
	Bytes int64  // length
	Name  string // file, relative to the data directory
}

// Segments lists all segments in offset order.
func (l *Log) Segments() []SegmentInfo {
	infos := make([]SegmentInfo, len(l.segments))
	for i, s := range l.segments {
		infos[i] = SegmentInfo{Base: s.Base, End: s.End, Bytes: s.Bytes, Name: s.file.name}
	}
	return infos
}

// segmentAt finds the segment that holds offset; nil if none does.
func (l *Log) segmentAt(offset int64) *segment {
	i, found := slices.BinarySearchFunc(l.segments, offset, func(s *segment, at int64) int {
		return cmp.Compare(s.Base, at)
	})
	if !found {
		i--
	}
	if i < 0 || offset >= l.segments[i].End {
		return nil
	}
	return l.segments[i]
}

// active is the segment that grows; nil while the log has none.
func (l *Log) active() *segment {
	if len(l.segments) == 0 {
		return nil
	}
	return l.segments[len(l.segments)-1]
}

// roll begins the next segment at the end of the log.
func (l *Log) roll() *segment {
	l.flush()
	s := l.newSegment(extent{Base: l.state.end, End: l.state.end, Interval: l.state.settings.IndexIntervalBytes}, l.generation)
	s.index = &index{}
	s.file.create = true
	l.segments = append(l.segments, s)
	return s
}

func (l *Log) newSegment(e extent, generation uint32) *segment {
	return &segment{
		extent: e,
		file:   handle{log: l, name: l.path(logicalName(e.Base) + generationSuffix(generation))},
	}
}

func (l *Log) path(name string) string { return l.cfg.Dir + "/" + name }

// Names. Segments and their indexes carry the generation that wrote them, the
// number of snapshots installed before, so that an installation never touches
// a file of the state it replaces. In a manifest they are named without it.

func logicalName(base int64) string { return fmt.Sprintf("%020d.log", base) }

func indexName(base int64) string { return fmt.Sprintf("%020d.index", base) }

func generationSuffix(generation uint32) string {
	if generation == 0 {
		return ""
	}
	return fmt.Sprintf(".%08x", generation)
}

const (
	checkpointPrefix = "checkpoint-"
	unfinishedSuffix = ".tmp"
)

func checkpointName(id uint64) string { return fmt.Sprintf("%s%016x", checkpointPrefix, id) }

// parseCheckpointName is the inverse of checkpointName.
func parseCheckpointName(name string) (id uint64, ok bool) {
	digits, ok := strings.CutPrefix(name, checkpointPrefix)
	if !ok {
		return 0, false
	}
	id, err := strconv.ParseUint(digits, 16, 64)
	return id, err == nil && checkpointName(id) == name
}

// parseSegmentName reads the name of a segment or index file.
func parseSegmentName(name string) (base int64, generation uint32, ok bool) {
	number, rest, _ := strings.Cut(name, ".")
	kind, suffix, _ := strings.Cut(rest, ".")
	base, err := strconv.ParseInt(number, 10, 64)
	if err != nil || base < 0 {
		return 0, 0, false
	}
	g := uint64(0)
	if suffix != "" {
		if g, err = strconv.ParseUint(suffix, 16, 32); err != nil {
			return 0, 0, false
		}
	}
	made := logicalName(base)
	if kind == "index" {
		made = indexName(base)
	}
	return base, uint32(g), name == made+generationSuffix(uint32(g))
}
