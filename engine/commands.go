package engine

// commands are buffers for the commands that produces make of their batches. raft
// copies a command when it is proposed; its buffer is used again then.
type commands struct {
	free  [][]byte
	bytes int // of the free ones
}

// freeCommandBytes bounds the buffers that wait to be used again.
const freeCommandBytes = 4 << 20

// take gives an empty buffer with room for n bytes.
func (c *commands) take(n int) []byte {
	last := len(c.free) - 1
	if last < 0 {
		return make([]byte, 0, n)
	}
	b := c.free[last]
	c.free[last] = nil
	c.free = c.free[:last]
	c.bytes -= cap(b)
	if cap(b) < n {
		return make([]byte, 0, n)
	}
	return b
}

// give takes a buffer back that nobody looks at any more.
func (c *commands) give(b []byte) {
	if c.bytes+cap(b) > freeCommandBytes {
		return
	}
	c.free = append(c.free, b[:0])
	c.bytes += cap(b)
}
