package record_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"testing"

	"github.com/lockstep-log/lockstep/engine/record"
)

// one is a batch of one record, key "k", value "v", one header "h" = null,
// written out by hand from the protocol's description.
func one() []byte {
	body := []byte{
		0x00, 0x00, // attributes: none
		0x00, 0x00, 0x00, 0x00, // last offset delta 0
		0x00, 0x00, 0x01, 0x8b, 0xcf, 0xe5, 0x68, 0x00, // base timestamp 1700000000000
		0x00, 0x00, 0x01, 0x8b, 0xcf, 0xe5, 0x68, 0x07, // max timestamp, 7 ms later
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, // producer id -1
		0xff, 0xff, // producer epoch -1
		0xff, 0xff, 0xff, 0xff, // base sequence -1
		0x00, 0x00, 0x00, 0x01, // one record
		0x16,       // length 11
		0x00,       // attributes
		0x0e,       // timestamp delta 7
		0x00,       // offset delta 0
		0x02, 0x6b, // key
		0x02, 0x76, // value
		0x02,       // one header
		0x02, 0x68, // its key
		0x01, // its value: null
	}
	b := make([]byte, 21, 21+len(body))
	b[16] = 2
	binary.BigEndian.PutUint32(b[8:], uint32(9+len(body)))
	binary.BigEndian.PutUint32(b[12:], math.MaxUint32)
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
	return append(b, body...)
}

// built is a batch of three records as a client would make it.
func built() []byte {
	b := record.NewBuilder(1000)
	b.Add(1000, []byte("a"), []byte("first"))
	b.Add(990, nil, []byte{})
	b.Add(1020, []byte{}, nil, record.RecordHeader{Key: "trace", Value: []byte("17")}, record.RecordHeader{})
	return b.Build()
}

// resum makes the checksum right again after a test changed what it covers.
func resum(b []byte) []byte {
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], crc32.MakeTable(crc32.Castagnoli)))
	return b
}

func collect(t *testing.T, batch []byte) []record.Record {
	t.Helper()
	var all []record.Record
	for r, err := range record.Records(batch) {
		if err != nil {
			t.Fatalf("record %d: %v", len(all), err)
		}
		all = append(all, r)
	}
	return all
}

func TestBuilderWritesTheProtocolsBytes(t *testing.T) {
	b := record.NewBuilder(1700000000000)
	b.Add(1700000000007, []byte("k"), []byte("v"), record.RecordHeader{Key: "h"})
	if got := b.Build(); !bytes.Equal(got, one()) {
		t.Errorf("built    %x\nexpected %x", got, one())
	}
}

func TestParseHeader(t *testing.T) {
	h, err := record.ParseHeader(one()[:record.HeaderBytes])
	if err != nil {
		t.Fatal(err)
	}
	want := record.Header{
		Bytes: 73, LeaderEpoch: -1, BaseTimestamp: 1700000000000, MaxTimestamp: 1700000000007,
		ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1, Count: 1,
	}
	if h != want {
		t.Errorf("got  %+v\nwant %+v", h, want)
	}
}

func TestRecords(t *testing.T) {
	stamped := record.AppendStamped(nil, built(), 40, 3)
	got := collect(t, stamped)
	if len(got) != 3 {
		t.Fatalf("%d records, want 3", len(got))
	}
	for i, want := range []record.Record{
		{Offset: 40, Timestamp: 1000, Key: []byte("a"), Value: []byte("first")},
		{Offset: 41, Timestamp: 990, Value: []byte{}},
		{Offset: 42, Timestamp: 1020, Key: []byte{}},
	} {
		r := got[i]
		if r.Offset != want.Offset || r.Timestamp != want.Timestamp {
			t.Errorf("record %d: offset %d at %d, want %d at %d", i, r.Offset, r.Timestamp, want.Offset, want.Timestamp)
		}
		if !same(r.Key, want.Key) || !same(r.Value, want.Value) {
			t.Errorf("record %d: key %#v value %#v, want %#v and %#v", i, r.Key, r.Value, want.Key, want.Value)
		}
	}
	headers := got[2].Headers
	if len(headers) != 2 || headers[0].Key != "trace" || string(headers[0].Value) != "17" || headers[1].Value != nil {
		t.Errorf("headers %+v", headers)
	}
}

// same compares nullable byte strings.
func same(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }

func TestLogAppendTimeReplacesTimestamps(t *testing.T) {
	b := built()
	b[22] |= 0x08
	binary.BigEndian.PutUint64(b[35:], 5555)
	for _, r := range collect(t, resum(b)) {
		if r.Timestamp != 5555 {
			t.Errorf("offset %d: timestamp %d, want the batch's 5555", r.Offset, r.Timestamp)
		}
	}
}

func TestValidateRefuses(t *testing.T) {
	be := binary.BigEndian
	for name, c := range map[string]struct {
		spoil func(b []byte) []byte
		want  error
	}{
		"nothing":              {func([]byte) []byte { return nil }, record.ErrTruncated},
		"half a header":        {func(b []byte) []byte { return b[:30] }, record.ErrTruncated},
		"no last byte":         {func(b []byte) []byte { return b[:len(b)-1] }, record.ErrTruncated},
		"length below header":  {func(b []byte) []byte { be.PutUint32(b[8:], 48); return b }, record.ErrTruncated},
		"negative length":      {func(b []byte) []byte { be.PutUint32(b[8:], math.MaxUint32); return b }, record.ErrTruncated},
		"one byte more":        {func(b []byte) []byte { return append(b, 0) }, record.ErrTrailing},
		"two batches":          {func(b []byte) []byte { return append(b, one()...) }, record.ErrTrailing},
		"format 1":             {func(b []byte) []byte { b[16] = 1; return b }, record.ErrMagic},
		"flipped bit":          {func(b []byte) []byte { b[70] ^= 4; return b }, record.ErrChecksum},
		"flipped header bit":   {func(b []byte) []byte { b[60] ^= 1; return b }, record.ErrChecksum},
		"control":              {func(b []byte) []byte { b[22] |= 0x20; return resum(b) }, record.ErrControl},
		"transactional":        {func(b []byte) []byte { b[22] |= 0x10; return resum(b) }, record.ErrTransactional},
		"codec 5":              {func(b []byte) []byte { b[22] |= 5; return resum(b) }, record.ErrCodec},
		"no records":           {func(b []byte) []byte { be.PutUint32(b[57:], 0); be.PutUint32(b[23:], math.MaxUint32); return resum(b) }, record.ErrCount},
		"negative count":       {func(b []byte) []byte { be.PutUint32(b[57:], math.MaxUint32); return resum(b) }, record.ErrCount},
		"last offset disagree": {func(b []byte) []byte { be.PutUint32(b[23:], 7); return resum(b) }, record.ErrCount},
		"one record too many":  {func(b []byte) []byte { be.PutUint32(b[57:], 2); be.PutUint32(b[23:], 1); return resum(b) }, record.ErrCount},
		"one record too few":   {func(b []byte) []byte { be.PutUint32(b[57:], 4); be.PutUint32(b[23:], 3); return resum(b) }, record.ErrCount},
		"compressed, count":    {func(b []byte) []byte { b[22] |= 4; be.PutUint32(b[57:], 9); return resum(b) }, record.ErrCount},
		"record length":        {func(b []byte) []byte { b[61]++; return resum(b) }, record.ErrRecord},
		"record length 0":      {func(b []byte) []byte { b[61] = 0; return resum(b) }, record.ErrRecord},
		"record length far":    {func(b []byte) []byte { b[61] = 0x7e; return resum(b) }, record.ErrRecord},
		"offset gap":           {func(b []byte) []byte { b[64] = 2; return resum(b) }, record.ErrRecord},
		"key length -2":        {func(b []byte) []byte { b[65] = 3; return resum(b) }, record.ErrRecord},
		"key too long":         {func(b []byte) []byte { b[65] = 0x7e; return resum(b) }, record.ErrRecord},
		"endless varint": {func(b []byte) []byte {
			for i := 61; i < 73; i++ {
				b[i] = 0xff
			}
			return resum(b)
		}, record.ErrRecord},
		"negative offset":   {func(b []byte) []byte { be.PutUint64(b, math.MaxUint64); return b }, record.ErrOffset},
		"offsets overflow":  {func(b []byte) []byte { be.PutUint64(b, math.MaxInt64-1); return b }, record.ErrOffset},
		"header count -1":   {func(b []byte) []byte { b[73] = 1; return resum(b) }, record.ErrRecord},
		"header count huge": {func(b []byte) []byte { b[73] = 0x7e; return resum(b) }, record.ErrRecord},
	} {
		b := c.spoil(built())
		if h, err := record.Validate(b, 0); !errors.Is(err, c.want) || h != (record.Header{}) {
			t.Errorf("%s: got %+v, %v; want %v", name, h, err, c.want)
		}
	}
	null := one()
	null[69] = 1 // the header's key, null
	if _, err := record.Validate(resum(null), 0); !errors.Is(err, record.ErrRecord) {
		t.Errorf("null header key: %v, want %v", err, record.ErrRecord)
	}
}

func TestValidateLimit(t *testing.T) {
	b := built()
	if _, err := record.Validate(b, len(b)); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	if _, err := record.Validate(b, len(b)-1); !errors.Is(err, record.ErrTooLarge) {
		t.Errorf("above the limit: %v, want %v", err, record.ErrTooLarge)
	}
	if _, err := record.Validate(b[:80], len(b)-1); !errors.Is(err, record.ErrTooLarge) {
		t.Errorf("above the limit and cut short: %v, want %v", err, record.ErrTooLarge)
	}
}

func TestCompressedIsOpaque(t *testing.T) {
	b := built()
	b[22] |= 4
	copy(b[61:], "what zstd made of it")
	h, err := record.Validate(resum(b), 0)
	if err != nil || h.Count != 3 || !h.Compressed() {
		t.Fatalf("%+v, %v", h, err)
	}
	for _, err := range record.Records(b) {
		if !errors.Is(err, record.ErrCompressed) {
			t.Errorf("records: %v, want %v", err, record.ErrCompressed)
		}
	}
}

func TestAppendStamped(t *testing.T) {
	batch := built()
	before := bytes.Clone(batch)
	got := record.AppendStamped([]byte("head"), batch, 1<<40+5, 77)
	if !bytes.Equal(batch, before) {
		t.Error("the original was changed")
	}
	if !bytes.Equal(got[:4], []byte("head")) {
		t.Errorf("what stood before is gone: %x", got[:4])
	}
	h, err := record.Validate(got[4:], 0)
	if err != nil || h.BaseOffset != 1<<40+5 || h.LeaderEpoch != 77 || h.NextOffset() != 1<<40+8 {
		t.Errorf("%+v, %v", h, err)
	}
}

func TestBatches(t *testing.T) {
	all := append(append(built(), one()...), built()[:70]...)
	var sizes []int
	var last error
	for b, err := range record.Batches(all) {
		sizes = append(sizes, len(b))
		last = err
	}
	if len(sizes) != 3 || sizes[0] != len(built()) || sizes[1] != len(one()) || sizes[2] != 70 {
		t.Errorf("sizes %v", sizes)
	}
	if !errors.Is(last, record.ErrTruncated) {
		t.Errorf("last: %v, want %v", last, record.ErrTruncated)
	}
	for b, err := range record.Batches(all) {
		if err != nil || len(b) != len(built()) {
			t.Errorf("first batch: %d bytes, %v", len(b), err)
		}
		break // going on after this would panic
	}
}

func TestBuilderIsReusable(t *testing.T) {
	b := record.NewBuilder(1000)
	b.Add(1, nil, []byte("x"))
	first := b.Build()
	kept := bytes.Clone(first)
	if b.Len() != 0 {
		t.Errorf("%d records after Build", b.Len())
	}
	b.Add(2, nil, []byte("y"))
	second := b.Build()
	if !bytes.Equal(first, kept) {
		t.Error("a later batch changed an earlier one")
	}
	if h, err := record.Validate(second, 0); err != nil || h.MaxTimestamp != 2 || h.Count != 1 {
		t.Errorf("%+v, %v", h, err)
	}
}

func TestMisusePanics(t *testing.T) {
	for name, f := range map[string]func(){
		"build without a record": func() { record.NewBuilder(0).Build() },
		"stamp of a stump":       func() { record.AppendStamped(nil, make([]byte, 60), 0, 0) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}
