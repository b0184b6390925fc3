package producer

import (
	"errors"
	"fmt"
)

// Why a batch is refused, to be matched with errors.Is. Each stands for one code
// of the Kafka protocol.
var (
	// ErrOutOfOrderSequence is code 45: a batch before this one is missing, or it
	// is an old one that nobody waits for any more.
	ErrOutOfOrderSequence = errors.New("out of order sequence number")
	// ErrInvalidProducerEpoch is code 47: another instance of the producer has
	// taken over.
	ErrInvalidProducerEpoch = errors.New("invalid producer epoch")
	// ErrInvalidBatch is code 87: no producer makes such a batch.
	ErrInvalidBatch = errors.New("invalid record")
)

// What is wrong with an encoded table or with settings.
var (
	ErrVersion   = errors.New("producer table was written by another version")
	ErrMalformed = errors.New("malformed producer table")
	ErrSettings  = errors.New("invalid settings of the producer table")
)

// Refusal is why a batch was not appended: one of the errors above, with what
// was expected. It is a function of the table and the batch.
type Refusal struct {
	Why   error
	Batch Batch
	Epoch int16 // the producer's current one; -1: it is unknown
	Next  int32 // the sequence that it goes on with; after a later epoch 0
}

// Error names the producer, what came and what was expected.
func (r *Refusal) Error() string {
	b := r.Batch
	switch {
	case errors.Is(r.Why, ErrInvalidProducerEpoch):
		return fmt.Sprintf("%v: producer %d sends in epoch %d and is in epoch %d: it was replaced, and has to ask for a new id",
			r.Why, b.ProducerID, b.Epoch, r.Epoch)
	case errors.Is(r.Why, ErrOutOfOrderSequence):
		return fmt.Sprintf("%v: producer %d sends sequence %d in epoch %d, expected %d after epoch %d",
			r.Why, b.ProducerID, b.FirstSequence, b.Epoch, r.Next, r.Epoch)
	default:
		return fmt.Sprintf("%v: producer %d, epoch %d, sequence %d, %d records: none may be negative, and one record is the least",
			r.Why, b.ProducerID, b.Epoch, b.FirstSequence, b.Count)
	}
}

// Unwrap gives the reason.
func (r *Refusal) Unwrap() error { return r.Why }
