package memstate

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/engine/wal"
)

func sampleRecord() *record {
	p := append(beginRecord([]byte("meta"), 5), "state"...)
	return sealRecord(p, header{id: 0x0102030405060708, index: 90, term: 5, installed: true}, 4)
}

// TestRecordIsWritten: these bytes are on disks.
func TestRecordIsWritten(t *testing.T) {
	const want = "4c4d5354" + "01000000" + "7fc194bd" + "01000000" + "4900000000000000" +
		"0807060504030201" + "5a00000000000000" + "0500000000000000" + "0500000000000000" +
		"04000000" + "00000000" + "6d657461" + "7374617465"
	if got := hex.EncodeToString(sampleRecord().whole); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestRecordRoundTrip(t *testing.T) {
	r := sampleRecord()
	again, err := parseRecord(bytes.Clone(r.whole))
	if err != nil || again.header != r.header || again.stateSum != r.stateSum || string(again.meta()) != "meta" || string(again.state()) != "state" {
		t.Fatalf("%+v came back as %+v, %v", r, again, err)
	}
	if next := r.again(9); next.id != 9 || next.index != 90 || !next.installed || string(next.state()) != "state" || r.id == 9 {
		t.Errorf("under another id: %+v", next)
	}
	p := bytes.Clone(r.whole)
	for i := range p {
		for bit := range 8 {
			p[i] ^= 1 << bit
			if _, err := parseRecord(p); !errors.Is(err, ErrDamaged) {
				t.Fatalf("bit %d of byte %d flipped: %v", bit, i, err)
			}
			p[i] ^= 1 << bit
		}
		if _, err := parseRecord(p[:i]); !errors.Is(err, ErrDamaged) {
			t.Fatalf("cut to %d bytes: %v", i, err)
		}
	}
}

// TestRecordOfAnotherVersion: what another version wrote is not damaged.
func TestRecordOfAnotherVersion(t *testing.T) {
	p := sampleRecord().whole
	binary.LittleEndian.PutUint32(p[4:], 2)
	binary.LittleEndian.PutUint32(p[sumAt:], checksum(p, 2))
	if _, err := parseRecord(p); !errors.Is(err, ErrVersion) || errors.Is(err, ErrDamaged) ||
		err.Error() != "state was written by another version: format 2, this program reads 1" {
		t.Errorf("%v", err)
	}
}

// TestRecordsThatCannotBe: an intact checksum over nonsense.
func TestRecordsThatCannotBe(t *testing.T) {
	for name, change := range map[string]func(p []byte){
		"another length":   func(p []byte) { p[16]++ },
		"no id":            func(p []byte) { clear(p[24:32]) },
		"a longer state":   func(p []byte) { p[48]++ },
		"a huge state":     func(p []byte) { p[55] = 0xff },
		"a wrapped length": func(p []byte) { binary.LittleEndian.PutUint64(p[48:], 1<<64-64); p[56] = 73 },
		"a flag":           func(p []byte) { p[12] |= 2 },
		"a reserved byte":  func(p []byte) { p[60] = 1 },
	} {
		p := sampleRecord().whole
		change(p)
		binary.LittleEndian.PutUint32(p[sumAt:], checksum(p, recordVersion))
		if _, err := parseRecord(p); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRecordNames(t *testing.T) {
	for _, id := range []uint64{1, 0xabcdef, 1<<64 - 1} {
		for _, name := range recordNames(id) {
			if got, ok := parseRecordName(name); !ok || got != id {
				t.Errorf("%s is of %d, %v", name, got, ok)
			}
		}
	}
	for _, name := range []string{"checkpoint-.state", "checkpoint-1.state", "checkpoint-000000000000000G.state", "checkpoint-0000000000000001.state.tmp", "checkpoint-0000000000000001", "checkpoint-0000000000000001.state.b.b", "state-0000000000000001.state"} {
		if id, ok := parseRecordName(name); ok {
			t.Errorf("%s is of %d", name, id)
		}
	}
}

func TestInspect(t *testing.T) {
	var items []string
	inspect := func(p []byte, name string) error {
		items = nil
		return Inspect(bytes.NewReader(p), int64(len(p)), name, func(i wal.Item) {
			items = append(items, fmt.Sprintf("%d+%d %s %v", i.Offset, i.Length, i.What, i.Err))
		})
	}
	p := sampleRecord().whole
	for _, name := range []string{"data/groups/7/checkpoint-0102030405060708.state", "checkpoint-0102030405060708.state.b.tmp"} {
		if err := inspect(p, name); err != nil || len(items) != 3 ||
			items[0] != "0+64 checkpoint 72623859790382856 at index 90 in term 5, installed true <nil>" || items[1] != "64+4 meta <nil>" ||
			!strings.HasPrefix(items[2], "68+5 state, sum ") {
			t.Errorf("%s: %q, %v", name, items, err)
		}
	}
	if err := inspect(p, "checkpoint-0000000000000001.state"); !errors.Is(err, ErrDamaged) || len(items) != 1 {
		t.Errorf("%q, %v", items, err)
	}
	p[70] ^= 1
	if err := inspect(p, "checkpoint-0102030405060708.state"); !errors.Is(err, ErrDamaged) || len(items) != 1 {
		t.Errorf("%q, %v", items, err)
	}
	if err := inspect(p, "checkpoint-0102030405060708.b"); !errors.Is(err, wal.ErrNotOurs) {
		t.Error(err)
	}
}

// FuzzParseRecord: anything is refused or is exactly one record.
func FuzzParseRecord(f *testing.F) {
	f.Add(sampleRecord().whole, true)
	f.Add(sealRecord(beginRecord(nil, 0), header{id: 1}, 0).whole, false)
	f.Fuzz(func(t *testing.T, p []byte, sealed bool) {
		if sealed && len(p) >= headerBytes { // get past the checksum
			binary.LittleEndian.PutUint32(p[sumAt:], checksum(p, recordVersion))
		}
		r, err := parseRecord(p)
		if err != nil {
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrVersion) {
				t.Fatal(err)
			}
			return
		}
		again := sealRecord(append(beginRecord(r.meta(), 0), r.state()...), r.header, r.metaBytes)
		if !bytes.Equal(again.whole, p) || again.stateSum != r.stateSum {
			t.Fatalf("%x was read as %x", p, again.whole)
		}
	})
}
