package wal

import (
	"container/list"
	"sort"

	"github.com/lockstep-log/lockstep/engine/record"
)

// Sizes of the tail's chunks: they double from the least, so that a quiet
// partition costs little memory, up to a share of the limit.
const (
	leastChunkBytes = 4 << 10
	mostChunkBytes  = 256 << 10
	tailShare       = 4 // at least as many chunks as this fill the limit
)

// tail keeps the end of the log in memory, for readers and as the buffers that
// the disk writes from. Bytes once appended never change and their memory is
// never used again: readers and the disk may hold them.
type tail struct {
	limit     int // bytes of all chunks together; the newest is kept in any case
	bytes     int
	chunks    []chunk // contiguous, oldest first
	unwritten int     // where, in the newest chunk, bytes begin that the disk has not been given
	spare     []mark

	tails   *Tails        // nil: only its own limit holds
	place   *list.Element // in tails
	counted int           // of bytes, in tails
	give    func()        // frees all of it, for another log's sake
}

// chunk is a run of whole batches.
type chunk struct {
	buf       []byte
	base, end int64 // offsets
	marks     []mark
}

// mark says where a batch begins.
type mark struct {
	offset int64
	pos    int
}

// newest is the chunk that grows; nil if there is none.
func (t *tail) newest() *chunk {
	if len(t.chunks) == 0 {
		return nil
	}
	return &t.chunks[len(t.chunks)-1]
}

// fits tells whether a batch of n bytes goes into the newest chunk.
func (t *tail) fits(n int) bool {
	c := t.newest()
	return c != nil && n <= cap(c.buf)-len(c.buf)
}

// grow makes room for n bytes. All bytes must have been given to the disk.
func (t *tail) grow(n int, base int64) {
	size := leastChunkBytes
	if c := t.newest(); c != nil {
		size = min(2*cap(c.buf), max(leastChunkBytes, min(mostChunkBytes, t.limit/tailShare)))
	}
	size = max(size, n)
	t.chunks = append(t.chunks, chunk{buf: make([]byte, 0, size), base: base, end: base, marks: t.spare[:0]})
	t.spare = nil
	t.bytes += size
	t.unwritten = 0
	t.shrink()
	t.account()
	if t.tails != nil {
		t.touch()
		t.tails.fit(t)
	}
}

// shrink drops the oldest chunks beyond the limit.
func (t *tail) shrink() {
	drop := 0
	for ; t.bytes > t.limit && drop < len(t.chunks)-1; drop++ {
		t.bytes -= cap(t.chunks[drop].buf)
		t.spare = t.chunks[drop].marks
	}
	if drop > 0 {
		kept := copy(t.chunks, t.chunks[drop:])
		clear(t.chunks[kept:])
		t.chunks = t.chunks[:kept]
	}
}

// add appends a stamped copy of batch, which fits, and returns it.
func (t *tail) add(batch []byte, base, next int64, epoch int32) []byte {
	c := t.newest()
	from := len(c.buf)
	c.buf = record.AppendStamped(c.buf, batch, base, epoch)
	c.marks = append(c.marks, mark{offset: base, pos: from})
	c.end = next
	return c.buf[from:]
}

// takeUnwritten returns the bytes that the disk has not been given, once.
func (t *tail) takeUnwritten() []byte {
	c := t.newest()
	if c == nil {
		return nil
	}
	p := c.buf[t.unwritten:len(c.buf):len(c.buf)]
	t.unwritten = len(c.buf)
	return p
}

// covers tells whether offset can be read here.
func (t *tail) covers(offset int64) bool {
	return len(t.chunks) > 0 && offset >= t.chunks[0].base && offset < t.newest().end
}

// read returns the batches from the one that holds offset, which is covered, as
// long as they end at or below limit and within maxBytes; the first one may be
// larger. Only an answer that spans chunks is copied.
func (t *tail) read(offset, limit int64, maxBytes int) []byte {
	i := sort.Search(len(t.chunks), func(i int) bool { return offset < t.chunks[i].end })
	var out []byte
	for j := t.chunks[i].find(offset); i < len(t.chunks); i, j = i+1, 0 {
		c := &t.chunks[i]
		from, to := c.cut(j, limit, maxBytes-len(out), len(out) == 0)
		if len(out) == 0 {
			out = c.buf[from:to:to]
		} else {
			out = append(out, c.buf[from:to]...)
		}
		if to < len(c.buf) || len(out) >= maxBytes {
			break
		}
	}
	return out
}

// find returns which batch of the chunk holds offset.
func (c *chunk) find(offset int64) int {
	return sort.Search(len(c.marks), func(i int) bool { return c.marks[i].offset > offset }) - 1
}

// cut returns where the batches from the j-th on begin and end that end at or
// below limit and have maxBytes together. With first, one batch is taken
// whatever its size.
func (c *chunk) cut(j int, limit int64, maxBytes int, first bool) (from, to int) {
	from = c.marks[j].pos
	n := sort.Search(len(c.marks)-j, func(k int) bool {
		end, next := c.bounds(j + k)
		return next > limit || end-from > maxBytes && (k > 0 || !first)
	})
	if n == 0 {
		return from, from
	}
	to, _ = c.bounds(j + n - 1)
	return from, to
}

// bounds returns where the i-th batch ends: position and next offset.
func (c *chunk) bounds(i int) (end int, next int64) {
	if i+1 < len(c.marks) {
		return c.marks[i+1].pos, c.marks[i+1].offset
	}
	return len(c.buf), c.end
}

// reset forgets everything.
func (t *tail) reset() {
	t.bytes, t.chunks, t.unwritten, t.spare = 0, nil, 0, nil
	t.account()
}
