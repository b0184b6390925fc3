package wal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
)

func sampleCheckpoint() checkpoint {
	return checkpoint{
		id: 7, generation: 2, installed: true, replica: 77, lastEntry: 79,
		state: state{
			index: 90, term: 5, start: 10, end: 300, chain: 0x1122334455667788,
			settings: Settings{SegmentBytes: 1000, IndexIntervalBytes: 100, MaxBatchBytes: 500},
			terms:    []termStart{{Term: 1, Start: 0}, {Term: 4, Start: 120}},
		},
		segments:  []extent{{Base: 5, End: 200, Bytes: 990, Interval: 100, MaxTime: -1, Sum: 1, Generation: 1}, {Base: 200, End: 300, Bytes: 80, Interval: 50, Sum: 2}},
		producers: []byte("producers"),
		meta:      []byte("meta"),
	}
}

func TestCheckpointRecordRoundTrip(t *testing.T) {
	for _, c := range []checkpoint{
		sampleCheckpoint(),
		{id: 1, state: state{settings: Settings{1, 1, 61, 0, 0}}},
		{id: 9, state: state{start: 44, end: 44, settings: Settings{1, 1, 61, 0, 0}}},
	} {
		p := c.encode()
		if len(p) != c.bytes() {
			t.Fatalf("%d bytes, said %d", len(p), c.bytes())
		}
		again, err := parseCheckpoint(p)
		if err != nil || !bytes.Equal(again.encode(), p) {
			t.Fatalf("%+v came back as %+v, %v", c, again, err)
		}
		for i := range p {
			p[i] ^= 1
			if _, err := parseCheckpoint(p); !errors.Is(err, ErrDamaged) {
				t.Fatalf("byte %d flipped: %v", i, err)
			}
			p[i] ^= 1
			if _, err := parseCheckpoint(p[:i]); !errors.Is(err, ErrDamaged) {
				t.Fatalf("cut to %d bytes: %v", i, err)
			}
		}
	}
}

// TestCheckpointOfAnotherVersion: what another version wrote is not damaged.
func TestCheckpointOfAnotherVersion(t *testing.T) {
	c := sampleCheckpoint()
	p := c.encode()
	binary.LittleEndian.PutUint32(p[4:], 4)
	binary.LittleEndian.PutUint32(p[checkpointSumAt:], sumAround(p, checkpointSumAt))
	_, err := parseCheckpoint(p)
	if !errors.Is(err, ErrVersion) || errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "written by another version: checkpoint record: format 4, this program reads 3") {
		t.Errorf("%v", err)
	}
}

// TestInconsistentCheckpointsAreRefused: an intact record that cannot be true.
func TestInconsistentCheckpointsAreRefused(t *testing.T) {
	for name, change := range map[string]func(*checkpoint){
		"no id":                    func(c *checkpoint) { c.id = 0 },
		"start below zero":         func(c *checkpoint) { c.state.start = -1 },
		"end before start":         func(c *checkpoint) { c.state.end = 9 },
		"first segment too high":   func(c *checkpoint) { c.segments[0].Base = 11 },
		"first segment below zero": func(c *checkpoint) { c.segments[0].Base = -5 },
		"gap":                      func(c *checkpoint) { c.segments[1].Base = 201 },
		"empty segment":            func(c *checkpoint) { c.segments[1].Bytes = 0 },
		"segment without records":  func(c *checkpoint) { c.segments[1].End = 200 },
		"no interval":              func(c *checkpoint) { c.segments[1].Interval = 0 },
		"log ends elsewhere":       func(c *checkpoint) { c.state.end = 301 },
		"terms fall":               func(c *checkpoint) { c.state.terms[1].Term = 1 },
		"terms do not move":        func(c *checkpoint) { c.state.terms[1].Start = 0 },
		"term after the end":       func(c *checkpoint) { c.state.terms[1].Start = 300 },
		"term of the future":       func(c *checkpoint) { c.state.terms[1].Term = 6 },
		"index beyond the end":     func(c *checkpoint) { c.lastEntry = 80 },
		"index below zero":         func(c *checkpoint) { c.lastEntry = -1 },
		"bad settings":             func(c *checkpoint) { c.state.settings.MaxBatchBytes = 60 },
	} {
		c := sampleCheckpoint()
		change(&c)
		if _, err := parseCheckpoint(c.encode()); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseCheckpoint(f *testing.F) {
	c := sampleCheckpoint()
	f.Add(c.encode(), true)
	f.Add((&checkpoint{id: 1, state: state{settings: Settings{1, 1, 61, 0, 0}}}).encode(), false)
	f.Add([]byte("LWCP"), true)
	f.Fuzz(func(t *testing.T, p []byte, mend bool) {
		if mend && len(p) >= checkpointHeaderBytes { // else no input gets past the checksum
			p = bytes.Clone(p)
			binary.LittleEndian.PutUint32(p[8:], uint32(len(p)))
			binary.LittleEndian.PutUint32(p[checkpointSumAt:], sumAround(p, checkpointSumAt))
		}
		c, err := parseCheckpoint(p)
		if err != nil {
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrVersion) {
				t.Fatalf("%v", err)
			}
			return
		}
		if !bytes.Equal(c.encode(), p) {
			t.Fatal("it encodes differently")
		}
	})
}

func sampleIndex() (extent, *index) {
	e := extent{Base: 100, End: 400, Bytes: 5000, Interval: 1000, Sum: 77}
	x := &index{}
	for pos, offset := int64(0), int64(100); pos < e.Bytes; pos, offset = pos+300, offset+17 {
		x.add(offset, pos, e.Interval)
	}
	return e, x
}

func TestIndexRoundTrip(t *testing.T) {
	e, x := sampleIndex()
	if len(x.entries) != 5 {
		t.Fatalf("%d entries", len(x.entries))
	}
	p := encodeIndex(e, x)
	if again, err := parseIndex(p, e); err != nil || len(again.entries) != 5 {
		t.Fatal(err)
	}
	for i := range p {
		p[i] ^= 1
		if _, err := parseIndex(p, e); !errors.Is(err, ErrDamaged) {
			t.Fatalf("byte %d flipped: %v", i, err)
		}
		p[i] ^= 1
	}
	for _, other := range []extent{{Base: 100, End: 400, Bytes: 4999, Interval: 1000, Sum: 77}, {Base: 100, End: 400, Bytes: 5000, Interval: 1000, Sum: 78}} {
		if _, err := parseIndex(p, other); !errors.Is(err, ErrDamaged) {
			t.Errorf("taken for %+v: %v", other, err)
		}
	}
}

// TestIndexSpan: the span holds the offset and ends where the next one begins.
func TestIndexSpan(t *testing.T) {
	e, x := sampleIndex()
	for offset := e.Base; offset < e.End; offset++ {
		from, to := x.span(offset, e.Bytes)
		if from.Offset > offset || from.Pos >= to {
			t.Fatalf("offset %d: from %+v to %d", offset, from, to)
		}
		if next, _ := x.span(min(offset+1, e.End-1), e.Bytes); next != from && next.Pos != to {
			t.Fatalf("offset %d: spans %d and %d do not meet", offset, to, next.Pos)
		}
	}
}

func FuzzParseIndex(f *testing.F) {
	e, x := sampleIndex()
	f.Add(encodeIndex(e, x), false)
	f.Add(encodeIndex(e, x)[indexHeaderBytes:], true)
	f.Fuzz(func(t *testing.T, p []byte, mend bool) {
		if mend { // p is entries; give them a header that is right
			p = p[:len(p)/indexEntryBytes*indexEntryBytes]
			y := &index{}
			for ; len(p) > 0; p = p[indexEntryBytes:] {
				y.entries = append(y.entries, indexEntry{int64(binary.LittleEndian.Uint64(p)), int64(binary.LittleEndian.Uint64(p[8:]))})
			}
			p = encodeIndex(e, y)
		}
		got, err := parseIndex(p, e)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
			return
		}
		for offset := e.Base; offset < e.End; offset += 13 {
			if from, to := got.span(offset, e.Bytes); from.Pos >= to || to > e.Bytes {
				t.Fatalf("offset %d: %+v to %d", offset, from, to)
			}
		}
	})
}

func FuzzSettingsCommand(f *testing.F) {
	f.Add(AppendSettingsCommand(nil, Settings{1000, 100, 500, 7, 8})[1:])
	f.Add([]byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, p []byte) {
		s, err := parseSettingsCommand(p)
		if err == nil && !bytes.Equal(AppendSettingsCommand(nil, s)[1:], p) {
			t.Fatalf("%+v encodes differently", s)
		}
		if err != nil && !errors.Is(err, ErrSettings) {
			t.Fatal(err)
		}
	})
}

func TestNames(t *testing.T) {
	for _, g := range []uint32{0, 1, 0xffffffff} {
		for _, base := range []int64{0, 5, 1<<63 - 1} {
			for _, name := range []string{logicalName(base), indexName(base)} {
				b, got, ok := parseSegmentName(name + generationSuffix(g))
				if !ok || b != base || got != g {
					t.Errorf("%s: %d %d %v", name+generationSuffix(g), b, got, ok)
				}
			}
		}
	}
	for _, name := range []string{
		"", "1.log", "00000000000000000001", "00000000000000000001.log.", "-0000000000000000001.log",
		"+0000000000000000001.log", "00000000000000000001.log.1", "00000000000000000001.log.00000000", "00000000000000000001.txt", "99999999999999999999.log",
	} {
		if _, _, ok := parseSegmentName(name); ok {
			t.Errorf("%q is taken for a segment", name)
		}
	}
	for _, name := range []string{"checkpoint-", "checkpoint-1", "checkpoint-000000000000000A", "checkpoint-0000000000000001.tmp"} {
		if _, ok := parseCheckpointName(name); ok {
			t.Errorf("%q is taken for a checkpoint", name)
		}
	}
}

// goldenChain pins the digest: replicas of different builds must agree on it.
const goldenChain = 0xa7a08b339931cdb

// TestChain: order, borders and every byte count.
func TestChain(t *testing.T) {
	a, b := bytes.Repeat([]byte{1}, 40), bytes.Repeat([]byte{2}, 33)
	seen := map[uint64]string{}
	note := func(name string, parts ...[]byte) {
		h := uint64(chainSeed)
		for _, p := range parts {
			h = extendChain(h, p)
		}
		if other, twice := seen[h]; twice {
			t.Errorf("%s and %s have one digest", name, other)
		}
		seen[h] = name
	}
	note("ab", a, b)
	note("ba", b, a)
	note("joined", append(bytes.Clone(a), b...))
	note("a", a)
	note("a and nothing", a, nil)
	note("a and a zero", a, []byte{0})
	note("a, zero appended", append(bytes.Clone(a), 0))
	for i := range a {
		c := bytes.Clone(a)
		c[i] ^= 0x80
		note("flipped", c)
	}
	if got := extendChain(chainSeed, []byte("the digest is part of the format")); got != goldenChain {
		t.Errorf("digest %#x, want %#x", got, uint64(goldenChain))
	}
}

func FuzzTrimCommand(f *testing.F) {
	f.Add(AppendTrimCommand(nil, 300)[1:])
	f.Add([]byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, p []byte) {
		offset, err := parseTrimCommand(p)
		if err == nil && !bytes.Equal(AppendTrimCommand(nil, offset)[1:], p) {
			t.Fatalf("%d encodes differently", offset)
		}
		if err != nil && !errors.Is(err, ErrTrim) {
			t.Fatal(err)
		}
	})
}

func TestSeedsRoundTrip(t *testing.T) {
	for n := range 3 {
		seeds := make([]seed, n)
		for i := range seeds {
			seeds[i].extent = extent{Base: int64(i * 7), Bytes: 100, Generation: uint32(i)}
		}
		p := encodeSeeds(seeds)
		again, err := parseSeeds(p)
		if err != nil || len(again) != n || n > 1 && again[1].extent != seeds[1].extent {
			t.Fatalf("%+v, %v", again, err)
		}
		for i := range p {
			p[i] ^= 4
			if _, err := parseSeeds(p); !errors.Is(err, ErrDamaged) {
				t.Fatalf("byte %d flipped: %v", i, err)
			}
			p[i] ^= 4
			if _, err := parseSeeds(p[:i]); !errors.Is(err, ErrDamaged) {
				t.Fatalf("cut to %d bytes: %v", i, err)
			}
		}
	}
}

// TestIndexInTwoParts: an index that goes on from its last entry is the one that
// was never interrupted.
func TestIndexInTwoParts(t *testing.T) {
	_, whole := sampleIndex()
	for cut := int64(0); cut < 5000; cut += 300 {
		front, back := &index{}, &index{}
		for pos, offset := int64(0), int64(100); pos < 5000; pos, offset = pos+300, offset+17 {
			if pos < cut {
				front.add(offset, pos, 1000)
				back.prior = front.last() + 1
			} else {
				back.add(offset, pos, 1000)
			}
		}
		if got := slices.Concat(front.entries, back.entries); !slices.Equal(got, whole.entries) {
			t.Fatalf("cut at %d: %v, want %v", cut, got, whole.entries)
		}
	}
}
