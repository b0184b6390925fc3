package wal

import (
	"cmp"
	"fmt"
	"math"
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
	MaxTime  int64  // largest timestamp of its batches, ms since the Unix epoch
	Sum      uint32 // CRC32C of all its bytes
	// Generation is that of the file's name. It is local to one disk.
	Generation uint32
}

// same tells whether two extents describe equal bytes.
func (e extent) same(o extent) bool {
	e.Generation = o.Generation
	return e == o
}

// segment is one file of whole batches, in offset order. The last segment of
// the log is the active one, the only one that grows.
//
// Invariants:
//  1. handed <= Bytes; bytes handed..Bytes are in the newest chunk of the tail.
//  2. Bytes that were handed over are in the file, under way to it, or in
//     starved, oldest first; with any in starved, none is under way but its first.
//  3. index describes bytes 0..Bytes, but for the front that lacks describes,
//     or is nil for a sealed segment that was not read lately.
type segment struct {
	extent
	file     *handle
	index    *index
	lacks    *extent // what index leaves out: the segment as Open found it; nil: nothing
	handed   int64   // bytes given to the disk, carried out or not
	starved  []piece // the disk has no room for them
	fed      bool    // the first of them is under way
	zeroed   int64   // the file has zeros up to there, or they are under way
	indexed  bool    // the index has a file
	verified bool    // its bytes were read in this process, and are right
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
	l.sealed = false
	if s := l.active(); s != nil {
		if s.lacks == nil {
			s.indexed = false // what file there is was made when it was shorter
		}
		if l.cfg.Alone {
			l.cut(s)
		}
	}
	s := l.newSegment(extent{
		Base: l.state.end, End: l.state.end, Interval: l.state.settings.IndexIntervalBytes,
		MaxTime: math.MinInt64, Generation: l.generation,
	})
	s.index = &index{}
	s.file.create = true
	l.segments = append(l.segments, s)
	return s
}

func (l *Log) newSegment(e extent) *segment {
	return &segment{extent: e, file: l.newHandle(e)}
}

func (l *Log) newHandle(e extent) *handle {
	return &handle{log: l, name: l.path(e.fileName())}
}

// fileName is the name of the segment's file on this disk.
func (e extent) fileName() string { return logicalName(e.Base) + generationSuffix(e.Generation) }

// indexFile is the name of its index' file.
func (e extent) indexFile() string { return indexName(e.Base) + generationSuffix(e.Generation) }

func (l *Log) path(name string) string { return l.cfg.Dir + "/" + name }

// Names. Segments and their indexes carry the generation that wrote them, which
// grows with each snapshot that is installed, so that an installation never
// touches a file of the state it replaces. In a manifest they are named without it.

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
	copySuffix       = ".b"
	unfinishedSuffix = ".tmp"
)

func checkpointName(id uint64) string { return fmt.Sprintf("%s%016x", checkpointPrefix, id) }

// recordNames are the names of a checkpoint's two records.
func recordNames(id uint64) [2]string {
	return [2]string{checkpointName(id), checkpointName(id) + copySuffix}
}

// parseRecordName reads the name of either record of a checkpoint.
func parseRecordName(name string) (id uint64, ok bool) {
	return parseCheckpointName(strings.TrimSuffix(name, copySuffix))
}

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
