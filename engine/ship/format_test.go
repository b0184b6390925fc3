package ship_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/ship"
)

func TestManifestBytes(t *testing.T) {
	m := machine.Manifest{
		Checkpoint: machine.Checkpoint{ID: 4, Index: 2, Term: 3, Meta: []byte("mm")}, Body: []byte("bbb"),
		Files: []machine.FileInfo{{Name: "f", Bytes: 258, Sum: 9}},
	}
	b, err := ship.EncodeManifest(1, m)
	if err != nil {
		t.Fatal(err)
	}
	want := "01000000" + "56000000" + "0100000000000000" + "0200000000000000" + "0300000000000000" + "0400000000000000" +
		"01000000" + "02000000" + "03000000" + "00000000" + "0201000000000000" + "09000000" + "01000000" + "66" + "6d6d" + "626262"
	if got := hex.EncodeToString(b[8:]); got != want || string(b[:4]) != "LKSM" {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	g, got, err := ship.DecodeManifest(b)
	if err != nil || g != 1 || !reflect.DeepEqual(got, m) {
		t.Errorf("got %v of %d, %v", got, g, err)
	}
	for i := range b {
		for bit := range 8 {
			bad := bytes.Clone(b)
			bad[i] ^= 1 << bit
			if _, _, err := ship.DecodeManifest(bad); err == nil {
				t.Fatalf("bit %d of byte %d changed and nobody noticed", bit, i)
			}
		}
		if _, _, err := ship.DecodeManifest(b[:i]); err == nil {
			t.Fatalf("cut to %d bytes and nobody noticed", i)
		}
	}
}

func TestManifestRefuses(t *testing.T) {
	for name, files := range map[string][]machine.FileInfo{
		"no name":   {{}},
		"slash":     {{Name: "a/b"}},
		"zero byte": {{Name: "a\x00"}},
		"long name": {{Name: strings.Repeat("a", 129)}},
		"twice":     {{Name: "a"}, {Name: "a"}},
		"negative":  {{Name: "a", Bytes: -1}},
		"empty":     {{Name: "a", Sum: 1}},
		"too much":  {{Name: "a", Bytes: 1<<63 - 1}, {Name: "b", Bytes: 1}},
	} {
		if _, err := ship.EncodeManifest(1, machine.Manifest{Files: files}); !errors.Is(err, ship.ErrManifest) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ship.EncodeManifest(1, machine.Manifest{Body: make([]byte, ship.MaxManifestBytes)}); !errors.Is(err, ship.ErrManifest) {
		t.Errorf("too long: %v", err)
	}
}

func TestRef(t *testing.T) {
	r := ship.Ref{Group: 1, Index: 2, Term: 3, Bytes: 4, Sum: 5}
	b := r.Append([]byte("x"))[1:]
	if got, err := ship.ParseRef(b); err != nil || got != r {
		t.Errorf("got %v, %v", got, err)
	}
	bad := bytes.Clone(b)
	bad[0] = 2
	negative := ship.Ref{Bytes: -1}.Append(nil)
	for _, b := range [][]byte{nil, b[:36], append(bytes.Clone(b), 0), bad, negative} {
		if _, err := ship.ParseRef(b); !errors.Is(err, ship.ErrRef) {
			t.Errorf("%x: %v", b, err)
		}
	}
}

func FuzzManifest(f *testing.F) {
	for _, m := range []machine.Manifest{{}, manifestOf(10, randomFiles(1, 10, 20))} {
		b, err := ship.EncodeManifest(7, m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		b = resum(b)
		g, m, err := ship.DecodeManifest(b)
		if err != nil {
			return
		}
		if again, err := ship.EncodeManifest(g, m); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("accepted %x, which encodes as %x, %v", b, again, err)
		}
	})
}

// resum makes length and checksum right, or no fuzzed bytes would pass them.
func resum(b []byte) []byte {
	b = bytes.Clone(b)
	if len(b) < 16 {
		return b
	}
	n := uint32(len(b))
	copy(b[12:], []byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)})
	s := sum(b[8:])
	copy(b[4:], []byte{byte(s), byte(s >> 8), byte(s >> 16), byte(s >> 24)})
	return b
}

func FuzzInspect(f *testing.F) {
	w := newWorld(f, 1, 2, small)
	w.replicate(randomFiles(1, 3000))
	ref := w.offer(10)
	w.mustStage(ref, w.host(2).files)
	for _, name := range []string{"stage.manifest", "stage.progress"} {
		b, _ := w.host(1).disk.ReadRaw(dir + "/" + name)
		f.Add(b, name)
	}
	f.Fuzz(func(t *testing.T, b []byte, name string) {
		at := int64(0)
		err := ship.Inspect(bytes.NewReader(resum(b)), int64(len(b)), name, func(i ship.Item) {
			if i.Offset != at || i.Length < 0 {
				t.Fatalf("item at %d, %d bytes; expected at %d", i.Offset, i.Length, at)
			}
			at += i.Length
		})
		if err == nil && at != int64(len(b)) {
			t.Fatalf("%d bytes visited of %d", at, len(b))
		}
	})
}

func TestInspect(t *testing.T) {
	w := newWorld(t, 2, 2, small)
	w.replicate(randomFiles(2, 3000))
	o := w.fetch(info("0000.log", w.host(2).files["0000.log"]))
	ref := w.offer(10)
	w.mustStage(ref, w.host(2).files)
	w.until(func() bool { return o.done > 0 })
	inspect := func(name string, flip int) (text string, err error) {
		b, ok := w.host(1).disk.ReadRaw(dir + "/" + name)
		if !ok {
			t.Fatalf("no %s in %v", name, w.leftovers())
		}
		if flip >= 0 {
			b[flip] ^= 1
		}
		err = ship.Inspect(bytes.NewReader(b), int64(len(b)), "some/where/"+name, func(i ship.Item) {
			text += i.What
			if i.Err != nil {
				text += ": " + i.Err.Error()
			}
			text += "\n"
		})
		return text, err
	}
	if got, err := inspect("stage.manifest", -1); err != nil || !strings.HasPrefix(got, "manifest of group 7 at index 10, term 3, checkpoint 10, sum ") || !strings.Contains(got, "file 0000.log, 3000 bytes") {
		t.Errorf("%v: %s", err, got)
	}
	if got, err := inspect("stage.manifest", 20); !errors.Is(err, ship.ErrManifest) || !strings.Contains(got, "checksum") {
		t.Errorf("%v: %s", err, got)
	}
	for _, name := range []string{"stage.progress", "stage.repair.progress.0000.log"} {
		if got, err := inspect(name, -1); err != nil || !strings.Contains(got, "0000.log, 2100 of 3000 bytes are durable") && !strings.Contains(got, "0000.log, 2400 of 3000 bytes are durable") {
			t.Errorf("%s: %v: %s", name, err, got)
		}
		if got, err := inspect(name, 600); err != nil || !strings.Contains(got, "slot: ship: no progress") {
			t.Errorf("one slot is bad: %v: %s", err, got)
		}
	}
	if err := ship.Inspect(nil, 0, "segment.log", nil); !errors.Is(err, ship.ErrNotOurs) {
		t.Error(err)
	}
}

func TestValidate(t *testing.T) {
	if err := (ship.Config{}).Validate(); err != nil {
		t.Error(err)
	}
	for _, c := range []ship.Config{
		{ChunkBytes: -1},
		{ChunkBytes: ship.MaxChunkBytes + 1},
		{Window: -1},
		{ChunkTimeout: time.Microsecond},
		{ReceiveBytes: -1},
		{SendBytes: -1},
		{ServeQueue: -1},
		{ServeQueue: 4, PeerQueue: 5},
		{StageSyncBytes: -1},
		{StageBytes: -1},
		{StagesAtOnce: -1},
		{RepairsAtOnce: -1},
	} {
		if err := c.Validate(); !errors.Is(err, ship.ErrConfig) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestBudget: bytes are due in order, and never faster than the rate.
func TestBudget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.Int64Range(1, 1<<40).Draw(t, "rate")
		b := ship.NewBudget(rate)
		var now, last, first time.Duration
		var total int64
		for i := range rapid.IntRange(1, 50).Draw(t, "takers") {
			now += time.Duration(rapid.Int64Range(0, int64(time.Second)).Draw(t, "pause"))
			n := rapid.IntRange(0, ship.MaxChunkBytes).Draw(t, "bytes")
			due := b.Take(now, n)
			if i == 0 || due == now { // the budget was idle: count from here
				first, total = due, 0
			}
			if due < now || due < last {
				t.Fatalf("due at %v, asked at %v, the last was due at %v", due, now, last)
			}
			// All that came before is through at the rate, to the nanosecond.
			if span := due - first; float64(total)/float64(rate)*1e9 > float64(span)*(1+1e-9)+1 {
				t.Fatalf("%d bytes in %v at %d bytes a second", total, span, rate)
			}
			total += int64(n)
			last = due
		}
	})
}
