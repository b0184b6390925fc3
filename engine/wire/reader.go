package wire

import "encoding/binary"

// reader walks the bytes of a frame. The first fault sticks, with the place
// where it was met; everything read after it is zero and nothing is consumed.
type reader struct {
	b   []byte
	at  int
	bad string // empty while all is well
}

func (r *reader) fail(what string) {
	if r.bad == "" {
		r.bad = what
	}
}

func (r *reader) byte() byte {
	if r.bad != "" || r.at >= len(r.b) {
		r.fail("unexpected end")
		return 0
	}
	r.at++
	return r.b[r.at-1]
}

func (r *reader) uint16() uint16 {
	low := r.byte()
	return uint16(low) | uint16(r.byte())<<8
}

// uvarint reads an integer in its shortest form, so that a frame has but one
// encoding.
func (r *reader) uvarint() uint64 {
	if r.bad != "" {
		return 0
	}
	if r.at < len(r.b) && r.b[r.at] < 0x80 { // most are a single byte
		r.at++
		return uint64(r.b[r.at-1])
	}
	v, n := binary.Uvarint(r.b[r.at:])
	if n <= 0 || r.b[r.at+n-1] == 0 {
		r.fail("bad integer")
		return 0
	}
	r.at += n
	return v
}

// count reads how many items of at least leastBytes follow, and refuses more
// than the rest can hold: nothing is allocated on a claim alone.
func (r *reader) count(leastBytes uint64) int {
	n := r.uvarint()
	if n > uint64(len(r.b)-r.at)/leastBytes {
		r.fail("a count beyond the frame")
		return 0
	}
	return int(n)
}

// bytes reads a length and that many bytes, in place; nil if none.
func (r *reader) bytes() []byte {
	n := r.count(1)
	if n == 0 {
		return nil
	}
	from := r.at
	r.at += n
	return r.b[from:r.at:r.at]
}

// present is bytes for a field that is announced and so cannot be empty.
func (r *reader) present() []byte {
	p := r.bytes()
	if p == nil {
		r.fail("a present field that is empty")
	}
	return p
}
