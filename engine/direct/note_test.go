package direct

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/engine/wal"
)

// noteFile is a file of two slots.
func noteFile(first, second []byte) []byte {
	p := make([]byte, 2*slotApart)
	copy(p, first)
	copy(p[slotApart:], second)
	return p
}

func FuzzNote(f *testing.F) {
	f.Add(noteFile(encodeSlot(2, 40), encodeSlot(3, 41)))
	f.Add(noteFile(encodeSlot(2, 40), nil))
	f.Add(noteFile(encodeSlot(1<<63, 1<<62), newer(encodeSlot(3, 41))))
	f.Add([]byte("LKDE"))
	f.Fuzz(func(t *testing.T, p []byte) {
		counter, end, err := parseNote(p)
		if err == nil {
			if slot := encodeSlot(counter, end); !bytes.Contains(p, slot) || end < 0 {
				t.Fatalf("counter %d and end %d are in no slot", counter, end)
			}
		} else if !errors.Is(err, wal.ErrDamaged) && !errors.Is(err, wal.ErrVersion) {
			t.Fatalf("error of no kind: %v", err)
		}
		items, bad := 0, 0
		first := Inspect(bytes.NewReader(p), int64(len(p)), "groups/7/durable", func(i wal.Item) {
			items++
			if i.Err != nil {
				bad++
			}
		})
		if (first == nil) != (bad == 0) || items < 2 || (err == nil) != (items == 3) {
			t.Fatalf("%d items, %d bad; %v; parsed: %v", items, bad, first, err)
		}
	})
}

// newer makes a slot of a later version.
func newer(slot []byte) []byte {
	binary.LittleEndian.PutUint32(slot[4:], noteVersion+1)
	binary.LittleEndian.PutUint32(slot[24:], crc32.Checksum(slot[:24], castagnoli))
	return slot
}

func TestInspectOfTheDurableEnd(t *testing.T) {
	rotten := encodeSlot(5, 50)
	rotten[17] ^= 4
	for _, test := range []struct {
		name string
		p    []byte
		want []string // of the items, in order
		is   error
	}{
		{"whole", noteFile(encodeSlot(4, 40), encodeSlot(5, 50)), []string{"slot 0: counter 4, durable end 40", "slot 1: counter 5, durable end 50", "durable end 50, counter 5"}, nil},
		{"rotten", noteFile(encodeSlot(4, 40), rotten), []string{"slot 0: counter 4, durable end 40", "slot 1: DAMAGED checksum mismatch", "durable end 40, counter 4"}, wal.ErrDamaged},
		{"short", noteFile(encodeSlot(4, 40), nil)[:3000], []string{"slot 0: counter 4, durable end 40", "slot 1: DAMAGED 0 bytes of a slot of 28", "durable end 40"}, wal.ErrDamaged},
		{"newer", noteFile(newer(encodeSlot(4, 40)), encodeSlot(5, 50)), []string{"slot 0: DAMAGED durable end of version 2, want 1", "slot 1: counter 5"}, wal.ErrVersion},
		{"empty", nil, []string{"slot 0: DAMAGED", "slot 1: DAMAGED"}, wal.ErrDamaged},
		{"negative", noteFile(encodeSlot(4, -1), encodeSlot(5, 50)), []string{"slot 0: DAMAGED durable end -1", "slot 1", "durable end 50"}, wal.ErrDamaged},
	} {
		var got []string
		err := Inspect(bytes.NewReader(test.p), int64(len(test.p)), "durable", func(i wal.Item) {
			line := i.What
			if i.Err != nil {
				line += ": DAMAGED " + strings.TrimPrefix(i.Err.Error(), wal.ErrDamaged.Error()+": ")
				line = strings.Replace(line, wal.ErrVersion.Error()+": ", "", 1)
			}
			got = append(got, line)
		})
		if !errors.Is(err, test.is) || len(got) != len(test.want) {
			t.Errorf("%s: %q, %v", test.name, got, err)
			continue
		}
		for i := range got {
			if !strings.HasPrefix(got[i], test.want[i]) {
				t.Errorf("%s: item %d is %q, want %q", test.name, i, got[i], test.want[i])
			}
		}
	}
}
