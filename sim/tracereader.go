package sim

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
)

// Errors of TraceReader, to be matched with errors.Is.
var (
	ErrNotTrace       = errors.New("not a trace file of this version")
	ErrTraceTruncated = errors.New("truncated")
	ErrTraceDamaged   = errors.New("damaged")
)

// TraceReader reads a trace file. It never panics on what it is given, and
// takes no length from the file on trust.
type TraceReader struct {
	r      io.Reader
	header []byte
	block  []byte // what is left of the current one
	left   uint32 // records left in it
	space  []byte
	read   uint64
	last   Time
	hash   uint64
	err    error
}

// NewTraceReader reads the file's head.
func NewTraceReader(r io.Reader) (*TraceReader, error) {
	var head [16]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("sim: trace: the file is empty: %w", ErrTraceTruncated)
		}
		return nil, fmt.Errorf("sim: trace: reading its head: %w", cut(err))
	}
	if string(head[:8]) != traceMagic {
		return nil, fmt.Errorf("sim: trace: it begins with %q: %w", head[:8], ErrNotTrace)
	}
	size := binary.LittleEndian.Uint32(head[8:])
	if size > MaxTraceHeaderBytes {
		return nil, fmt.Errorf("sim: trace: a header of %d bytes: %w", size, ErrTraceDamaged)
	}
	header, err := io.ReadAll(io.LimitReader(r, int64(size)))
	if err == nil && len(header) < int(size) {
		err = ErrTraceTruncated
	}
	if err != nil {
		return nil, fmt.Errorf("sim: trace: header, byte %d of %d: %w", len(header), size, err)
	}
	if crc32.Checksum(header, castagnoli) != binary.LittleEndian.Uint32(head[12:]) {
		return nil, fmt.Errorf("sim: trace: header: wrong checksum: %w", ErrTraceDamaged)
	}
	return &TraceReader{r: r, header: header}, nil
}

// Header is what the writer was given.
func (t *TraceReader) Header() []byte { return t.header }

// Hash is the run's trace hash. It is known once Next has answered io.EOF.
func (t *TraceReader) Hash() uint64 { return t.hash }

// Next is the next event; io.EOF after the last, and only if the file is whole.
// An error names the record and what is wrong, and stays.
func (t *TraceReader) Next() (Event, error) {
	if t.left == 0 && t.err == nil {
		t.err = t.nextBlock()
	}
	if t.err != nil {
		return Event{}, t.err
	}
	e, err := t.record()
	if err != nil {
		t.err = t.errorf("%w", err)
		return Event{}, t.err
	}
	return e, nil
}

// errorf names the record that was to be read.
func (t *TraceReader) errorf(format string, args ...any) error {
	return fmt.Errorf("sim: trace: record %d: "+format, append([]any{t.read + 1}, args...)...)
}

func (t *TraceReader) nextBlock() error {
	var head [traceBlockHead]byte
	if _, err := io.ReadFull(t.r, head[:]); err != nil {
		return t.errorf("%w", cut(err))
	}
	size := binary.LittleEndian.Uint32(head[:])
	count := binary.LittleEndian.Uint32(head[4:])
	if size > maxTraceBlockBytes || count > size {
		return t.errorf("a block of %d records in %d bytes: %w", count, size, ErrTraceDamaged)
	}
	if t.space == nil {
		t.space = make([]byte, maxTraceBlockBytes)
	}
	t.block = t.space[:size]
	if _, err := io.ReadFull(t.r, t.block); err != nil {
		return t.errorf("%w", cut(err))
	}
	if blockSum(head[:8], t.block) != binary.LittleEndian.Uint32(head[8:]) {
		return t.errorf("wrong checksum of its block: %w", ErrTraceDamaged)
	}
	if count == 0 {
		return t.trailer()
	}
	t.left = count
	return nil
}

// trailer checks the last block and that nothing stands behind it.
func (t *TraceReader) trailer() error {
	if len(t.block) != traceTrailerBytes {
		return t.errorf("a trailer of %d bytes: %w", len(t.block), ErrTraceDamaged)
	}
	if n := binary.LittleEndian.Uint64(t.block); n != t.read {
		return t.errorf("the trailer counts %d records: %w", n, ErrTraceDamaged)
	}
	t.hash = binary.LittleEndian.Uint64(t.block[8:])
	var more [1]byte
	switch n, err := io.ReadFull(t.r, more[:]); {
	case n > 0:
		return t.errorf("something follows the trailer: %w", ErrTraceDamaged)
	case !errors.Is(err, io.EOF):
		return t.errorf("%w", err)
	}
	return io.EOF
}

func (t *TraceReader) record() (Event, error) {
	if len(t.block) == 0 {
		return Event{}, ErrTraceDamaged
	}
	e := Event{Kind: Kind(t.block[0])}
	if e.Kind == KindNone || e.Kind >= kinds {
		return Event{}, fmt.Errorf("kind %d: %w", e.Kind, ErrTraceDamaged)
	}
	t.block = t.block[1:]
	var passed, size uint64
	for _, field := range [...]*uint64{&passed, &e.A, &e.B, &e.C, &size} {
		v, n := binary.Uvarint(t.block)
		if n <= 0 {
			return Event{}, fmt.Errorf("a bad number: %w", ErrTraceDamaged)
		}
		*field = v
		t.block = t.block[n:]
	}
	if passed > uint64(math.MaxInt64-t.last) || size > math.MaxInt32 || len(t.block) < 8 {
		return Event{}, fmt.Errorf("a field out of range: %w", ErrTraceDamaged)
	}
	e.Bytes = int(size)
	e.Sum = binary.LittleEndian.Uint64(t.block)
	t.block = t.block[8:]
	t.left--
	if t.left == 0 && len(t.block) > 0 {
		return Event{}, fmt.Errorf("%d bytes too many in its block: %w", len(t.block), ErrTraceDamaged)
	}
	t.read++
	t.last += Time(passed)
	e.Seq, e.At = t.read, t.last
	return e, nil
}

// cut tells a file that ends too early from one that cannot be read.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return ErrTraceTruncated
	}
	return err
}
