package journal

import (
	"errors"
	"io"
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
)

// readChunkBytes is how much recovery reads at a time.
const readChunkBytes = 1 << 20

// reader gives recovery, scrub and Inspect the bytes of a file, in big reads. Sectors that cannot
// be read, tried twice, come as zeros, which no checksum accepts: what they held
// is judged by where they lie.
type reader struct {
	readAt func(p []byte, off int64) (int, error)
	size   int64
	buf    []byte
	start  int64
	failed error   // the last read error met, for the report
	unread []int64 // sectors that could not be read at some time, ordered
}

// readWith reads an open file in a task.
func readWith(t *env.Task, handle env.File) func([]byte, int64) (int, error) {
	return func(p []byte, off int64) (int, error) { return t.ReadAt(handle, p, off) }
}

// at gives up to n bytes from offset off, fewer at the end of the file. They are
// valid until the next call.
func (r *reader) at(off int64, n int) []byte {
	end := min(off+int64(n), r.size)
	if off >= end {
		return nil
	}
	if off < r.start || end > r.start+int64(len(r.buf)) {
		r.fill(off, int(min(max(end-off, readChunkBytes), r.size-off)))
	}
	return r.buf[off-r.start : end-r.start]
}

func (r *reader) fill(off int64, n int) {
	if cap(r.buf) < n {
		r.buf = make([]byte, n)
	}
	r.buf, r.start = r.buf[:n], off
	if r.read(r.buf, off) {
		return
	}
	for i := 0; i < n; i += sectorBytes {
		part := r.buf[i:min(i+sectorBytes, n)]
		if at := off + int64(i); !r.readAgain(part, at) {
			clear(part)
			if n, known := slices.BinarySearch(r.unread, at); !known {
				r.unread = slices.Insert(r.unread, n, at)
			}
		}
	}
}

// unreadIn tells whether some of [from, to) could not be read.
func (r *reader) unreadIn(from, to int64) bool {
	n, _ := slices.BinarySearch(r.unread, from&^(sectorBytes-1))
	return n < len(r.unread) && r.unread[n] < to
}

// readAgain tries twice: some errors pass.
func (r *reader) readAgain(p []byte, off int64) bool {
	if r.read(p, off) {
		return true
	}
	return r.read(p, off)
}

func (r *reader) read(p []byte, off int64) bool {
	n, err := r.readAt(p, off)
	if n == len(p) && (err == nil || errors.Is(err, io.EOF)) {
		return true
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF // the file was longer when it was opened
	}
	r.failed = err
	return false
}
