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

// records are the names of the newest checkpoint's two records.
func (d *platter) records(t tb) [2]string {
	name := ""
	for n := range d.names {
		if strings.HasPrefix(n, "groups/7/checkpoint-") && !strings.HasSuffix(n, ".b") {
			name = max(name, n)
		}
	}
	if name == "" {
		t.Fatal("no checkpoint")
	}
	return [2]string{name, name + ".b"}
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

// TestLostSegmentsAreListed: Open looks at every segment and lists all that are
// not there in full, with what to fetch for them.
func TestLostSegmentsAreListed(t *testing.T) {
	active := func(d *platter) string { _, a := d.files(t); return a }
	sealed := func(d *platter) string { s, _ := d.files(t); return s[1] }
	for name, harm := range map[string]func(d *platter) []string{
		"active short": func(d *platter) []string {
			a := active(d)
			d.names[a].data = d.names[a].data[:len(d.names[a].data)-1]
			return []string{a}
		},
		"active missing": func(d *platter) []string { a := active(d); delete(d.names, a); return []string{a} },
		"sealed short": func(d *platter) []string {
			s := sealed(d)
			d.names[s].data = d.names[s].data[:5]
			return []string{s}
		},
		"sealed long": func(d *platter) []string {
			s := sealed(d)
			d.names[s].data = append(d.names[s].data, 0)
			return []string{s}
		},
		"all missing": func(d *platter) []string {
			all, a := d.files(t)
			for _, s := range append(all, a) {
				delete(d.names, s)
			}
			return append(all, a)
		},
	} {
		d := worn(t, 1)
		d.files(t) // the active file is cut now
		p := start(t, d, 4096)
		p.mustOpen()
		want := map[string]wal.SegmentInfo{}
		for _, s := range p.log.Segments() {
			want[s.Name] = s
		}
		p.kill()
		lost := harm(d)
		p = start(t, d, 4096)
		_, err := p.open()
		var damage *wal.DamageError
		if !errors.As(err, &damage) || !errors.Is(err, wal.ErrDamaged) || len(damage.Bad) != len(lost) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i, b := range damage.Bad {
			if w := want[lost[i]]; b.File != lost[i] || b.Base != w.Base || b.End != w.End || b.Bytes != w.Bytes || b.Index {
				t.Errorf("%s: %+v, want %+v", name, b, w)
			}
		}
		if len(p.log.Bad()) != len(lost) {
			t.Errorf("%s: Bad() is %v", name, p.log.Bad())
		}
	}
}

// TestOneGoodRecordIsEnough: each of the two may be anything but good; both are
// there again after Open, under the next id.
func TestOneGoodRecordIsEnough(t *testing.T) {
	harms := map[string]func(d *platter, name string){
		"gone":    func(d *platter, name string) { delete(d.names, name) },
		"emptied": func(d *platter, name string) { d.names[name].data = nil },
		"cut":     func(d *platter, name string) { n := d.names[name]; n.data = n.data[:len(n.data)-1] },
	}
	for at := range 200 {
		harms[fmt.Sprintf("byte %d", at)] = func(d *platter, name string) { d.names[name].data[at] ^= 0x10 }
	}
	for name, harm := range harms {
		for which := range 2 {
			d := worn(t, 1)
			d.files(t)
			before := d.records(t)
			harm(d, before[which])
			p := start(t, d, 4096)
			c := p.mustOpen()
			if c.Index != 100 || len(p.repaired) != 1 || p.repaired[0].Kind != "checkpoint" || p.repaired[0].File != before[which] {
				t.Fatalf("%s: opened %+v, repaired %v", name, c, p.repaired)
			}
			after := d.records(t)
			if after == before || !bytes.Equal(d.names[after[0]].data, d.names[after[1]].data) || d.names[before[1-which]] != nil {
				t.Fatalf("%s: %v after %v", name, after, before)
			}
			p.kill()
			harm(d, after[0])
			harm(d, after[1])
			_, err := start(t, d, 4096).open()
			if damage := (*wal.DamageError)(nil); !errors.Is(err, wal.ErrDamaged) || errors.As(err, &damage) || !strings.Contains(fmt.Sprint(err), "groups/7") {
				t.Fatalf("%s: both: %v", name, err)
			}
		}
	}
}

// TestRecordsOfAnotherKind: a record under another's name, or two that differ.
func TestRecordsOfAnotherKind(t *testing.T) {
	d := worn(t, 1)
	r := d.records(t)
	d.names["groups/7/checkpoint-00000000000000aa"] = d.names[r[0]]
	if _, err := start(t, d, 4096).open(); !errors.Is(err, wal.ErrDamaged) {
		t.Errorf("renamed: %v", err)
	}
	d, e := worn(t, 1), worn(t, 1)
	p := start(t, e, 4096)
	p.mustOpen()
	p.apply(makeHistory(21, 120), 110)
	p.checkpoint("")
	other := e.records(t)
	q := start(t, d, 4096)
	q.mustOpen()
	q.apply(makeHistory(21, 120), 105)
	q.checkpoint("")
	mine := d.records(t)
	if mine != other {
		t.Fatal(mine, other)
	}
	d.names[mine[1]] = e.names[other[1]]
	if _, err := start(t, d, 4096).open(); !errors.Is(err, wal.ErrDamaged) || !strings.Contains(err.Error(), "differ") {
		t.Errorf("two that differ: %v", err)
	}
}

// TestNoOlderCheckpointInstead: a newest checkpoint of which both records are
// damaged is never replaced by an intact older one (B11).
func TestNoOlderCheckpointInstead(t *testing.T) {
	d, p := fresh(t, 1, 4096)
	h := makeHistory(21, 60)
	p.apply(h, 30)
	p.checkpoint("")
	names := d.records(t)
	older := [2]*inode{d.names[names[0]], d.names[names[1]]}
	p.apply(h, 60)
	p.checkpoint("")
	p.kill()
	for i, name := range names {
		d.names[name] = older[i]
	}
	for _, name := range d.records(t) {
		d.names[name].data[50] ^= 1
	}
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

// TestSegmentsWithoutARecord are damage: not an empty place, and not one to format.
func TestSegmentsWithoutARecord(t *testing.T) {
	d := worn(t, 1)
	for _, name := range d.records(t) {
		delete(d.names, name)
	}
	if _, err := start(t, d, 0).open(); !errors.Is(err, wal.ErrDamaged) {
		t.Errorf("opened: %v", err)
	}
	p := start(t, d, 0)
	var err error
	p.log.Format(nil, func(e error) { err = e })
	p.until(func() bool { return err != nil })
	if !errors.Is(err, wal.ErrDamaged) {
		t.Errorf("formatted: %v", err)
	}
}
