package wal_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/engine/wal"
)

// worn gives a platter with a checkpoint at 100 of 120 applied entries, several
// sealed segments, and a longer active file.
func worn(t tb, seed uint64) *platter {
	d, p := fresh(t, seed, 4096)
	h := makeHistory(21, 120)
	p.apply(h, 100)
	p.checkpoint("")
	p.apply(h, 120)
	p.content()
	p.kill()
	return d
}

// checkpointFile is the name of the newest checkpoint.
func (d *platter) checkpointFile(t tb) (name string) {
	for n := range d.names {
		if strings.HasPrefix(n, "groups/7/checkpoint-") {
			name = max(name, n)
		}
	}
	if name == "" {
		t.Fatal("no checkpoint")
	}
	return name
}

// files lists what the newest checkpoint stands on: sealed segments, the active one.
func (d *platter) files(t tb) (sealed []string, active string) {
	p := start(t, d, 4096)
	p.mustOpen()
	for _, s := range p.log.Segments() {
		sealed = append(sealed, s.Name)
		if got := len(d.names[s.Name].data); int64(got) != s.Bytes {
			t.Errorf("%s has %d bytes after Open, want %d", s.Name, got, s.Bytes)
		}
	}
	p.kill()
	return sealed[:len(sealed)-1], sealed[len(sealed)-1]
}

// TestDamageIsRefused: whatever is not as it was synced, Open says so and what.
func TestDamageIsRefused(t *testing.T) {
	flip := func(name func(*platter) string, at int) func(*platter) {
		return func(d *platter) { d.names[name(d)].data[at] ^= 0x10 }
	}
	newest := func(d *platter) string { return d.checkpointFile(t) }
	active := func(d *platter) string { _, a := d.files(t); return a }
	sealed := func(d *platter) string { s, _ := d.files(t); return s[1] }
	cases := map[string]func(*platter){
		"checkpoint emptied": func(d *platter) { d.names[newest(d)].data = nil },
		"checkpoint cut":     func(d *platter) { n := d.names[newest(d)]; n.data = n.data[:len(n.data)-1] },
		"checkpoint renamed": func(d *platter) {
			d.names["groups/7/checkpoint-00000000000000aa"] = d.names[newest(d)]
		},
		"active short":   func(d *platter) { n := d.names[active(d)]; n.data = n.data[:len(n.data)-1] },
		"active missing": func(d *platter) { delete(d.names, active(d)) },
		"sealed short":   func(d *platter) { n := d.names[sealed(d)]; n.data = n.data[:len(n.data)-1] },
		"sealed long":    func(d *platter) { n := d.names[sealed(d)]; n.data = append(n.data, 0) },
		"sealed missing": func(d *platter) { delete(d.names, sealed(d)) },
	}
	for at := range 200 {
		cases[fmt.Sprintf("checkpoint byte %d", at)] = flip(newest, at)
		cases[fmt.Sprintf("active byte %d", at)] = flip(active, at)
	}
	for name, harm := range cases {
		d := worn(t, 1)
		d.files(t) // the active file is cut now
		harm(d)
		_, err := start(t, d, 4096).open()
		if !errors.Is(err, wal.ErrDamaged) || !strings.Contains(fmt.Sprint(err), "groups/7/") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNoOlderCheckpointInstead: a damaged newest checkpoint is never replaced
// by an intact older one (B11).
func TestNoOlderCheckpointInstead(t *testing.T) {
	d, p := fresh(t, 1, 4096)
	h := makeHistory(21, 60)
	p.apply(h, 30)
	p.checkpoint("")
	name := d.checkpointFile(t)
	older := d.names[name]
	p.apply(h, 60)
	p.checkpoint("")
	p.kill()
	d.names[name] = older
	d.names[d.checkpointFile(t)].data[50] ^= 1
	if _, err := start(t, d, 4096).open(); !errors.Is(err, wal.ErrDamaged) {
		t.Errorf("opened beside an older checkpoint: %v", err)
	}
}

// TestDamagedSealedSegmentIsNoGap: a flipped bit anywhere in a sealed segment
// gives an error at the offsets it hits, right answers elsewhere.
func TestDamagedSealedSegmentIsNoGap(t *testing.T) {
	want := expected(makeHistory(21, 100))
	end := want[len(want)-1].next
	d := worn(t, 1)
	sealed, _ := d.files(t)
	for at := 0; at < len(d.names[sealed[1]].data); at += 7 {
		p := start(t, d, 4096)
		p.mustOpen()
		d.names[sealed[1]].data[at] ^= 4
		errs := 0
		for _, b := range want {
			got, err := p.read(b.base, end, 1)
			switch {
			case errors.Is(err, wal.ErrDamaged):
				errs++
			case err != nil || !bytes.Equal(got, b.bytes):
				t.Fatalf("byte %d, offset %d: %d bytes, %v", at, b.base, len(got), err)
			}
		}
		if errs == 0 {
			t.Fatalf("byte %d: nobody noticed", at)
		}
		d.names[sealed[1]].data[at] ^= 4
		p.kill()
	}
}

// TestIndexFileIsOnlyAHelp: missing, torn or rotten, reads are the same; it is
// then written again, with the same bytes.
func TestIndexFileIsOnlyAHelp(t *testing.T) {
	want := expected(makeHistory(21, 100))
	end := want[len(want)-1].next
	for name, harm := range map[string]func(d *platter, index string){
		"missing": func(d *platter, index string) { delete(d.names, index) },
		"empty":   func(d *platter, index string) { d.names[index].data = nil },
		"rotten":  func(d *platter, index string) { d.names[index].data[60] ^= 1 },
		"longer":  func(d *platter, index string) { n := d.names[index]; n.data = append(n.data, make([]byte, 16)...) },
	} {
		d := worn(t, 1)
		sealed, _ := d.files(t)
		index := strings.TrimSuffix(sealed[0], ".log") + ".index"
		if d.names[index] == nil {
			t.Fatal("no index file")
		}
		intact := slices.Clone(d.names[index].data)
		harm(d, index)
		p := start(t, d, 4096)
		p.mustOpen()
		for _, b := range want {
			if got, err := p.read(b.base, end, 1); err != nil || !bytes.Equal(got, b.bytes) {
				t.Fatalf("%s: offset %d: %v", name, b.base, err)
			}
		}
		p.apply(makeHistory(21, 120), 120)
		p.checkpoint("")
		if n := d.names[index]; n == nil || !bytes.Equal(n.data, intact) {
			t.Errorf("%s: the index was not made again", name)
		}
	}
}

// TestUnreadableIsNotEmpty: an error of the disk is never taken for absence.
func TestUnreadableIsNotEmpty(t *testing.T) {
	d := worn(t, 1)
	delete(d.names, d.checkpointFile(t))
	if _, err := start(t, d, 0).open(); !errors.Is(err, wal.ErrNotFormatted) {
		t.Errorf("segments without a checkpoint: %v", err)
	}
}
