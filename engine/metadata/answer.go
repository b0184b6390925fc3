package metadata

import (
	"encoding/binary"
	"fmt"

	"github.com/lockstep-log/lockstep/engine/env"
)

// Answer is what an accepted command gives: one of the types below.
type Answer interface {
	append(dst []byte) []byte
}

// The kinds of answers; part of the encoding.
const (
	answerDone       = 1
	answerCreated    = 2
	answerAdded      = 3
	answerMoved      = 4
	answerProducers  = 5
	answerVersion    = 1
	answerHeadLength = 2
)

// Done answers commands that have nothing else to tell.
type Done struct {
	Changed bool // false: all was so already
}

// TopicCreated answers CreateTopic. The groups of the partitions follow each
// other from First on.
type TopicCreated struct {
	ID         TopicID
	First      env.GroupID
	Partitions int
}

// PartitionsAdded answers AddPartitions: Count partitions, numbered from From on,
// in groups from First on.
type PartitionsAdded struct {
	First env.GroupID
	From  int32
	Count int
}

// Moved answers Reassign and CancelReassign.
type Moved struct {
	Partitions int // whose wish changed
	Skipped    int // that the command did not fit any more
}

// Producers answers AllocateProducers: the ids from First on are the caller's.
type Producers struct {
	First uint64
	Count uint32
}

func appendNumbers(dst []byte, kind byte, numbers ...uint64) []byte {
	dst = append(dst, answerVersion, kind)
	for _, n := range numbers {
		dst = binary.AppendUvarint(dst, n)
	}
	return dst
}

func (a Done) append(dst []byte) []byte {
	return appendFlag(appendNumbers(dst, answerDone), a.Changed)
}

func (a TopicCreated) append(dst []byte) []byte {
	return appendNumbers(dst, answerCreated, uint64(a.ID), uint64(a.First), uint64(a.Partitions))
}

func (a PartitionsAdded) append(dst []byte) []byte {
	return appendNumbers(dst, answerAdded, uint64(a.First), uint64(a.From), uint64(a.Count))
}

func (a Moved) append(dst []byte) []byte {
	return appendNumbers(dst, answerMoved, uint64(a.Partitions), uint64(a.Skipped))
}

func (a Producers) append(dst []byte) []byte {
	return appendNumbers(dst, answerProducers, a.First, uint64(a.Count))
}

// AppendAnswer encodes an answer: the Data of a machine.Result.
func AppendAnswer(dst []byte, a Answer) []byte { return a.append(dst) }

// DecodeAnswer reads what AppendAnswer wrote.
func DecodeAnswer(b []byte) (a Answer, err error) {
	if len(b) < answerHeadLength {
		return nil, fmt.Errorf("%w: an answer of %d bytes", ErrMalformed, len(b))
	}
	if b[0] != answerVersion {
		return nil, fmt.Errorf("%w: an answer of version %d", ErrVersion, b[0])
	}
	r := &reader{b: b[answerHeadLength:]}
	switch b[1] {
	case answerDone:
		a = Done{Changed: r.flag()}
	case answerCreated:
		a = TopicCreated{TopicID(r.uvarint()), env.GroupID(r.uvarint()), int(r.upTo(MaxPartitions))}
	case answerAdded:
		a = PartitionsAdded{env.GroupID(r.uvarint()), int32(r.upTo(MaxPartitions)), int(r.upTo(MaxPartitions))}
	case answerMoved:
		a = Moved{int(r.upTo(MaxMoves)), int(r.upTo(MaxMoves))}
	case answerProducers:
		a = Producers{r.uvarint(), uint32(r.upTo(MaxProducers))}
	default:
		return nil, fmt.Errorf("%w: an answer of kind %d", ErrVersion, b[1])
	}
	if err := r.end("an answer"); err != nil {
		return nil, err
	}
	return a, nil
}
