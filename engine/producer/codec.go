package producer

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
)

// Format of an encoded table; see the package comment.
const (
	version       = 1
	headerBytes   = 16
	producerBytes = 20
	batchBytes    = 16
	leastBytes    = producerBytes + batchBytes // of a producer
)

// EncodedBytes is how long the encoding is.
func (t *Table) EncodedBytes() int {
	n := headerBytes
	for at := t.order.oldest; at != nowhere; at = t.entries[at].newer {
		n += producerBytes + int(t.entries[at].window.count)*batchBytes
	}
	return n
}

// AppendTo appends the encoding of the table, without its settings.
func (t *Table) AppendTo(dst []byte) []byte {
	dst = slices.Grow(dst, t.EncodedBytes())
	dst = binary.LittleEndian.AppendUint32(dst, version)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(t.places)))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(t.timeMs))
	for _, at := range t.sorted() {
		e := &t.entries[at]
		dst = binary.LittleEndian.AppendUint64(dst, uint64(e.id))
		dst = binary.LittleEndian.AppendUint64(dst, uint64(e.timeMs))
		dst = binary.LittleEndian.AppendUint16(dst, uint16(e.window.epoch))
		dst = binary.LittleEndian.AppendUint16(dst, uint16(e.window.count))
		for _, s := range e.window.batches[:e.window.count] {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(s.first))
			dst = binary.LittleEndian.AppendUint32(dst, uint32(s.last))
			dst = binary.LittleEndian.AppendUint64(dst, uint64(s.base))
		}
	}
	return dst
}

// Decode reads all of p as the table of a log with these settings, which must be
// valid. The result shares no memory with p. The errors are ErrVersion and
// ErrMalformed.
func Decode(p []byte, s Settings) (*Table, error) {
	t := New(s)
	if len(p) < headerBytes {
		return nil, fmt.Errorf("%w: %d bytes, a header has %d", ErrMalformed, len(p), headerBytes)
	}
	if v := binary.LittleEndian.Uint32(p); v != version {
		return nil, fmt.Errorf("%w: format %d, this program reads %d", ErrVersion, v, version)
	}
	count := int64(binary.LittleEndian.Uint32(p[4:]))
	t.timeMs = int64(binary.LittleEndian.Uint64(p[8:]))
	rest := p[headerBytes:]
	if t.timeMs < 0 || count > s.MaxProducers || count > int64(len(rest)/leastBytes) {
		return nil, fmt.Errorf("%w: %d producers at time %d in %d bytes, at most %d", ErrMalformed, count, t.timeMs, len(p), s.MaxProducers)
	}
	t.entries = make([]entry, count)
	if count > 0 {
		t.places = make(map[int64]int32, count)
	}
	for at := range t.entries {
		var err error
		if rest, err = t.decodeProducer(int32(at), rest); err != nil {
			return nil, err
		}
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("%w: %d bytes too many", ErrMalformed, len(rest))
	}
	return t, t.arrange()
}

// decodeProducer reads the next producer into its place and returns what follows.
func (t *Table) decodeProducer(at int32, p []byte) (rest []byte, err error) {
	e := &t.entries[at]
	bad := func(what string) ([]byte, error) {
		return nil, fmt.Errorf("%w: producer %d (%d): %s", ErrMalformed, at, e.id, what)
	}
	if len(p) < leastBytes {
		return bad("cut off")
	}
	e.id, e.timeMs = int64(binary.LittleEndian.Uint64(p)), int64(binary.LittleEndian.Uint64(p[8:]))
	epoch, count := binary.LittleEndian.Uint16(p[16:]), binary.LittleEndian.Uint16(p[18:])
	switch p = p[producerBytes:]; {
	case e.id < 0 || at > 0 && e.id <= t.entries[at-1].id:
		return bad("ids do not rise")
	case e.timeMs < 0 || e.timeMs > t.timeMs || t.expired(e.timeMs):
		return bad(fmt.Sprintf("last seen at %d, log time is %d", e.timeMs, t.timeMs))
	case int16(epoch) < 0 || count < 1 || count > Window || len(p) < int(count)*batchBytes:
		return bad(fmt.Sprintf("epoch %d, %d batches in %d bytes", int16(epoch), count, len(p)))
	}
	e.window = window{epoch: int16(epoch), count: int16(count)}
	for i := range e.window.batches[:count] {
		e.window.batches[i] = sequences{
			first: int32(binary.LittleEndian.Uint32(p)),
			last:  int32(binary.LittleEndian.Uint32(p[4:])),
			base:  int64(binary.LittleEndian.Uint64(p[8:])),
		}
		p = p[batchBytes:]
	}
	if !e.window.consistent() {
		return bad(fmt.Sprintf("batches %+v", e.window.batches[:count]))
	}
	t.places[e.id] = at
	return p, nil
}

// consistent tells whether these batches can have been appended one after the
// other.
func (w *window) consistent() bool {
	for i, s := range w.batches[:w.count] {
		if s.first < 0 || s.last < 0 || s.base < 0 || s.count() < 1 || s.lastOffset() < s.base {
			return false
		}
		if i == 0 {
			continue
		}
		before := w.batches[i-1]
		if s.first != NextSequence(before.last, 1) || s.base <= before.lastOffset() {
			return false
		}
	}
	return true
}

// arrange puts decoded producers in the order of leaving, which their offsets
// tell, and checks that their times agree with it.
func (t *Table) arrange() error {
	places := t.byOffset()
	for i, at := range places {
		if i > 0 {
			e, before := &t.entries[at], &t.entries[places[i-1]]
			if e.timeMs < before.timeMs || e.window.newest().base <= before.window.newest().lastOffset() {
				return fmt.Errorf("%w: producers %d and %d do not agree on who was first", ErrMalformed, before.id, e.id)
			}
		}
		t.order.add(t.entries, at)
	}
	return nil
}

// byOffset gives the places of all producers by the offset of their last batch.
func (t *Table) byOffset() []int32 {
	places := make([]int32, len(t.entries))
	for i := range places {
		places[i] = int32(i)
	}
	slices.SortFunc(places, func(a, b int32) int {
		return cmp.Compare(t.entries[a].window.newest().base, t.entries[b].window.newest().base)
	})
	return places
}
