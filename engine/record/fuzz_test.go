package record_test

import (
	"bytes"
	"testing"

	"github.com/lockstep-log/lockstep/engine/record"
)

func seeds(f *testing.F) {
	f.Add([]byte{})
	f.Add(one())
	f.Add(built())
	f.Add(append(built(), one()...))
	f.Add(built()[:record.HeaderBytes])
	compressed := built()
	compressed[22] |= 2
	f.Add(resum(compressed))
}

// FuzzValidate: what is accepted reads back completely, whoever made it. The
// checksum is made right first, or nothing interesting would pass it.
func FuzzValidate(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= record.HeaderBytes {
			b = resum(bytes.Clone(b))
		}
		h, err := record.Validate(b, 1<<20)
		if err != nil {
			return
		}
		if h.Compressed() {
			return
		}
		n := int32(0)
		for r, err := range record.Records(b) {
			if err != nil {
				t.Fatalf("valid, but record %d: %v", n, err)
			}
			if r.Offset != h.BaseOffset+int64(n) {
				t.Fatalf("record %d has offset %d, base is %d", n, r.Offset, h.BaseOffset)
			}
			n++
		}
		if n != h.Count {
			t.Fatalf("valid, with %d records read of %d", n, h.Count)
		}
	})
}

// FuzzRecords: any bytes give records or an error, never a panic, and never
// more records than bytes.
func FuzzRecords(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		n := 0
		for _, err := range record.Records(b) {
			if n++; err != nil {
				break
			}
		}
		if n > len(b)+1 {
			t.Fatalf("%d records in %d bytes", n, len(b))
		}
	})
}

// FuzzBatches: the pieces put together are the bytes that were split.
func FuzzBatches(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		var got []byte
		for piece, err := range record.Batches(b) {
			got = append(got, piece...)
			if err == nil && len(piece) < record.HeaderBytes {
				t.Fatalf("a batch of %d bytes", len(piece))
			}
		}
		if !bytes.Equal(got, b) {
			t.Fatalf("split into %x", got)
		}
	})
}
