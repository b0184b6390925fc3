package wal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"sort"
)

// index is a sparse map from offsets to positions in one segment. The first
// batch always has an entry; another batch has one if it begins at least the
// segment's interval after the last one that has. So the index is a function
// of the segment's bytes and its interval: equal on all replicas.
type index struct {
	entries []indexEntry
	// prior is one more than the position of the last entry before entries; 0 if
	// there is none. It is set where the front of the index is not in memory.
	prior int64
}

// indexEntry says that the batch with base offset Offset begins at Pos.
type indexEntry struct {
	Offset int64
	Pos    int64
}

// add tells the index of a batch appended at pos.
func (x *index) add(offset, pos, interval int64) {
	if last := x.last(); last >= 0 && pos-last < interval {
		return
	}
	x.entries = append(x.entries, indexEntry{Offset: offset, Pos: pos})
}

// last is the position of the last entry, -1 if there is none.
func (x *index) last() int64 {
	if n := len(x.entries); n > 0 {
		return x.entries[n-1].Pos
	}
	return x.prior - 1
}

// span returns the last entry at or below offset and where the next one, or
// the segment, ends: whole batches, one of which holds offset.
func (x *index) span(offset, segmentBytes int64) (from indexEntry, to int64) {
	i := sort.Search(len(x.entries), func(i int) bool { return x.entries[i].Offset > offset })
	if i == 0 {
		panic(fmt.Sprintf("wal: offset %d is below the segment's index", offset))
	}
	to = segmentBytes
	if i < len(x.entries) {
		to = x.entries[i].Pos
	}
	return x.entries[i-1], to
}

// Format of an index file; see the package comment.
const (
	indexMagic       = 0x5849574c // "LWIX"
	indexVersion     = 2
	indexHeaderBytes = 48
	indexEntryBytes  = 16
)

// encodeIndex makes the file of the index of segment e.
func encodeIndex(e extent, x *index) []byte {
	dst := make([]byte, 0, indexHeaderBytes+len(x.entries)*indexEntryBytes)
	dst = binary.LittleEndian.AppendUint32(dst, indexMagic)
	dst = binary.LittleEndian.AppendUint32(dst, indexVersion)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(e.Base))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(e.Bytes))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(e.Interval))
	dst = binary.LittleEndian.AppendUint32(dst, e.Sum)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(x.entries)))
	dst = binary.LittleEndian.AppendUint32(dst, 0)
	sumAt := len(dst)
	dst = binary.LittleEndian.AppendUint32(dst, 0)
	for _, entry := range x.entries {
		dst = binary.LittleEndian.AppendUint64(dst, uint64(entry.Offset))
		dst = binary.LittleEndian.AppendUint64(dst, uint64(entry.Pos))
	}
	binary.LittleEndian.PutUint32(dst[sumAt:], sumAround(dst, sumAt))
	return dst
}

// parseIndex reads an index file and checks that it belongs to segment e.
func parseIndex(p []byte, e extent) (*index, error) {
	if len(p) < indexHeaderBytes || (len(p)-indexHeaderBytes)%indexEntryBytes != 0 {
		return nil, fmt.Errorf("%w: index of %d bytes", ErrDamaged, len(p))
	}
	count := (len(p) - indexHeaderBytes) / indexEntryBytes
	x := &index{entries: make([]indexEntry, 0, count)}
	for at := indexHeaderBytes; at < len(p); at += indexEntryBytes {
		entry := indexEntry{
			Offset: int64(binary.LittleEndian.Uint64(p[at:])),
			Pos:    int64(binary.LittleEndian.Uint64(p[at+8:])),
		}
		if err := x.follows(entry, e); err != nil {
			return nil, err
		}
		x.entries = append(x.entries, entry)
	}
	if count == 0 {
		return nil, fmt.Errorf("%w: index without entries", ErrDamaged)
	}
	// What the fields say and the checksum hold exactly if encoding gives p again.
	if again := encodeIndex(e, x); string(again) != string(p) {
		return nil, fmt.Errorf("%w: index does not match its checksum or segment %d", ErrDamaged, e.Base)
	}
	return x, nil
}

// indexSubject is what an index file says of its segment.
func indexSubject(p []byte) (extent, error) {
	if len(p) < indexHeaderBytes {
		return extent{}, fmt.Errorf("%w: index of %d bytes", ErrDamaged, len(p))
	}
	u64 := func(at int) int64 { return int64(binary.LittleEndian.Uint64(p[at:])) }
	return extent{
		Base: u64(8), End: math.MaxInt64, Bytes: u64(16), Interval: u64(24), Sum: binary.LittleEndian.Uint32(p[32:]),
	}, nil
}

// follows checks that entry may come next in the index of segment e.
func (x *index) follows(entry indexEntry, e extent) error {
	first := indexEntry{Offset: e.Base}
	ok := entry == first
	if n := len(x.entries); n > 0 {
		last := x.entries[n-1]
		ok = entry.Offset > last.Offset && entry.Offset < e.End && entry.Pos > last.Pos && entry.Pos < e.Bytes
	}
	if !ok {
		return fmt.Errorf("%w: index entry %d: offset %d at %d", ErrDamaged, len(x.entries), entry.Offset, entry.Pos)
	}
	return nil
}

// sumAround is the CRC32C of p without the four bytes at sumAt.
func sumAround(p []byte, sumAt int) uint32 {
	return crc32.Update(crc32.Checksum(p[:sumAt], castagnoli), castagnoli, p[sumAt+4:])
}
