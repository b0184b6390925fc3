package wal

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/lockstep-log/lockstep/engine/record"
)

// Item is a piece of a file that Inspect looked at.
type Item struct {
	Offset, Length int64  // bytes
	What           string // in words
	Err            error  // why it is damaged; nil: it is good
}

// ErrNotOurs is Inspect's answer to a file that this package does not write.
var ErrNotOurs = errors.New("not a file of a log")

// Inspect verifies a file of a log on its own, without the log, and visits what
// is in it in order: batches of a segment, entries of an index, fields and
// tables of a checkpoint's record, seeds. name tells which kind it is; its
// directories do not matter. It ends at the first damage, which is visited too;
// what it returns then is that Item's Err. ErrNotOurs: another file's name.
//
// A segment alone does not tell how long it should be, nor its terms: only the
// record of its checkpoint does.
func Inspect(r io.ReaderAt, size int64, name string, visit func(Item)) error {
	return inspect(r, size, name, false, visit)
}

// InspectAlone is Inspect for a log that stands alone, whose newest segment is
// filled with zeros ahead of its end.
func InspectAlone(r io.ReaderAt, size int64, name string, visit func(Item)) error {
	return inspect(r, size, name, true, visit)
}

func inspect(r io.ReaderAt, size int64, name string, alone bool, visit func(Item)) error {
	name = path.Base(name)
	base, generation, ok := parseSegmentName(name)
	made := strings.TrimSuffix(name, unfinishedSuffix)
	_, isRecord := parseRecordName(made)
	if ok && name == (extent{Base: base, Generation: generation}).fileName() {
		return inspectSegment(r, size, base, alone, visit)
	}
	if !ok && !isRecord && made != seedsName {
		return fmt.Errorf("%w: %s", ErrNotOurs, name)
	}
	p := make([]byte, size)
	if n, err := r.ReadAt(p, 0); err != nil && (n < len(p) || !errors.Is(err, io.EOF)) {
		visit(Item{Length: size, What: "unreadable", Err: err})
		return err
	}
	item := Item{Length: size}
	switch {
	case ok:
		inspectIndex(p, &item, visit)
	case isRecord:
		inspectRecord(p, made, &item, visit)
	default:
		var seeds []seed
		seeds, item.Err = parseSeeds(p)
		item.What = fmt.Sprintf("%d seeds", len(seeds))
		visit(item)
	}
	return item.Err
}

// zerosOnly tells whether a file holds nothing but zeros from a place on.
func zerosOnly(r io.ReaderAt, from, size int64) bool {
	p := make([]byte, min(size-from, 64<<10))
	for at := from; at < size; at += int64(len(p)) {
		chunk := p[:min(size-at, int64(len(p)))]
		if n, err := r.ReadAt(chunk, at); n < len(chunk) && err != nil {
			return false
		}
		if slices.ContainsFunc(chunk, func(b byte) bool { return b != 0 }) {
			return false
		}
	}
	return true
}

// inspectSegment walks the batches of a segment.
func inspectSegment(r io.ReaderAt, size, base int64, alone bool, visit func(Item)) error {
	next, sum := base, uint32(0)
	head := make([]byte, record.HeaderBytes)
	pos := int64(0)
	for pos < size {
		damage := func(n int64, err error) error {
			visit(Item{Offset: pos, Length: n, What: fmt.Sprintf("batch at offset %d", next), Err: err})
			return err
		}
		if alone && zerosOnly(r, pos, size) {
			visit(Item{Offset: pos, Length: size - pos, What: "zeros, ahead of the log's end"})
			break
		}
		if size-pos < record.HeaderBytes {
			return damage(size-pos, record.ErrTruncated)
		}
		if _, err := r.ReadAt(head, pos); err != nil && !errors.Is(err, io.EOF) {
			return damage(int64(len(head)), err)
		}
		h, err := record.ParseHeader(head)
		switch {
		case err != nil:
			return damage(int64(len(head)), err)
		case h.BaseOffset != next:
			return damage(int64(len(head)), fmt.Errorf("%w: base offset %d, want %d", ErrDamaged, h.BaseOffset, next))
		case int64(h.Bytes) > size-pos:
			return damage(size-pos, record.ErrTruncated)
		}
		p := make([]byte, h.Bytes)
		if _, err := r.ReadAt(p, pos); err != nil && !errors.Is(err, io.EOF) {
			return damage(int64(h.Bytes), err)
		}
		if _, err := record.Validate(p, 0); err != nil {
			return damage(int64(h.Bytes), err)
		}
		visit(Item{Offset: pos, Length: int64(h.Bytes), What: fmt.Sprintf("batch at offset %d, %d records, epoch %d", next, h.Count, h.LeaderEpoch)})
		sum = crc32.Update(sum, castagnoli, p)
		next = h.NextOffset()
		pos += int64(h.Bytes)
	}
	visit(Item{Length: pos, What: fmt.Sprintf("segment of offsets %d to %d, sum %08x", base, next, sum)})
	return nil
}

// inspectIndex checks an index against what it says of its segment.
func inspectIndex(p []byte, item *Item, visit func(Item)) {
	item.What = "index"
	e, err := indexSubject(p)
	var x *index
	if err == nil {
		x, err = parseIndex(p, e)
	}
	if err != nil {
		item.Err = err
		visit(*item)
		return
	}
	for i, entry := range x.entries {
		visit(Item{
			Offset: int64(indexHeaderBytes + i*indexEntryBytes), Length: indexEntryBytes,
			What: fmt.Sprintf("offset %d at %d", entry.Offset, entry.Pos),
		})
	}
	item.What = fmt.Sprintf("index of segment %d with %d bytes, sum %08x", e.Base, e.Bytes, e.Sum)
	visit(*item)
}

// inspectRecord checks a checkpoint's record.
func inspectRecord(p []byte, name string, item *Item, visit func(Item)) {
	id, _ := parseRecordName(name)
	c, err := parseCheckpoint(p)
	if err == nil && c.id != id {
		err = fmt.Errorf("%w: it is checkpoint %d", ErrDamaged, c.id)
	}
	if item.Err = err; err != nil {
		item.What = "checkpoint record"
		visit(*item)
		return
	}
	s := &c.state
	visit(Item{Length: checkpointHeaderBytes, What: fmt.Sprintf(
		"checkpoint %d of replica %d at index %d in term %d, offsets %d to %d, generation %d, installed %t, settings %+v",
		c.id, c.replica, s.index, s.term, s.start, s.end, c.generation, c.installed, s.settings)})
	at := int64(checkpointHeaderBytes)
	for _, e := range c.segments {
		visit(Item{Offset: at, Length: extentBytes, What: fmt.Sprintf("segment %s of offsets %d to %d, %d bytes, sum %08x", e.fileName(), e.Base, e.End, e.Bytes, e.Sum)})
		at += extentBytes
	}
	for _, t := range s.terms {
		visit(Item{Offset: at, Length: termStartBytes, What: fmt.Sprintf("term %d begins at offset %d", t.Term, t.Start)})
		at += termStartBytes
	}
	visit(Item{Offset: at, Length: int64(len(p)) - at, What: fmt.Sprintf("%d bytes of producers, %d of meta", len(c.producers), len(c.meta))})
}
