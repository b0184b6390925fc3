package journal

import (
	"encoding/binary"
	"fmt"

	"github.com/lockstep-log/lockstep/engine/env"
)

// A batch is one write:
//
//	offset  bytes  what
//	0       96     header
//	96      16*n+4 directory of its n records, checksum
//	...     body   the records
//	...            zeros
//	end-..  16*n   directory again
//	end-32  32     trailer: what finds and checks the second directory
//
// It begins and ends on a sector boundary, so no write touches a sector that
// holds durable bytes. The second directory stands at the very end, where it
// can be found backwards from the next batch when the header is lost. A batch
// of kind batchHead has no directories; see head.go.
//
// Header (little endian, as everything); magic and version keep their places in
// every version:
//
//	0   4  magic            4   2  version      6   1  kind    7  1  head copy
//	8   8  cluster          16  8  node         24  8  incarnation of the file
//	32  8  file sequence    40  8  offset       48  4  length of the batch
//	52  4  records          56  4  body bytes   60  4  body checksum (heads)
//	64  8  watermark file   72  8  watermark offset
//	80  8  disk             88  4  zero         92  4  header checksum
const (
	sectorBytes   = 512
	headerBytes   = 96
	dirEntryBytes = 16
	dirSumBytes   = 4
	trailerBytes  = 32

	batchMagic   = 0x424a4b4c // "LKJB"
	trailerMagic = 0x544a4b4c // "LKJT"
	version      = 3

	maxFileBytes = 1 << 31 // a batch's length is 32 bits

	// batchOverhead is what a file needs beyond one full batch: two small heads
	// and room for a seal.
	batchOverhead = 8 * sectorBytes
)

type batchKind uint8

const (
	batchHead batchKind = iota + 1
	batchData
	batchSeal
)

// position is a place in the journal as a whole.
type position struct {
	seq    uint64
	offset int64
}

// batchHeader is the decoded header of a batch.
type batchHeader struct {
	kind        batchKind
	copy        uint8 // heads: 0 or 1
	id          Identity
	incarnation uint64
	seq         uint64
	offset      int64
	length      int64
	records     int
	body        int
	bodySum     uint32   // heads only
	watermark   position // known durable when this batch was written
}

func (h *batchHeader) place() place { return place{h.incarnation, h.offset} }
func (h *batchHeader) end() int64   { return h.offset + h.length }

// put writes the header into the first headerBytes of b.
func (h *batchHeader) put(b []byte) {
	b = b[:headerBytes]
	clear(b)
	le := binary.LittleEndian
	le.PutUint32(b[0:], batchMagic)
	le.PutUint16(b[4:], version)
	b[6], b[7] = byte(h.kind), h.copy
	le.PutUint64(b[8:], h.id.Cluster)
	le.PutUint64(b[16:], uint64(h.id.Node))
	le.PutUint64(b[24:], h.incarnation)
	le.PutUint64(b[32:], h.seq)
	le.PutUint64(b[40:], uint64(h.offset))
	le.PutUint32(b[48:], uint32(h.length))
	le.PutUint32(b[52:], uint32(h.records))
	le.PutUint32(b[56:], uint32(h.body))
	le.PutUint32(b[60:], h.bodySum)
	le.PutUint64(b[64:], h.watermark.seq)
	le.PutUint64(b[72:], uint64(h.watermark.offset))
	le.PutUint64(b[80:], h.id.Disk)
	le.PutUint32(b[92:], h.place().sum(b[:92]))
}

// parseHeader checks a header by itself: structure and checksum. Whether it
// belongs to this file and offset is the caller's question.
func parseHeader(b []byte) (batchHeader, error) {
	var h batchHeader
	if len(b) < headerBytes {
		return h, errShort
	}
	le := binary.LittleEndian
	if le.Uint32(b) != batchMagic {
		return h, errMagic
	}
	h = batchHeader{
		kind: batchKind(b[6]), copy: b[7],
		id:          Identity{Cluster: le.Uint64(b[8:]), Node: env.NodeID(le.Uint64(b[16:])), Disk: le.Uint64(b[80:])},
		incarnation: le.Uint64(b[24:]), seq: le.Uint64(b[32:]),
		offset: int64(le.Uint64(b[40:])), length: int64(le.Uint32(b[48:])),
		records: int(le.Uint32(b[52:])), body: int(le.Uint32(b[56:])), bodySum: le.Uint32(b[60:]),
		watermark: position{seq: le.Uint64(b[64:]), offset: int64(le.Uint64(b[72:]))},
	}
	// First: another version may sum, and place, everything differently.
	if v := le.Uint16(b[4:]); v != version {
		return h, fmt.Errorf("%w: format %d, this program reads %d", ErrVersion, v, version)
	}
	if h.place().sum(b[:92]) != le.Uint32(b[92:]) {
		return h, errChecksum
	}
	return h, h.check()
}

// check refuses headers that no writer makes, so that nobody computes with them.
func (h *batchHeader) check() error {
	need := int64(headerBytes) + int64(h.body)
	if h.kind != batchHead {
		need += 2*dirEntryBytes*int64(h.records) + dirSumBytes + trailerBytes
	}
	switch {
	case h.kind < batchHead || h.kind > batchSeal,
		h.offset < 0 || h.offset > maxFileBytes || h.offset%sectorBytes != 0,
		h.length%sectorBytes != 0 || need > h.length,
		h.watermark.offset < 0 || h.kind != batchHead && h.watermark.offset > h.offset:
		return errShape
	}
	return nil
}

// batchBytes is the length of a batch of n records with body bytes in all.
func batchBytes(n, body int) int64 {
	raw := int64(headerBytes + 2*dirEntryBytes*n + dirSumBytes + body + trailerBytes)
	return roundUp(raw)
}

func roundUp(n int64) int64 { return (n + sectorBytes - 1) &^ (sectorBytes - 1) }

// batchWriter lays one batch out in a buffer that is used again and again.
type batchWriter struct {
	buf    []byte
	header batchHeader
	dir    int // where the next directory entry goes
}

// begin starts a batch that will hold n records; h has kind, id, incarnation,
// seq, offset and watermark.
func (w *batchWriter) begin(h batchHeader, n int) {
	w.header, w.header.records = h, n
	w.dir = headerBytes
	size := headerBytes + dirEntryBytes*n + dirSumBytes
	w.buf = append(w.buf[:0], make([]byte, size)...)
}

// next is where the next record goes.
func (w *batchWriter) next() place { return w.header.place().plus(len(w.buf)) }

// added enters the record that was appended to buf from start on into the
// directory.
func (w *batchWriter) added(g env.GroupID, start int) {
	e := w.buf[w.dir : w.dir+dirEntryBytes]
	le := binary.LittleEndian
	le.PutUint64(e[0:], uint64(g))
	le.PutUint32(e[8:], uint32(start))
	le.PutUint32(e[12:], uint32(len(w.buf)-start))
	w.dir += dirEntryBytes
}

// finish completes the batch; its bytes are valid until the next begin.
func (w *batchWriter) finish() []byte {
	h := &w.header
	dirEnd := headerBytes + dirEntryBytes*h.records
	if w.dir != dirEnd {
		panic(fmt.Sprintf("journal: a batch announced for %d records got %d", h.records, (w.dir-headerBytes)/dirEntryBytes))
	}
	dir := w.buf[headerBytes:dirEnd]
	binary.LittleEndian.PutUint32(w.buf[dirEnd:], h.place().plus(headerBytes).sum(dir))
	h.body = len(w.buf) - dirEnd - dirSumBytes
	h.length = batchBytes(h.records, h.body)
	tail := int(h.length) - len(dir) - trailerBytes
	w.buf = append(w.buf, make([]byte, int(h.length)-len(w.buf))...)
	copy(w.buf[tail:], w.buf[headerBytes:dirEnd])
	putTrailer(w.buf[tail:], h)
	h.put(w.buf)
	return w.buf
}
