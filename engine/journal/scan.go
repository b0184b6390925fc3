package journal

import (
	"errors"
	"slices"
)

// scanner reads the batches of one file in one of its uses.
type scanner struct {
	reader
	seq         uint64
	incarnation uint64
}

// readBatch is a batch read from disk. bytes are valid until the next read.
type readBatch struct {
	header batchHeader
	dir    directory
	bytes  []byte
}

// headerAt reads the header at off if it is one of this file, in this use, for
// this offset.
func (s *scanner) headerAt(off int64) (batchHeader, error) {
	h, err := parseHeader(s.at(off, headerBytes))
	if err != nil {
		return h, err
	}
	if h.incarnation != s.incarnation || h.seq != s.seq || h.offset != off || h.end() > s.size {
		return h, errPlace
	}
	return h, nil
}

// batchAt reads the batch at off and checks every byte that has a checksum.
func (s *scanner) batchAt(off int64) (readBatch, error) {
	h, err := s.headerAt(off)
	if err != nil {
		return readBatch{}, err
	}
	if h.kind == batchHead {
		return readBatch{}, errPlace
	}
	b := readBatch{header: h, bytes: s.at(off, int(h.length))}
	if b.dir, err = firstDirectory(b.bytes, &h); err != nil {
		return b, err
	}
	if _, t, err := secondDirectory(b.bytes); err != nil {
		return b, err
	} else if t.offset != off || t.incarnation != s.incarnation || t.records != h.records {
		return b, errPlace
	}
	for i := range b.dir.len() {
		if _, err := b.record(i); err != nil {
			return b, err
		}
	}
	return b, nil
}

// record decodes record i of the batch.
func (b *readBatch) record(i int) (record, error) {
	g, start, length := b.dir.at(i)
	rec, err := parseRecord(b.dir.record(b.bytes, i), b.header.place().plus(start))
	if err == nil && (rec.group != g || recordHeaderBytes+len(rec.payload) != length) {
		err = errShape
	}
	return rec, err
}

// nextHeader finds the first valid header from off on; end if there is none.
func (s *scanner) nextHeader(off, end int64) int64 {
	for ; off < end; off += sectorBytes {
		if _, err := s.headerAt(off); err == nil {
			return off
		}
	}
	return end
}

// watermark is the end of what is known to be durable: the highest claim of the
// file's head and of every batch header that can be read.
func (s *scanner) watermark(from, claimed int64) int64 {
	for off := from; off < s.size; {
		h, err := s.headerAt(off)
		if err != nil || h.kind == batchHead {
			off += sectorBytes
			continue
		}
		if h.watermark.seq == s.seq {
			claimed = max(claimed, h.watermark.offset)
		}
		off += max(h.length, sectorBytes)
	}
	return min(claimed, roundUp(s.size))
}

// wreck is what a bad stretch [start, end) of durable bytes still gives: the
// directories of its batches in order. known is false if some batch left none.
type wreck struct {
	start, end int64
	batches    []wreckedBatch
	known      bool
}

type wreckedBatch struct {
	offset, length int64
	dir            directory // a copy
}

// salvage finds the directories of the bad batch at off. A readable header
// tells its length; otherwise the stretch goes to the next header that can be
// read, or to end, and is walked backwards by trailers.
func (s *scanner) salvage(off, end int64) wreck {
	if h, err := s.headerAt(off); err == nil && h.kind != batchHead && h.end() <= end {
		w := wreck{start: off, end: h.end()}
		b := s.at(off, int(h.length))
		dir, err := firstDirectory(b, &h)
		if err != nil {
			var t trailer
			if dir, t, err = secondDirectory(b); err == nil && (t.offset != off || t.incarnation != s.incarnation) {
				err = errPlace
			}
		}
		if err == nil {
			w.known = true
			w.batches = []wreckedBatch{{off, h.length, slices.Clone(dir)}}
		}
		return w
	}
	w := wreck{start: off, end: s.nextHeader(off+sectorBytes, end)}
	at := w.end
	for at > off {
		b, ok := s.endingAt(at, off)
		if !ok {
			return w
		}
		w.batches = append(w.batches, b)
		at = b.offset
	}
	slices.Reverse(w.batches)
	w.known = true
	return w
}

// endingAt finds the batch that ends at end and begins at least at least, by
// its trailer.
func (s *scanner) endingAt(end, least int64) (wreckedBatch, bool) {
	t, err := parseTrailer(s.at(end-sectorBytes, sectorBytes))
	if err != nil || t.incarnation != s.incarnation || t.offset+t.length != end || t.offset < least {
		return wreckedBatch{}, false
	}
	dir, _, err := secondDirectory(s.at(t.offset, int(t.length)))
	if err != nil {
		return wreckedBatch{}, false
	}
	return wreckedBatch{t.offset, t.length, slices.Clone(dir)}, true
}

// doubtful tells whether the batch at tail, which does not read well, may have
// been durable: a sector of it, or the one behind that would vouch for it, cannot
// be read. Where a sector shows that no batch begins, none was durable.
func (s *scanner) doubtful(tail int64) bool {
	switch h, err := s.headerAt(tail); {
	case err == nil:
		return s.unreadIn(tail, h.end()+sectorBytes)
	case s.tornAt(tail):
		return s.unreadIn(tail, s.size)
	}
	return s.unreadIn(tail, tail+sectorBytes)
}

// tornAt tells whether something of this use of the file was written at off or
// behind it: the rest of a batch that a crash cut short.
func (s *scanner) tornAt(off int64) bool {
	if off >= s.size {
		return false
	}
	h, err := parseHeader(s.at(off, headerBytes))
	if !errors.Is(err, errMagic) && !errors.Is(err, errShort) && h.incarnation == s.incarnation {
		return true
	}
	for end := off + sectorBytes; end <= s.size; end += sectorBytes {
		t, err := parseTrailer(s.at(end-sectorBytes, sectorBytes))
		if err == nil && t.incarnation == s.incarnation && t.offset == off {
			return true
		}
	}
	return false
}
