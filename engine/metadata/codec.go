package metadata

import (
	"encoding/binary"
	"fmt"

	"github.com/lockstep-log/lockstep/engine/env"
)

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func appendFlag(dst []byte, flag bool) []byte {
	if flag {
		return append(dst, 1)
	}
	return append(dst, 0)
}

func appendNodes(dst []byte, list []env.NodeID) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(list)))
	for _, n := range list {
		dst = binary.AppendUvarint(dst, uint64(n))
	}
	return dst
}

func appendSettings(dst []byte, list []Setting) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(list)))
	for _, s := range list {
		dst = binary.AppendVarint(append(dst, byte(s.Key)), s.Value)
	}
	return dst
}

// reader takes fields from the front. Once something did not read, bad stays set
// and every field is zero. It takes only the shortest form of a number, so that
// equal values have equal bytes.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) fail() { r.b, r.bad = nil, true }

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || n > 1 && r.b[n-1] == 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

// upTo reads a number that is at most limit.
func (r *reader) upTo(limit uint64) uint64 {
	v := r.uvarint()
	if v > limit {
		r.fail()
		return 0
	}
	return v
}

func (r *reader) varint() int64 {
	u := r.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

func (r *reader) int32() int32 {
	v := r.varint()
	if v != int64(int32(v)) {
		r.fail()
		return 0
	}
	return int32(v)
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *reader) flag() bool {
	c := r.byte()
	if c > 1 {
		r.fail()
	}
	return c == 1
}

// count reads the length of a list: at most limit, and no more than the bytes
// that are left can hold.
func (r *reader) count(limit int) int {
	n := r.upTo(uint64(limit))
	if n > uint64(len(r.b)) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *reader) text(limit int) string {
	n := r.count(limit)
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}

// list reads a list; an empty one is nil.
func list[T any](r *reader, limit int, one func() T) (out []T) {
	n := r.count(limit)
	if n == 0 {
		return nil
	}
	out = make([]T, 0, n)
	for range n {
		v := one()
		if r.bad {
			return nil
		}
		out = append(out, v)
	}
	return out
}

func (r *reader) nodes() []env.NodeID {
	return list(r, maxList, func() env.NodeID { return env.NodeID(r.uvarint()) })
}

func (r *reader) settings() []Setting {
	return list(r, maxList, func() Setting { return Setting{Key: Key(r.byte()), Value: r.varint()} })
}

// end tells whether all was read, and nothing is left.
func (r *reader) end(what string) error {
	switch {
	case r.bad:
		return fmt.Errorf("%w: %s cut off or out of range", ErrMalformed, what)
	case len(r.b) > 0:
		return fmt.Errorf("%w: %d bytes follow %s", ErrMalformed, len(r.b), what)
	}
	return nil
}
