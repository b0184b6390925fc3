package journal

import (
	"encoding/binary"
	"fmt"

	"github.com/lockstep-log/lockstep/engine/env"
)

// The head of a file is written twice, as two batches of kind batchHead one
// behind the other: it is what gives the file its incarnation and what no other
// place repeats, so that one bad sector must not cost it.
// The length of a copy is a power of two: so the second one stands at one of a
// few places, which are cleared in a spare before it is used again (clearHeads).
// Its body:
//
//	0   8  previous file          8   8  end of valid data in it
//	16  8  oldest file needed     24  8  durable length of this file
//	32  8  highest group begun    40  8  life of this disk
//	48  4  groups
//
// then for each group, ordered by id:
//
//	0   8  group     8   8  replica   16  8  term     24  8  vote   32  8  commit
//	40  8  first     48  8  last      56  8  checkpoint id
//	64  8  its index 72  8  its term  80  1  1 fenced, 2 unread, 3 blank
//
// followed by uvarints: the number of runs of terms, for each the distance of
// its index from the one before and its term; the length of the reason of a
// fence, and its text.
//
// A row that is unread says nothing of its group: when it was written, bytes of
// a file before could not be read. It may be known again from these. A blank row
// is of a group that was placed on this disk without a replica of its own, whose
// id is then 0, or whose journal was lost as a whole: fenced until it is adopted.
//
// The runs begin at the commit index, or the last one if that is smaller:
// should this file be the oldest one read, no later record cuts deeper.
const (
	headFixedBytes  = 52
	groupFixedBytes = 81
	maxReasonBytes  = 512
)

// head is the decoded head of a file.
type head struct {
	seq         uint64
	incarnation uint64
	id          Identity
	prevSeq     uint64
	prevEnd     int64
	oldest      uint64
	durableEnd  int64 // where the batches that were durable before it was named end
	fileBytes   int64 // its durable length at that time
	born        env.GroupID
	life        uint64
	end         int64 // of the second copy; not stored
	table       []tableRow
}

// tableRow is what a head says of one group.
type tableRow struct {
	group      env.GroupID
	replica    env.ReplicaID
	hs         HardState
	first      uint64
	log        outline
	checkpoint checkpoint
	fenced     bool
	unread     bool // with fenced: not for good
	blank      bool // with fenced
	reason     string
}

// checkpoint names the machine's durable checkpoint.
type checkpoint struct{ id, index, term uint64 }

// appendHead appends both copies of the head to b, which is empty. carried is
// how many bytes of batches follow them before the file gets its name. It fills
// in end, durableEnd and fileBytes.
func appendHead(b []byte, h *head, carried int64) []byte {
	b = append(b, make([]byte, headerBytes)...)
	b = appendHeadBody(b, h)
	body := len(b) - headerBytes
	length := int64(sectorBytes)
	for length < int64(len(b)) {
		length *= 2
	}
	b = append(b, make([]byte, 2*int(length)-len(b))...)
	copy(b[length+headerBytes:], b[headerBytes:headerBytes+body])
	h.end = 2 * length
	h.durableEnd = h.end + carried
	h.fileBytes = max(h.fileBytes, h.durableEnd)
	for i := range 2 {
		part := b[int64(i)*length:]
		bh := batchHeader{
			kind: batchHead, copy: uint8(i), id: h.id, incarnation: h.incarnation, seq: h.seq,
			offset: int64(i) * length, length: length, records: len(h.table), body: body,
			watermark: position{h.seq, h.durableEnd},
		}
		bh.bodySum = bh.place().plus(headerBytes).sum(part[headerBytes : headerBytes+body])
		bh.put(part)
	}
	return b
}

func appendHeadBody(b []byte, h *head) []byte {
	le := binary.LittleEndian
	b = le.AppendUint64(b, h.prevSeq)
	b = le.AppendUint64(b, uint64(h.prevEnd))
	b = le.AppendUint64(b, h.oldest)
	b = le.AppendUint64(b, uint64(h.fileBytes))
	b = le.AppendUint64(b, uint64(h.born))
	b = le.AppendUint64(b, h.life)
	b = le.AppendUint32(b, uint32(len(h.table)))
	for i := range h.table {
		b = appendRow(b, &h.table[i])
	}
	return b
}

// Flags of a row.
const (
	rowServes = iota
	rowFenced
	rowUnread
	rowBlank
)

func (r *tableRow) flag() byte {
	switch {
	case r.blank:
		return rowBlank
	case r.unread:
		return rowUnread
	case r.fenced:
		return rowFenced
	}
	return rowServes
}

func appendRow(b []byte, r *tableRow) []byte {
	for _, v := range [...]uint64{
		uint64(r.group), uint64(r.replica), r.hs.Term, uint64(r.hs.Vote), r.hs.Commit,
		r.first, r.log.last, r.checkpoint.id, r.checkpoint.index, r.checkpoint.term,
	} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	b = append(b, r.flag())
	b = binary.AppendUvarint(b, uint64(len(r.log.runs)))
	before := uint64(0)
	for _, n := range r.log.runs {
		b = binary.AppendUvarint(b, n.index-before)
		b = binary.AppendUvarint(b, n.term)
		before = n.index
	}
	b = binary.AppendUvarint(b, uint64(len(r.reason)))
	return append(b, r.reason...)
}

// parseHead decodes one copy of a head; b begins with its header.
func parseHead(b []byte) (head, batchHeader, error) {
	bh, err := parseHeader(b)
	if err != nil {
		return head{}, bh, err
	}
	if bh.kind != batchHead || bh.copy > 1 || bh.offset != int64(bh.copy)*bh.length || bh.length&(bh.length-1) != 0 {
		return head{}, bh, errPlace
	}
	if int64(len(b)) < bh.length {
		return head{}, bh, errShort
	}
	body := b[headerBytes : headerBytes+bh.body]
	if bh.place().plus(headerBytes).sum(body) != bh.bodySum {
		return head{}, bh, errChecksum
	}
	h := head{
		seq: bh.seq, incarnation: bh.incarnation, id: bh.id,
		durableEnd: bh.watermark.offset, end: 2 * bh.length,
	}
	if h.durableEnd < h.end || h.durableEnd%sectorBytes != 0 {
		return head{}, bh, errShape
	}
	return h, bh, h.parseBody(body)
}

func (h *head) parseBody(b []byte) error {
	if len(b) < headFixedBytes {
		return errShort
	}
	le := binary.LittleEndian
	h.prevSeq, h.prevEnd, h.oldest = le.Uint64(b), int64(le.Uint64(b[8:])), le.Uint64(b[16:])
	h.fileBytes = int64(le.Uint64(b[24:]))
	h.born, h.life = env.GroupID(le.Uint64(b[32:])), le.Uint64(b[40:])
	n := int(le.Uint32(b[48:]))
	b = b[headFixedBytes:]
	if h.prevEnd < 0 || h.prevEnd%sectorBytes != 0 || n > len(b)/groupFixedBytes {
		return errShape
	}
	h.table = make([]tableRow, n)
	for i := range h.table {
		var err error
		if b, err = parseRow(&h.table[i], b); err != nil {
			return fmt.Errorf("row %d of %d: %w", i, n, err)
		}
		if i > 0 && h.table[i].group <= h.table[i-1].group {
			return fmt.Errorf("row %d of %d: %w: groups out of order", i, n, errShape)
		}
	}
	if len(b) != 0 {
		return errShape
	}
	return nil
}

func parseRow(r *tableRow, b []byte) ([]byte, error) {
	if len(b) < groupFixedBytes {
		return nil, errShort
	}
	var v [10]uint64
	for i := range v {
		v[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	*r = tableRow{
		group: env.GroupID(v[0]), replica: env.ReplicaID(v[1]),
		hs:    HardState{Term: v[2], Vote: env.ReplicaID(v[3]), Commit: v[4]},
		first: v[5], log: outline{last: v[6]},
		checkpoint: checkpoint{v[7], v[8], v[9]},
		fenced:     b[80] != rowServes, unread: b[80] == rowUnread, blank: b[80] == rowBlank,
	}
	if b[80] > rowBlank || r.replica == 0 && !r.blank {
		return nil, errShape
	}
	b, err := parseRuns(&r.log, b[groupFixedBytes:])
	if err != nil {
		return nil, err
	}
	size, n := binary.Uvarint(b)
	if n <= 0 || size > maxReasonBytes || size > uint64(len(b)-n) {
		return nil, errShort
	}
	r.reason = string(b[n : n+int(size)])
	return b[n+int(size):], nil
}

func parseRuns(o *outline, b []byte) ([]byte, error) {
	count, n := binary.Uvarint(b)
	if n <= 0 || count == 0 || count > uint64(len(b)) {
		return nil, errShape
	}
	b = b[n:]
	o.runs = make([]run, 0, min(count, uint64(len(b)/2)))
	before := uint64(0)
	for i := range count {
		step, n := binary.Uvarint(b)
		if n <= 0 {
			return nil, errShort
		}
		term, m := binary.Uvarint(b[n:])
		if m <= 0 {
			return nil, errShort
		}
		index := before + step
		if index < before || index > o.last || i > 0 && step == 0 {
			return nil, errShape
		}
		o.runs = append(o.runs, run{index, term})
		b, before = b[n+m:], index
	}
	return b, nil
}
