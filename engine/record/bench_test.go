package record_test

import (
	"testing"

	"github.com/lockstep-log/lockstep/engine/record"
)

// sixteen is a batch of sixteen records of 1 KiB.
func sixteen() []byte {
	b := record.NewBuilder(0)
	for i := range 16 {
		b.Add(int64(i), []byte("key"), make([]byte, 1024))
	}
	return b.Build()
}

func BenchmarkValidate(b *testing.B) {
	batch := sixteen()
	b.SetBytes(int64(len(batch)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := record.Validate(batch, 1<<20); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendStamped(b *testing.B) {
	batch := sixteen()
	dst := make([]byte, 0, len(batch))
	b.SetBytes(int64(len(batch)))
	b.ReportAllocs()
	for b.Loop() {
		record.AppendStamped(dst, batch, 1, 1)
	}
}

func BenchmarkRecords(b *testing.B) {
	batch := sixteen()
	b.SetBytes(int64(len(batch)))
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range record.Records(batch) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}

// TestHotPathsAllocateNothing holds what the benchmarks show.
func TestHotPathsAllocateNothing(t *testing.T) {
	batch := sixteen()
	dst := make([]byte, 0, len(batch))
	if n := testing.AllocsPerRun(100, func() {
		if _, err := record.Validate(batch, 0); err != nil {
			t.Error(err)
		}
		record.AppendStamped(dst, batch, 1, 1)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
