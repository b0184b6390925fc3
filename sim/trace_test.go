package sim

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

// file writes a trace of n events and gives it with the events.
func file(t testing.TB, header string, n int) ([]byte, []Event) {
	t.Helper()
	var out bytes.Buffer
	w, err := NewTraceWriter(&out, []byte(header))
	if err != nil {
		t.Fatal(err)
	}
	k := New(1)
	var events []Event
	k.SetSink(func(e Event) {
		events = append(events, e)
		if err := w.Write(e); err != nil {
			t.Fatal(err)
		}
	})
	r := k.Rand("trace", 1)
	for range n {
		k.Run(k.Now() + r.Between(0, 1e6))
		k.Record(Kind(r.Between(1, 5)), r.Below(4), r.Uint64()>>r.Below(64), r.Uint64()>>r.Below(64), make([]byte, r.Below(100)))
	}
	if err := w.Close(k.Hash()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), events
}

func readAll(b []byte) (header []byte, events []Event, hash uint64, err error) {
	r, err := NewTraceReader(bytes.NewReader(b))
	if err != nil {
		return nil, nil, 0, err
	}
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			return r.Header(), events, r.Hash(), nil
		}
		if err != nil {
			return r.Header(), events, 0, err
		}
		events = append(events, e)
	}
}

func TestTraceFileReadsBack(t *testing.T) {
	for _, n := range []int{0, 1, 5000} {
		b, events := file(t, `{"seed": 1}`, n)
		header, got, hash, err := readAll(b)
		if err != nil || string(header) != `{"seed": 1}` || len(got) != n || hash == 0 {
			t.Fatalf("%d events: %v, header %q, %d read back, hash %#x", n, err, header, len(got), hash)
		}
		for i, e := range events {
			if got[i] != e {
				t.Fatalf("event %d is %+v, not %+v", i+1, got[i], e)
			}
		}
	}
}

func TestTraceFileTruncated(t *testing.T) {
	b, _ := file(t, "header", 3000)
	for size := range len(b) {
		if size > 200 && size < len(b)-200 && size%97 > 0 {
			continue
		}
		_, _, _, err := readAll(b[:size])
		if !errors.Is(err, ErrTraceTruncated) || !strings.Contains(err.Error(), "truncated") {
			t.Fatalf("%d of %d bytes: %v", size, len(b), err)
		}
	}
}

func TestTraceFileDamaged(t *testing.T) {
	b, _ := file(t, "header", 3000)
	for i := range b {
		if i > 200 && i < len(b)-200 && i%31 > 0 {
			continue
		}
		damaged := bytes.Clone(b)
		damaged[i] ^= 0x10
		if _, _, _, err := readAll(damaged); err == nil {
			t.Fatalf("byte %d damaged, and the file reads", i)
		}
	}
	if _, _, _, err := readAll(append(bytes.Clone(b), 0)); !errors.Is(err, ErrTraceDamaged) {
		t.Errorf("a byte behind the end: %v", err)
	}
}

func TestTraceFileErrorsNameTheRecord(t *testing.T) {
	b, _ := file(t, "header", 3000)
	_, events, _, err := readAll(b[:len(b)-100])
	if err == nil || !strings.Contains(err.Error(), "record ") || len(events) == 0 {
		t.Fatalf("%d events, then %v", len(events), err)
	}
	r, err := NewTraceReader(bytes.NewReader(b[:len(b)-100]))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = r.Next()
	}
	if _, again := r.Next(); again == nil || again.Error() != err.Error() {
		t.Errorf("the error %v became %v", err, again)
	}
	if _, _, _, err := readAll([]byte("{\"version\": 1, and more}")); !errors.Is(err, ErrNotTrace) {
		t.Errorf("a JSON file is taken for a trace: %v", err)
	}
}

// failing fails after some bytes.
type failing struct{ left int }

var errFull = errors.New("full")

func (f *failing) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestTraceWriterReportsErrors(t *testing.T) {
	if _, err := NewTraceWriter(&failing{3}, nil); !errors.Is(err, errFull) {
		t.Errorf("no room for the head: %v", err)
	}
	if _, err := NewTraceWriter(io.Discard, make([]byte, MaxTraceHeaderBytes+1)); err == nil {
		t.Error("a header above the limit was written")
	}
	w, err := NewTraceWriter(&failing{20_000}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 10_000 {
		err = w.Write(Event{Kind: KindDisk, A: 1 << 60, B: 1 << 60})
		if err != nil {
			break
		}
	}
	if !errors.Is(err, errFull) || !errors.Is(w.Close(1), errFull) {
		t.Errorf("no room for the records: %v", err)
	}
}

func FuzzTraceReader(f *testing.F) {
	small, _ := file(f, "{}", 3)
	big, _ := file(f, "header", 2000)
	f.Add(small)
	f.Add(big)
	f.Add(big[:len(big)/2])
	f.Add([]byte(traceMagic + "\xff\xff\xff\x00aaaa"))
	f.Fuzz(func(t *testing.T, b []byte) {
		header, events, hash, err := readAll(b)
		if err != nil {
			return
		}
		var out bytes.Buffer
		w, err := NewTraceWriter(&out, header)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if err := w.Write(e); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(hash); err != nil {
			t.Fatal(err)
		}
		if _, again, _, err := readAll(out.Bytes()); err != nil || len(again) != len(events) {
			t.Fatalf("written again: %d of %d events, %v", len(again), len(events), err)
		}
	})
}

// FuzzTraceBlock repairs the checksums of what it is given, so that the records
// themselves are fuzzed.
func FuzzTraceBlock(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 7, 8}, uint32(1))
	f.Add([]byte{5, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0}, uint32(1))
	f.Fuzz(func(t *testing.T, payload []byte, count uint32) {
		if len(payload) > traceBlockBytes {
			return
		}
		var out bytes.Buffer
		w, err := NewTraceWriter(&out, nil)
		if err != nil {
			t.Fatal(err)
		}
		w.block = append(w.block, payload...)
		w.count = count
		w.flush()
		if err := w.Close(1); err != nil {
			t.Fatal(err)
		}
		if _, events, _, err := readAll(out.Bytes()); err == nil && len(events) > 0 {
			t.Fatalf("%d records, though the trailer counts none", len(events))
		}
	})
}

func BenchmarkTraceWriter(b *testing.B) {
	w, err := NewTraceWriter(io.Discard, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	e := Event{Kind: KindMessage, A: 1, B: 2, C: 1 << 40, Bytes: 200, Sum: 1 << 60}
	for b.Loop() {
		e.At += 1000
		if err := w.Write(e); err != nil {
			b.Fatal(err)
		}
	}
}
