package wal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/lockstep-log/lockstep/engine/machine"
)

// checkpoint is what a checkpoint record says: everything that is needed, with
// the segments, to be the log again.
type checkpoint struct {
	id         uint64
	generation uint32 // of the names of segments that begin after it; local to one disk, as id is
	installed  bool   // from a snapshot, and none of our own has followed
	replica    uint64 // whose it is; 0 where the log was not told
	lastEntry  int64  // where the last batch of the active segment begins that its index has; 0 without segments
	state      state
	segments   []extent
	producers  []byte // the producer table; empty so far
	meta       []byte // the engine's own
}

// Format of a checkpoint record; see the package comment.
const (
	checkpointMagic       = 0x5043574c // "LWCP"
	checkpointVersion     = 3
	checkpointSumAt       = 12
	checkpointHeaderBytes = 160
	extentBytes           = 48
	termStartBytes        = 16

	installedFlag = 1 // of the flags
)

// public is the checkpoint as the engine sees it.
func (c *checkpoint) public() machine.Checkpoint {
	return machine.Checkpoint{ID: c.id, Index: c.state.index, Term: c.state.term, Meta: c.meta, Installed: c.installed}
}

// bytes is how long the record is.
func (c *checkpoint) bytes() int {
	return checkpointHeaderBytes + len(c.segments)*extentBytes + len(c.state.terms)*termStartBytes +
		len(c.producers) + len(c.meta)
}

// encode makes the record.
func (c *checkpoint) encode() []byte {
	u32, u64 := binary.LittleEndian.AppendUint32, binary.LittleEndian.AppendUint64
	p := make([]byte, 0, c.bytes())
	p = u32(p, checkpointMagic)
	p = u32(p, checkpointVersion)
	p = u32(p, uint32(c.bytes()))
	p = u32(p, 0) // checksum
	p = u64(p, c.id)
	p = u64(p, c.state.index)
	p = u64(p, c.state.term)
	p = u64(p, uint64(c.state.start))
	p = u64(p, uint64(c.state.end))
	p = u64(p, c.state.chain)
	p = appendSettings(p, c.state.settings)
	p = u32(p, c.generation)
	p = u32(p, uint32(len(c.segments)))
	p = u32(p, uint32(len(c.state.terms)))
	p = u32(p, uint32(len(c.producers)))
	p = u32(p, uint32(len(c.meta)))
	flags := uint32(0)
	if c.installed {
		flags = installedFlag
	}
	p = u32(p, flags)
	p = u64(p, c.replica)
	p = u64(p, uint64(c.lastEntry))
	p = append(p, make([]byte, checkpointHeaderBytes-len(p))...)
	for _, e := range c.segments {
		p = u64(p, uint64(e.Base))
		p = u64(p, uint64(e.End))
		p = u64(p, uint64(e.Bytes))
		p = u64(p, uint64(e.Interval))
		p = u64(p, uint64(e.MaxTime))
		p = u32(p, e.Sum)
		p = u32(p, e.Generation)
	}
	for _, t := range c.state.terms {
		p = u64(p, t.Term)
		p = u64(p, uint64(t.Start))
	}
	p = append(append(p, c.producers...), c.meta...)
	binary.LittleEndian.PutUint32(p[checkpointSumAt:], sumAround(p, checkpointSumAt))
	return p
}

// rottenVersion tells a record of ours with a wrong version from one that
// another version wrote.
func rottenVersion(p []byte) bool {
	p = bytes.Clone(p)
	binary.LittleEndian.PutUint32(p[4:], checkpointVersion)
	return sumAround(p, checkpointSumAt) == binary.LittleEndian.Uint32(p[checkpointSumAt:])
}

// parseCheckpoint reads a record. The result shares no memory with p. Whatever
// is wrong is ErrDamaged, but for a version that is not ours: ErrVersion. Magic
// and version keep their places in every version.
func parseCheckpoint(p []byte) (checkpoint, error) {
	bad := func(format string, args ...any) (checkpoint, error) {
		return checkpoint{}, fmt.Errorf("%w: checkpoint record: %s", ErrDamaged, fmt.Sprintf(format, args...))
	}
	if len(p) < checkpointHeaderBytes {
		return bad("%d bytes, a header has %d", len(p), checkpointHeaderBytes)
	}
	u32 := func(at int) uint32 { return binary.LittleEndian.Uint32(p[at:]) }
	u64 := func(at int) uint64 { return binary.LittleEndian.Uint64(p[at:]) }
	switch {
	case u32(0) != checkpointMagic:
		return bad("magic %08x", u32(0))
	case u32(4) != checkpointVersion && !rottenVersion(p):
		return checkpoint{}, fmt.Errorf("%w: checkpoint record: format %d, this program reads %d", ErrVersion, u32(4), checkpointVersion)
	case u32(4) != checkpointVersion:
		return bad("format %d, and all else in format %d", u32(4), checkpointVersion)
	case u32(8) != uint32(len(p)):
		return bad("%d bytes, it says %d", len(p), u32(8))
	case u32(checkpointSumAt) != sumAround(p, checkpointSumAt):
		return bad("checksum %08x, it says %08x", sumAround(p, checkpointSumAt), u32(checkpointSumAt))
	}
	settings, err := parseSettings(p[64 : 64+settingsBytes])
	if err != nil {
		return bad("%v", err)
	}
	segments, terms, producers, meta := uint64(u32(108)), uint64(u32(112)), uint64(u32(116)), uint64(u32(120))
	if want := checkpointHeaderBytes + segments*extentBytes + terms*termStartBytes + producers + meta; want != uint64(len(p)) {
		return bad("%d bytes, its tables need %d", len(p), want)
	}
	c := checkpoint{
		id:         u64(16),
		generation: u32(104),
		installed:  u32(124)&installedFlag != 0,
		replica:    u64(128),
		lastEntry:  int64(u64(136)),
		state: state{
			index: u64(24), term: u64(32), start: int64(u64(40)), end: int64(u64(48)),
			chain: u64(56), settings: settings,
		},
	}
	rest := c.parseTables(p[checkpointHeaderBytes:], int(segments), int(terms))
	c.producers, c.meta = slices.Clone(rest[:producers]), slices.Clone(rest[producers:])
	if err := c.consistent(); err != nil {
		return bad("%v", err)
	}
	if string(c.encode()) != string(p) { // reserved fields
		return bad("unknown content")
	}
	return c, nil
}

// parseTables reads the segment and term tables, whose lengths were checked,
// and returns what follows.
func (c *checkpoint) parseTables(p []byte, segments, terms int) (rest []byte) {
	u64 := func(at int) uint64 { return binary.LittleEndian.Uint64(p[at:]) }
	c.segments = make([]extent, segments)
	for i := range c.segments {
		c.segments[i] = extent{
			Base: int64(u64(0)), End: int64(u64(8)), Bytes: int64(u64(16)), Interval: int64(u64(24)),
			MaxTime: int64(u64(32)), Sum: binary.LittleEndian.Uint32(p[40:]), Generation: binary.LittleEndian.Uint32(p[44:]),
		}
		p = p[extentBytes:]
	}
	c.state.terms = make([]termStart, terms)
	for i := range c.state.terms {
		c.state.terms[i] = termStart{Term: u64(0), Start: int64(u64(8))}
		p = p[termStartBytes:]
	}
	return p
}

// consistent checks what must hold between the fields of a record.
func (c *checkpoint) consistent() error {
	s := &c.state
	if c.id == 0 || s.start < 0 || s.end < s.start {
		return fmt.Errorf("id %d, offsets %d to %d", c.id, s.start, s.end)
	}
	next := s.start
	if len(c.segments) > 0 {
		next = c.segments[0].Base
	}
	if next < 0 || next > s.start {
		return fmt.Errorf("segments begin at %d, the log at %d", next, s.start)
	}
	for i, e := range c.segments {
		if e.Base != next || e.End <= e.Base || e.Bytes < 1 || e.Interval < 1 {
			return fmt.Errorf("segment %d: offsets %d to %d after %d, %d bytes, index interval %d", i, e.Base, e.End, next, e.Bytes, e.Interval)
		}
		next = e.End
	}
	if next != s.end {
		return fmt.Errorf("segments end at %d, the log at %d", next, s.end)
	}
	active := int64(0)
	if n := len(c.segments); n > 0 {
		active = c.segments[n-1].Bytes
	}
	if c.lastEntry < 0 || c.lastEntry > max(0, active-1) {
		return fmt.Errorf("the active segment has %d bytes, its index ends at %d", active, c.lastEntry)
	}
	for i, t := range s.terms {
		if t.Start >= s.end || t.Term > s.term || i > 0 && (t.Term <= s.terms[i-1].Term || t.Start <= s.terms[i-1].Start) {
			return fmt.Errorf("term %d begins at %d, log ends at %d in term %d", t.Term, t.Start, s.end, s.term)
		}
	}
	return nil
}
