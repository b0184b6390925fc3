package sim

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
)

// A trace file, all integers little endian:
//
//	offset  bytes  what
//	0       8      magic "LKSTRC01"
//	8       4      H, bytes of the header
//	12      4      CRC32C of the header
//	16      H      header: opaque to this package (the schedule as JSON)
//	then blocks, each
//	0       4      L, bytes of the payload
//	4       4      N, records in it; 0 in the last block
//	8       4      CRC32C of bytes 0-7 and the payload
//	12      L      N records
//
// A record is the kind (one byte), then as varints the nanoseconds since the
// record before, A, B, C and the bytes, then the digest (8 bytes). The last
// block's payload is the number of records (8 bytes) and the trace hash of the
// run (8 bytes); nothing follows it. A file without it is truncated.
const traceMagic = "LKSTRC01"

const (
	// MaxTraceHeaderBytes bounds the opaque header of a trace file.
	MaxTraceHeaderBytes = 16 << 20

	traceBlockBytes    = 32 << 10
	traceBlockHead     = 12
	traceTrailerBytes  = 16
	maxTraceRecord     = 1 + 5*binary.MaxVarintLen64 + 8
	maxTraceBlockBytes = traceBlockBytes + maxTraceRecord
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// TraceWriter writes events to a trace file.
type TraceWriter struct {
	w       io.Writer
	block   []byte // its head included
	count   uint32
	written uint64
	last    Time
	err     error
}

// NewTraceWriter begins a file with the given header.
func NewTraceWriter(w io.Writer, header []byte) (*TraceWriter, error) {
	if len(header) > MaxTraceHeaderBytes {
		return nil, fmt.Errorf("sim: trace header of %d bytes, at most %d fit", len(header), MaxTraceHeaderBytes)
	}
	b := make([]byte, 0, 16+len(header))
	b = append(b, traceMagic...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(header)))
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(header, castagnoli))
	if _, err := w.Write(append(b, header...)); err != nil {
		return nil, fmt.Errorf("sim: writing a trace's header: %w", err)
	}
	return &TraceWriter{w: w, block: make([]byte, traceBlockHead, traceBlockHead+maxTraceBlockBytes)}, nil
}

// Write adds an event. The events' own numbers are not kept: they count from 1.
// An error stays: it comes back from every later call.
func (t *TraceWriter) Write(e Event) error {
	if t.err != nil {
		return t.err
	}
	if e.At < t.last {
		panic("sim: trace events out of order")
	}
	b := append(t.block, byte(e.Kind))
	b = binary.AppendUvarint(b, uint64(e.At-t.last))
	b = binary.AppendUvarint(b, e.A)
	b = binary.AppendUvarint(b, e.B)
	b = binary.AppendUvarint(b, e.C)
	b = binary.AppendUvarint(b, uint64(e.Bytes))
	t.block = binary.LittleEndian.AppendUint64(b, e.Sum)
	t.last = e.At
	t.count++
	t.written++
	if len(t.block) >= traceBlockHead+traceBlockBytes {
		t.flush()
	}
	return t.err
}

// Close writes what is left and the trailer with the run's hash. It does not
// close the underlying writer.
func (t *TraceWriter) Close(hash uint64) error {
	if t.count > 0 {
		t.flush()
	}
	t.block = binary.LittleEndian.AppendUint64(t.block, t.written)
	t.block = binary.LittleEndian.AppendUint64(t.block, hash)
	t.flush()
	return t.err
}

func (t *TraceWriter) flush() {
	if t.err != nil {
		return
	}
	binary.LittleEndian.PutUint32(t.block, uint32(len(t.block)-traceBlockHead))
	binary.LittleEndian.PutUint32(t.block[4:], t.count)
	binary.LittleEndian.PutUint32(t.block[8:], blockSum(t.block[:8], t.block[traceBlockHead:]))
	if _, err := t.w.Write(t.block); err != nil {
		t.err = fmt.Errorf("sim: writing a trace before record %d: %w", t.written, err)
	}
	t.block = t.block[:traceBlockHead]
	t.count = 0
}

func blockSum(head, payload []byte) uint32 {
	return crc32.Update(crc32.Checksum(head, castagnoli), castagnoli, payload)
}
