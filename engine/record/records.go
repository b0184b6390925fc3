package record

import (
	"fmt"
	"iter"
)

// Record is one record of a batch. Its byte slices alias the batch.
type Record struct {
	Offset    int64
	Timestamp int64  // ms since the Unix epoch
	Key       []byte // nil: null
	Value     []byte // nil: null
	Headers   []RecordHeader
}

// RecordHeader is a client's annotation of a record.
type RecordHeader struct {
	Key   string
	Value []byte // nil: null
}

// Records yields the records of one whole batch. An error ends it: those of
// Split, ErrCompressed, ErrCount, ErrRecord. The checksum is not looked at.
func Records(batch []byte) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		first, _, err := Split(batch)
		if err != nil {
			yield(Record{}, err)
			return
		}
		h, _ := ParseHeader(first) // Split has parsed it
		if h.Compressed() {
			yield(Record{}, fmt.Errorf("%w: codec %d", ErrCompressed, h.Attributes&codecMask))
			return
		}
		c := cursor{b: first, at: HeaderBytes}
		for i := range h.Count {
			r, err := c.record(i, &h)
			if err != nil {
				yield(Record{}, err)
				return
			}
			if !yield(r, nil) {
				return
			}
		}
		if c.at != len(first) {
			yield(Record{}, fmt.Errorf("%w: %d bytes follow the last of %d", ErrCount, len(first)-c.at, h.Count))
		}
	}
}

// record reads record i.
func (c *cursor) record(i int32, h *Header) (Record, error) {
	end := c.begin()
	r := Record{Offset: h.BaseOffset + int64(i), Timestamp: h.BaseTimestamp + c.varint()}
	if h.Attributes&logAppendTimeBit != 0 {
		r.Timestamp = h.MaxTimestamp
	}
	c.offsetDelta(i)
	r.Key = c.blob()
	r.Value = c.blob()
	if n := c.headerCount(); n > 0 {
		r.Headers = make([]RecordHeader, 0, n)
		for range n {
			key := string(c.headerKey())
			r.Headers = append(r.Headers, RecordHeader{Key: key, Value: c.blob()})
		}
	}
	return r, c.finish(i, end)
}

// skipRecord checks record i as record does and keeps nothing.
func (c *cursor) skipRecord(i int32) error {
	end := c.begin()
	c.varint() // timestamp delta
	c.offsetDelta(i)
	c.blob()
	c.blob()
	for range c.headerCount() {
		c.headerKey()
		c.blob()
	}
	return c.finish(i, end)
}
