package producer

import "math"

// None is the id of no producer: such a batch is not checked.
const None = -1

// Batch is what a record batch's header says of its producer.
type Batch struct {
	ProducerID    int64 // None: not from an idempotent producer
	Epoch         int16
	FirstSequence int32
	Count         int32 // records
}

// LastSequence is that of the batch's last record.
func (b Batch) LastSequence() int32 { return NextSequence(b.FirstSequence, b.Count-1) }

// NextSequence is the sequence that comes count records after sequence. Sequences
// are 0 to 2147483647, and go on at 0.
func NextSequence(sequence, count int32) int32 {
	return int32((uint32(sequence) + uint32(count)) & math.MaxInt32)
}

// valid tells whether a batch with a producer id can be one of a producer.
func (b Batch) valid() bool {
	return b.ProducerID >= 0 && b.Epoch >= 0 && b.FirstSequence >= 0 && b.Count > 0
}
