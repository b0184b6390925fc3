package wal_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"path"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/wal"
)

// inspect gives what Inspect visits, in lines, and its error.
func inspect(name string, b []byte) (lines []string, err error) {
	err = wal.Inspect(bytes.NewReader(b), int64(len(b)), name, func(i wal.Item) {
		lines = append(lines, fmt.Sprintf("%d+%d %s", i.Offset, i.Length, i.What))
		if i.Offset < 0 || i.Length < 0 || i.Offset+i.Length > int64(len(b)) {
			panic(fmt.Sprintf("%s: %+v of %d bytes", name, i, len(b)))
		}
	})
	return lines, err
}

// TestInspectOfZerosAhead: an unreplicated log's newest segment may end in zeros;
// no other may, and no batch may follow them.
func TestInspectOfZerosAhead(t *testing.T) {
	d := worn(t, 1)
	d.files(t)
	for name, n := range d.names {
		if !strings.HasSuffix(name, ".log") || len(n.data) == 0 {
			continue
		}
		ahead := append(bytes.Clone(n.data), make([]byte, 100_000)...)
		if _, err := inspect(name, ahead); err == nil {
			t.Fatalf("%s: zeros at the end of a replicated segment", name)
		}
		var last string
		alone := func(p []byte) error {
			return wal.InspectAlone(bytes.NewReader(p), int64(len(p)), name, func(i wal.Item) { last = fmt.Sprintf("%d %s", i.Length, i.What) })
		}
		if err := alone(ahead); err != nil || !strings.HasPrefix(last, fmt.Sprintf("%d segment of", len(n.data))) {
			t.Errorf("%s: %v, %s", name, err, last)
		}
		if err := alone(append(ahead, n.data...)); err == nil {
			t.Errorf("%s: a batch behind zeros", name)
		}
		return
	}
	t.Fatal("no segment")
}

// TestInspect: every file of a log is good; with any bit flipped none is.
func TestInspect(t *testing.T) {
	d := worn(t, 1)
	d.files(t)
	p := start(t, d, 0)
	for _, r := range d.records(t) { // so that there are seeds
		d.names["kept/"+path.Base(r)] = &inode{data: bytes.Clone(d.names[r].data)}
		d.names[r].data[20] ^= 1
	}
	if err := p.in(func(t *env.Task) error { return p.log.Reformat(t, nil, 0) }); err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for name, n := range d.names {
		b := bytes.Clone(n.data)
		lines, err := inspect(name, b)
		if err != nil || len(lines) == 0 {
			t.Fatalf("%s: %v, %v", name, err, lines)
		}
		kinds[strings.TrimLeft(path.Base(name), "0123456789")[:4]]++
		for at := 0; at < len(b); at += 3 {
			b[at] ^= 0x20
			_, err := inspect(name, b)
			if err == nil && (!strings.Contains(name, ".log") || !isEpoch(b, at)) {
				t.Fatalf("%s: byte %d flipped: nothing found", name, at)
			}
			b[at] ^= 0x20
		}
	}
	if len(kinds) != 4 {
		t.Errorf("kinds of files: %v", kinds)
	}
	if _, err := inspect("groups/7/notes.txt", []byte("x")); !errors.Is(err, wal.ErrNotOurs) {
		t.Errorf("another file: %v", err)
	}
}

// isEpoch tells whether a byte of a segment is one of a leader epoch: no checksum
// covers that, only the terms of the log's checkpoint do.
func isEpoch(segment []byte, at int) bool {
	for len(segment) > 0 {
		n := 12 + int(binary.BigEndian.Uint32(segment[8:]))
		if at < n {
			return at >= 12 && at < 16
		}
		segment, at = segment[n:], at-n
	}
	return false
}

// TestInspectTellsWhereItEnds: a cut segment is good up to the cut.
func TestInspectTellsWhereItEnds(t *testing.T) {
	p := reference(t, history{entry(1, 1), entry(2, 1)})
	b := p.content()[0]
	lines, err := inspect("00000000000000000000.log", b)
	if err != nil || len(lines) != 3 || !strings.Contains(lines[2], "offsets 0 to 2") {
		t.Errorf("%v: %q", err, lines)
	}
	lines, err = inspect("00000000000000000000.log.00000003", b[:len(b)-1])
	if err == nil || len(lines) != 2 {
		t.Errorf("cut: %v, %q", err, lines)
	}
}

func FuzzInspect(f *testing.F) {
	p := reference(f, history{entry(1, 1), entry(2, 1)})
	p.log.Checkpoint([]byte("meta"), func(machine.Checkpoint, error) {})
	p.steps(1 << 20)
	for name, n := range p.mount.names {
		f.Add(path.Base(name), n.data)
	}
	f.Fuzz(func(_ *testing.T, name string, b []byte) {
		_, _ = inspect(name, b) // no panic, no item outside of the file
	})
}
