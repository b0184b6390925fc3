package journal

import (
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// Item is something that stands in a file.
type Item struct {
	Offset, Length int64
	What           string
	Err            error // not nil: it does not verify
	Seal           bool  // all that stands before it was durable when it was written
}

// Inspect tells visit of everything in a file of the journal, from its beginning
// on, without changing it. name is the file's; a journal file by another name than
// its own is taken for what it claims to be. A file by itself does not tell where
// its valid data ends: bad bytes behind its newest watermark are reported as what a
// crash cut short.
//
// The error is the first damage (ErrDamaged, with its offset), or ErrVersion.
func Inspect(r io.ReaderAt, size int64, name string, visit func(Item)) error {
	in := &inspection{name: name, visit: visit, scan: scanner{reader: reader{readAt: r.ReadAt, size: size}}}
	if strings.HasSuffix(name, ".witness") {
		in.witness()
	} else {
		in.file()
	}
	return in.err
}

type inspection struct {
	name  string
	visit func(Item)
	scan  scanner
	err   error
}

// tell reports an item that is in order.
func (in *inspection) tell(off, length int64, format string, args ...any) {
	in.visit(Item{Offset: off, Length: length, What: fmt.Sprintf(format, args...)})
}

// bad reports one that is not.
func (in *inspection) bad(off, length int64, what string, cause error) {
	err := cause
	if !errors.Is(cause, ErrVersion) {
		err = &DamageError{File: in.name, Offset: off, What: fmt.Sprintf("%s: %v", what, cause)}
	}
	if in.err == nil {
		in.err = err
	}
	in.visit(Item{Offset: off, Length: length, What: what, Err: err})
}

func (in *inspection) witness() {
	for slot := range witnessSlots {
		off := int64(slot * sectorBytes)
		w, err := parseWitness(in.scan.at(off, sectorBytes), slot)
		if err != nil {
			in.bad(off, sectorBytes, fmt.Sprintf("slot %d of the witness", slot), err)
			continue
		}
		in.tell(off, sectorBytes, "slot %d of the witness: count %d, cluster %d, node %d, disk %x, newest file %d, incarnation %d",
			slot, w.counter, w.id.Cluster, w.id.Node, w.id.Disk, w.seq, w.incarnation)
	}
}

func (in *inspection) file() {
	h, ok := in.heads()
	if !ok {
		return
	}
	s := &in.scan
	end := max(s.watermark(h.end, h.durableEnd), h.end)
	off := h.end
	for off < s.size {
		b, err := s.batchAt(off)
		switch {
		case err == nil:
			in.batch(&b, off < end)
			off = b.header.end()
		case off < end:
			w := s.salvage(off, end)
			in.wreck(&w, err)
			off = w.end
		default:
			what := "end of data"
			if s.tornAt(off) {
				what = "end of data; what begins here was cut short"
			}
			in.tell(off, s.size-off, "%s", what)
			return
		}
	}
}

// heads reports both copies and the rows of the good one.
func (in *inspection) heads() (head, bool) {
	s := &in.scan
	if seq, ok := parseName(path.Base(in.name), filePrefix); ok {
		s.seq = seq
	} else if bh, err := parseHeader(s.at(0, headerBytes)); err == nil {
		s.seq = bh.seq
	}
	h, err := s.findHead()
	if err != nil {
		if strings.HasPrefix(path.Base(in.name), sparePrefix) {
			in.tell(0, s.size, "spare: not in use")
			return h, false
		}
		in.bad(0, sectorBytes, "both copies of the head", err)
		return h, false
	}
	s.incarnation = h.incarnation
	half := h.end / 2
	for n := range int64(2) {
		again, err := s.headAt(n * half)
		if err == nil && again.incarnation != h.incarnation {
			err = errPlace
		}
		if err != nil {
			in.bad(n*half, half, fmt.Sprintf("copy %d of the head", n), err)
			continue
		}
		in.tell(n*half, half, "copy %d of the head: file %d of cluster %d, node %d, disk %x; follows file %d up to %d, needs files from %d on, highest group begun %d in life %x, %d groups",
			n, h.seq, h.id.Cluster, h.id.Node, h.id.Disk, h.prevSeq, h.prevEnd, h.oldest, h.born, h.life, len(h.table))
	}
	for i := range h.table {
		in.row(&h.table[i], h.end)
	}
	return h, true
}

func (in *inspection) row(r *tableRow, length int64) {
	state := [...]string{"", "; fenced: " + r.reason, "; unread: " + r.reason, "; blank: " + r.reason}[r.flag()]
	in.tell(0, length, "  group %d: replica %d, term %d, vote %d, commit %d, entries %d..%d, checkpoint %d at %d of term %d%s",
		r.group, r.replica, r.hs.Term, r.hs.Vote, r.hs.Commit, r.first, r.log.last, r.checkpoint.id, r.checkpoint.index, r.checkpoint.term, state)
}

func (in *inspection) batch(b *readBatch, durable bool) {
	h := &b.header
	what := "batch"
	if h.kind == batchSeal {
		what = "seal"
	}
	if !durable {
		what += ", not known to be durable"
	}
	in.visit(Item{
		Offset: h.offset, Length: h.length, Seal: h.kind == batchSeal,
		What: fmt.Sprintf("%s: %d records, durable up to %d of file %d", what, h.records, h.watermark.offset, h.watermark.seq),
	})
	for i := range b.dir.len() {
		rec, _ := b.record(i)
		_, start, length := b.dir.at(i)
		in.tell(h.offset+int64(start), int64(length), "  %s", rec.describe())
	}
}

// wreck reports a damaged stretch, and which records of it still verify.
func (in *inspection) wreck(w *wreck, cause error) {
	what := "damaged batch"
	if !w.known {
		what = "damaged batches, nobody knows whose"
	}
	in.bad(w.start, w.end-w.start, what, cause)
	for _, b := range w.batches {
		for i := range b.dir.len() {
			id, start, length := b.dir.at(i)
			at := place{in.scan.incarnation, b.offset}.plus(start)
			rec, err := parseRecord(b.dir.record(in.scan.at(b.offset, int(b.length)), i), at)
			if err != nil {
				in.bad(at.offset, int64(length), fmt.Sprintf("  record of group %d", id), err)
				continue
			}
			in.tell(at.offset, int64(length), "  %s", rec.describe())
		}
	}
}

// describe is a record in a line.
func (r *record) describe() string {
	who := fmt.Sprintf("group %d, replica %d: ", r.group, r.replica)
	cp := fmt.Sprintf("checkpoint %d at %d of term %d", r.id, r.index, r.term)
	hs := fmt.Sprintf("term %d, vote %d, commit %d", r.hs.Term, r.hs.Vote, r.hs.Commit)
	switch r.kind {
	case recordAppend:
		if r.count > 0 {
			return fmt.Sprintf("%sentries %d..%d; %s", who, r.index, r.last(), hs)
		}
		return who + hs
	case recordCheckpoint:
		return who + cp
	case recordRestart:
		return who + "the log goes on after " + cp + "; " + hs
	case recordAdopt:
		return who + "adopted, from " + cp
	case recordFence:
		return who + "fenced: " + string(r.payload)
	}
	return who
}
