package record

import (
	"encoding/binary"
	"fmt"
)

// leastHeaderBytes is the smallest header of a record: two lengths.
const leastHeaderBytes = 2

// cursor reads records. The first fault sticks and moves the cursor to the end
// of its bytes, so that a reader checks once, in finish, and loops stay short.
type cursor struct {
	b   []byte
	at  int
	bad string // what is wrong, empty while nothing is
	was int64  // the value that is wrong
}

// fail remembers the first fault.
func (c *cursor) fail(what string, value int64) {
	if c.bad == "" {
		c.bad, c.was = what, value
	}
	c.at = len(c.b)
}

// begin reads a record's length and attributes and returns where it must end.
func (c *cursor) begin() (end int) {
	n := c.varint()
	if c.bad == "" && (n < 1 || n > int64(len(c.b)-c.at)) {
		c.fail("record length", n)
		return c.at
	}
	end = c.at + int(n)
	c.at++ // attributes
	return end
}

// finish reports the fault of record i, if there is one.
func (c *cursor) finish(i int32, end int) error {
	if c.bad != "" {
		return fmt.Errorf("%w %d: bad %s (%d)", ErrRecord, i, c.bad, c.was)
	}
	if c.at != end {
		return fmt.Errorf("%w %d: its fields end at byte %d of the batch, its length says %d", ErrRecord, i, c.at, end)
	}
	return nil
}

func (c *cursor) varint() int64 {
	if c.at < len(c.b) { // most are a single byte
		if v := c.b[c.at]; v < 0x80 {
			c.at++
			return int64(v>>1) ^ -int64(v&1)
		}
	}
	v, n := binary.Varint(c.b[min(c.at, len(c.b)):])
	if n <= 0 {
		c.fail("varint at byte", int64(c.at))
		return 0
	}
	c.at += n
	return v
}

// offsetDelta reads the offset delta of record i: offsets have no gaps.
func (c *cursor) offsetDelta(i int32) {
	if d := c.varint(); c.bad == "" && d != int64(i) {
		c.fail("offset delta", d)
	}
}

// blob reads a nullable byte string.
func (c *cursor) blob() []byte {
	n := c.varint()
	if n == -1 || c.bad != "" {
		return nil
	}
	if n < 0 || n > int64(len(c.b)-c.at) {
		c.fail("length", n)
		return nil
	}
	from := c.at
	c.at += int(n)
	return c.b[from:c.at:c.at]
}

// headerKey reads a header's key, which is never null.
func (c *cursor) headerKey() []byte {
	k := c.blob()
	if c.bad == "" && k == nil {
		c.fail("header key length", -1)
	}
	return k
}

// headerCount reads how many headers follow: no more than fit the rest.
func (c *cursor) headerCount() int {
	n := c.varint()
	if c.bad != "" {
		return 0
	}
	if n < 0 || n > int64(len(c.b)-c.at)/leastHeaderBytes {
		c.fail("header count", n)
		return 0
	}
	return int(n)
}
