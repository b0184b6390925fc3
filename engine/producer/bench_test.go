package producer_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/lockstep-log/lockstep/engine/producer"
)

// full is a table with as many producers as it can have.
func full(n int64) (t *producer.Table, end int64) {
	t = producer.New(producer.Settings{MaxProducers: n, ExpiryMs: 1 << 40})
	for id := range n {
		for i := range int32(producer.Window) {
			t.Appended(batch(id, 0, i, 1), end, end)
			end++
		}
	}
	return t, end
}

// hot are the ways of a batch through a full table.
func hot(n int64) map[string]func() {
	known, knownEnd := full(n)
	fresh, freshEnd := full(n)
	again, _ := full(n)
	sequence, id, newID, i := int32(producer.Window), int64(0), n, int64(0)
	return map[string]func(){
		"append": func() {
			b := batch(id, 0, sequence, 1)
			if d, err := known.Check(b); err != nil || d.Duplicate {
				panic(err)
			}
			known.Appended(b, knownEnd, knownEnd)
			knownEnd++
			if id++; id == n {
				id, sequence = 0, producer.NextSequence(sequence, 1)
			}
		},
		"duplicate": func() {
			if i++; i == n {
				i = 0
			}
			if d, err := again.Check(batch(i, 0, 2, 1)); err != nil || !d.Duplicate {
				panic(err)
			}
		},
		"unknown": func() {
			b := batch(newID, 0, 0, 1)
			if d, err := fresh.Check(b); err != nil || d.Duplicate {
				panic(err)
			}
			fresh.Appended(b, freshEnd, freshEnd)
			freshEnd++
			newID++
		},
		"without a producer": func() {
			known.Appended(batch(producer.None, -1, -1, 1), knownEnd, knownEnd)
			knownEnd++
		},
	}
}

// TestNothingIsAllocated on the way of a batch, however often producers change.
func TestNothingIsAllocated(t *testing.T) {
	for name, f := range hot(64) {
		if n := testing.AllocsPerRun(20_000, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// TestMemoryOfAProducer holds the figure of the package comment; the map's place
// is beside it.
func TestMemoryOfAProducer(t *testing.T) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	table, _ := full(1 << 16)
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := int64(after.HeapAlloc-before.HeapAlloc) / int64(table.Len())
	t.Logf("%d bytes a producer", each)
	if each < 120 || each > 240 {
		t.Errorf("%d bytes a producer", each)
	}
}

func BenchmarkTable(b *testing.B) {
	for _, n := range []int64{16, 8192} {
		for _, name := range []string{"append", "duplicate", "unknown", "without a producer"} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				f := hot(n)[name]
				b.ReportAllocs()
				for b.Loop() {
					f()
				}
			})
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	table, _ := full(8192)
	p := table.AppendTo(nil)
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(p)))
		for b.Loop() {
			p = table.AppendTo(p[:0])
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(p)))
		for b.Loop() {
			if _, err := producer.Decode(p, table.Settings()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("fingerprint", func(b *testing.B) {
		b.SetBytes(int64(len(p)))
		for b.Loop() {
			table.Fingerprint()
		}
	})
}
