package cluster

import (
	"bytes"
	"slices"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/engine/journal"
)

// extent is a range of bytes that the engine handed to the disk.
type extent struct {
	file   string
	off, n int64
}

// tail is where the journal was written last.
type tail struct {
	file   string
	starts [16]int64 // of the newest extents in it
	n      int
	end    int64 // of the newest one
}

// tailMargin is more than stands in a batch before its first record.
const tailMargin = 8 * sectorBytes

// sealedEnd is up to where a file of the journal holds batches that later ones, a
// seal, or a later file prove to have been durable.
func (h *host) sealedEnd(file string) int64 {
	switch t := &h.tail; {
	case t.file == "" || file > t.file:
		return 0
	case file < t.file:
		return maxBytes
	default:
		return max(slices.Min(t.starts[:min(t.n, len(t.starts))])-tailMargin, h.lastSeal(file))
	}
}

// lastSeal is where the last durable seal of a file stands, which vouches for all
// before it; 0: there is none.
func (h *host) lastSeal(file string) (end int64) {
	raw, _ := h.disk.ReadRaw(file)
	// Damage that it may meet was struck before, and tells nothing of seals.
	_ = journal.Inspect(bytes.NewReader(raw), int64(len(raw)), file, func(i journal.Item) {
		if i.Seal && h.disk.Durable(file, i.Offset, i.Length) {
			end = i.Offset
		}
	})
	return end
}

// tailOf is where the end of a journal file begins that sealedEnd leaves out; in one
// that was just begun, behind its head or where it was written last. 0: nowhere.
func (h *host) tailOf(file string) int64 {
	t := &h.tail
	if sealed := h.sealedEnd(file); t.file != file || sealed > 0 {
		return sealed
	}
	if newest := t.starts[(t.n-1)%len(t.starts)]; newest > 0 {
		return newest
	}
	return t.end
}

func (t *tail) wrote(file string, off, n int64) {
	if t.file != file {
		*t = tail{file: file}
	}
	t.starts[t.n%len(t.starts)] = off
	t.n++
	t.end = off + n
}

// maxWritten is how many extents a host remembers before it drops those that
// have become durable.
const maxWritten = 64

// wrote remembers an extent until it is durable, for a power loss may take it.
func (h *host) wrote(file string, off, n int64) {
	if area, _ := areaOf(file); area == AreaJournal {
		h.tail.wrote(file, off, n)
	}
	if len(h.written) >= maxWritten {
		h.forgetDurable()
	}
	h.written = append(h.written, extent{file, off, n})
}

func (h *host) forgetDurable() {
	h.written = slices.DeleteFunc(h.written, func(e extent) bool { return h.disk.Durable(e.file, e.off, e.n) })
}

// recycled forgets a file that begins a new life.
func (h *host) recycled(file string) {
	h.written = slices.DeleteFunc(h.written, func(e extent) bool { return e.file == file })
}

// unsyncedBytes copies what now reads back at the extents that a power loss may
// take: the process is gone, what it had queued is carried out or dropped.
func (h *host) unsyncedBytes() [][]byte {
	h.forgetDurable()
	return h.readWritten()
}

// reportLost tells the oracles of the bytes that read otherwise after a power
// loss.
func (h *host) reportLost(before [][]byte) {
	after := h.readWritten()
	for i, e := range h.written {
		if first, last, differ := difference(before[i], after[i]); differ {
			h.c.feed(checker.Event{
				Kind: checker.EventLost, Node: uint64(h.id),
				File: e.file, Offset: e.off + int64(first), Length: int64(last - first),
			})
		}
	}
	h.written = h.written[:0]
}

// readWritten gives the bytes of each extent as far as its file has them.
func (h *host) readWritten() [][]byte {
	files := map[string][]byte{}
	out := make([][]byte, len(h.written))
	for i, e := range h.written {
		raw, read := files[e.file]
		if !read {
			raw, _ = h.disk.ReadRaw(e.file)
			files[e.file] = raw
		}
		size := int64(len(raw))
		out[i] = raw[min(e.off, size):min(e.off+e.n, size)]
	}
	return out
}

// difference is the range in which two readings differ; a byte that one of them
// lacks differs.
func difference(was, is []byte) (first, last int, differ bool) {
	if bytes.Equal(was, is) {
		return 0, 0, false
	}
	n := min(len(was), len(is))
	for first < n && was[first] == is[first] {
		first++
	}
	last = max(len(was), len(is))
	if len(was) == len(is) {
		for was[last-1] == is[last-1] {
			last--
		}
	}
	return first, last, true
}
