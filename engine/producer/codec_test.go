package producer_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/lockstep-log/lockstep/engine/producer"
)

// sample is a table of two producers, one with a full window.
func sample(t *testing.T) *producer.Table {
	l := newLog(t, small)
	l.append(batch(0x0102030405060708, 9, 100, 2), 500)
	for i := range int32(6) {
		l.append(batch(1, 0, i, 1), 600)
	}
	return l.table
}

// TestEncodingIsWritten: these bytes are on disks.
func TestEncodingIsWritten(t *testing.T) {
	const want = "01000000" + "02000000" + "5802000000000000" +
		"0100000000000000" + "5802000000000000" + "0000" + "0500" +
		"01000000" + "01000000" + "0300000000000000" +
		"02000000" + "02000000" + "0400000000000000" +
		"03000000" + "03000000" + "0500000000000000" +
		"04000000" + "04000000" + "0600000000000000" +
		"05000000" + "05000000" + "0700000000000000" +
		"0807060504030201" + "f401000000000000" + "0900" + "0100" +
		"64000000" + "65000000" + "0000000000000000"
	if got := hex.EncodeToString(sample(t).AppendTo(nil)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if p := producer.New(small).AppendTo(nil); len(p) != 16 {
		t.Errorf("an empty table has %d bytes", len(p))
	}
}

// TestOnlyWhatATableWritesIsRead: no byte can be cut off, added or made
// impossible without being noticed.
func TestOnlyWhatATableWritesIsRead(t *testing.T) {
	p := sample(t).AppendTo(nil)
	for n := range p {
		if _, err := producer.Decode(p[:n], small); !errors.Is(err, producer.ErrMalformed) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
	set := func(at int, v uint64) func([]byte) []byte {
		return func(p []byte) []byte { binary.LittleEndian.PutUint64(p[at:], v); return p }
	}
	const second = 16 + 20 + 5*16
	for name, change := range map[string]func([]byte) []byte{
		"a byte more":              func(p []byte) []byte { return append(p, 0) },
		"a producer more":          set(0, 1|3<<32),
		"log time below zero":      set(8, 1<<63),
		"log time too early":       set(8, 599),
		"log time beyond expiry":   set(8, 1600),
		"an id below zero":         set(16, 1<<63),
		"ids in another order":     set(second, 1),
		"a later producer, before": set(second+8, 600+1),
		"times against offsets":    set(16+8, 499),
		"an epoch below zero":      func(p []byte) []byte { p[16+17] = 0x80; return p },
		"no batches":               func(p []byte) []byte { p[16+18] = 0; return p },
		"six batches":              func(p []byte) []byte { p[16+18] = 6; return p },
		"a gap":                    set(16+20+16, 3|3<<32),
		"overlapping offsets":      set(16+20+16+8, 3),
		"a sequence below zero":    set(16+20, 1<<31|1<<63),
		"an offset below zero":     set(second+20+8, 1<<63),
		"an offset beyond":         set(second+20+8, 1<<63-1),
		"the same last offset":     set(second+20+8, 6),
	} {
		_, err := producer.Decode(change(bytes.Clone(p)), small)
		if !errors.Is(err, producer.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	l := newLog(t, small)
	l.append(batch(1, 0, 0, 2), 10)
	if _, err := producer.Decode(set(16+20+8, 1<<63-1)(l.table.AppendTo(nil)), small); !errors.Is(err, producer.ErrMalformed) {
		t.Errorf("an only batch beyond all offsets: %v", err)
	}
	if _, err := producer.Decode(p, producer.Settings{MaxProducers: 1}); !errors.Is(err, producer.ErrMalformed) {
		t.Errorf("more than the settings allow: %v", err)
	}
}

func TestEncodingOfAnotherVersion(t *testing.T) {
	p := sample(t).AppendTo(nil)
	p[0] = 2
	_, err := producer.Decode(p, small)
	if !errors.Is(err, producer.ErrVersion) || err.Error() != "producer table was written by another version: format 2, this program reads 1" {
		t.Error(err)
	}
}

// TestFingerprintSeesEverything: each bit of what is written counts.
func TestFingerprintSeesEverything(t *testing.T) {
	p := sample(t).AppendTo(nil)
	seen := map[uint64]int{sample(t).Fingerprint(): -1}
	for i := range 8 * len(p) {
		q := bytes.Clone(p)
		q[i/8] ^= 1 << (i % 8)
		other, err := producer.Decode(q, producer.Settings{MaxProducers: 5})
		if err != nil {
			continue
		}
		if before, twice := seen[other.Fingerprint()]; twice {
			t.Errorf("bit %d gives the fingerprint of bit %d", i, before)
		}
		seen[other.Fingerprint()] = i
	}
	if len(seen) < 100 {
		t.Errorf("only %d tables were compared", len(seen))
	}
}

// FuzzDecode: anything is refused or is exactly what a table writes, and such a
// table works.
func FuzzDecode(f *testing.F) {
	l := newLog(new(testing.T), small)
	f.Add(l.table.AppendTo(nil), int64(3), int64(1000))
	l.append(batch(7, 1, 2147483646, 4), 100)
	l.append(batch(7, 1, 2, 4), 100)
	f.Add(l.table.AppendTo(nil), int64(3), int64(1000))
	l.append(batch(3, 0, 0, 1), 50)
	f.Add(l.table.AppendTo(nil), int64(2), int64(0))
	f.Fuzz(func(t *testing.T, p []byte, most, expiry int64) {
		s := producer.Settings{MaxProducers: most, ExpiryMs: expiry}
		if s.Validate() != nil {
			return
		}
		table, err := producer.Decode(p, s)
		if err != nil {
			if !errors.Is(err, producer.ErrMalformed) && !errors.Is(err, producer.ErrVersion) {
				t.Fatal(err)
			}
			return
		}
		if !bytes.Equal(table.AppendTo(nil), p) {
			t.Fatalf("%x was read as %x", p, table.AppendTo(nil))
		}
		end := int64(0)
		for _, one := range table.States() {
			end = max(end, one.LastOffset+1)
		}
		if end < 0 || end > 1<<62 {
			return
		}
		for _, one := range table.States() {
			b := batch(one.ProducerID, one.Epoch, producer.NextSequence(one.LastSequence, 1), 3)
			if d, err := table.Check(b); err != nil || d.Duplicate {
				t.Fatalf("%+v: %+v, %v", b, d, err)
			}
			table.Appended(b, end, table.TimeMs())
			if d, err := table.Check(b); err != nil || d != (producer.Decision{Duplicate: true, Base: end, Last: end + 2}) {
				t.Fatalf("%+v: %+v, %v", b, d, err)
			}
			end += 3
		}
	})
}
