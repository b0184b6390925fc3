package quiet

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
)

func fullBeat() Beat {
	return Beat{
		Yours: 1, Stamp: 2, Echo: 3, Era: 4, First: 5, Digest: 1<<63 + 6, AckEra: 7, Ack: 8, Broken: true,
		Changes: []Change{{Grant: Grant{Group: 9, Term: 10, Replica: 11, Index: 12}, Rest: true}, {Grant: Grant{Group: 13}}},
		Awake:   []Awake{{Group: 14, Number: 300}},
	}
}

func TestBeatsSurviveTheirEncoding(t *testing.T) {
	for _, b := range []Beat{{}, fullBeat()} {
		p := b.Append(nil)
		if got, err := Decode(p); err != nil || !reflect.DeepEqual(got, b) {
			t.Errorf("%+v came back as %+v, %v", b, got, err)
		}
		for n := range p {
			if _, err := Decode(p[:n]); !errors.Is(err, ErrBeat) {
				t.Errorf("the first %d of %d bytes are taken: %v", n, len(p), err)
			}
		}
		if _, err := Decode(append(p, 0)); !errors.Is(err, ErrBeat) {
			t.Errorf("a byte too many is taken: %v", err)
		}
	}
	for name, p := range map[string][]byte{
		"a long number":       {0x80, 0x00, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		"an unknown flag":     {0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0},
		"more than there are": {0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f, 0},
	} {
		if _, err := Decode(p); !errors.Is(err, ErrBeat) {
			t.Errorf("%s is taken: %v", name, err)
		}
	}
}

// What decodes is exactly what was encoded.
func FuzzDecode(f *testing.F) {
	full := fullBeat()
	f.Add(full.Append(nil))
	f.Add((&Beat{}).Append(nil))
	f.Fuzz(func(t *testing.T, p []byte) {
		b, err := Decode(p)
		if err == nil && !bytes.Equal(b.Append(nil), p) {
			t.Errorf("%x decodes to %+v, which encodes to %x", p, b, b.Append(nil))
		}
	})
}
