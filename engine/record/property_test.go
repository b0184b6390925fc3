package record_test

import (
	"bytes"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockstep-log/lockstep/engine/record"
)

// nullable draws a byte string or null.
var nullable = rapid.Custom(func(t *rapid.T) []byte {
	if rapid.Bool().Draw(t, "null") {
		return nil
	}
	return append([]byte{}, rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "bytes")...)
})

var anyRecord = rapid.Custom(func(t *rapid.T) record.Record {
	r := record.Record{
		Timestamp: rapid.Int64Range(0, math.MaxInt64/2).Draw(t, "timestamp"),
		Key:       nullable.Draw(t, "key"),
		Value:     nullable.Draw(t, "value"),
	}
	for range rapid.IntRange(0, 3).Draw(t, "headers") {
		r.Headers = append(r.Headers, record.RecordHeader{
			Key:   rapid.StringN(0, 10, 40).Draw(t, "header key"),
			Value: nullable.Draw(t, "header value"),
		})
	}
	return r
})

// TestRoundTrip: what is built is valid, and reads back, stamped, as it was.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(anyRecord, 1, 20).Draw(t, "records")
		base := rapid.Int64Range(0, math.MaxInt64-100).Draw(t, "base offset")
		b := record.NewBuilder(rapid.Int64Range(0, math.MaxInt64/2).Draw(t, "base timestamp"))
		for _, r := range want {
			b.Add(r.Timestamp, r.Key, r.Value, r.Headers...)
		}
		batch := record.AppendStamped(nil, b.Build(), base, 9)
		h, err := record.Validate(batch, len(batch))
		if err != nil {
			t.Fatalf("not valid: %v", err)
		}
		if int(h.Count) != len(want) || h.NextOffset() != base+int64(len(want)) {
			t.Fatalf("header of %d records: %+v", len(want), h)
		}
		i := 0
		for got, err := range record.Records(batch) {
			if err != nil {
				t.Fatalf("record %d: %v", i, err)
			}
			compare(t, got, want[i], base+int64(i))
			i++
		}
		if i != len(want) {
			t.Fatalf("%d records read, %d written", i, len(want))
		}
	})
}

func compare(t *rapid.T, got, want record.Record, offset int64) {
	if got.Offset != offset || got.Timestamp != want.Timestamp {
		t.Fatalf("offset %d timestamp %d, want %d and %d", got.Offset, got.Timestamp, offset, want.Timestamp)
	}
	if !same(got.Key, want.Key) || !same(got.Value, want.Value) || len(got.Headers) != len(want.Headers) {
		t.Fatalf("got %#v, want %#v", got, want)
	}
	for i, h := range got.Headers {
		if h.Key != want.Headers[i].Key || !same(h.Value, want.Headers[i].Value) {
			t.Fatalf("header %d: got %#v, want %#v", i, h, want.Headers[i])
		}
	}
}

// TestAnyDamageIsNoticed: one changed byte anywhere but in the two fields that
// are outside the checksum makes the batch invalid.
func TestAnyDamageIsNoticed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := bytes.Clone(built())
		at := rapid.IntRange(8, len(b)-1).Filter(func(i int) bool { return i < 12 || i > 15 }).Draw(t, "at")
		b[at] ^= byte(rapid.IntRange(1, 255).Draw(t, "bits"))
		if _, err := record.Validate(b, 0); err == nil {
			t.Fatalf("byte %d changed and nobody noticed", at)
		}
	})
}
