package metadata

import (
	"encoding/binary"
	"math"
)

// AllocateProducers hands out a block of producer ids, never to be given again.
// Answer: Producers.
type AllocateProducers struct{ Count uint32 }

func (c AllocateProducers) kind() kind { return kindAllocateProducers }

func (c AllocateProducers) body(dst []byte) []byte {
	return binary.AppendUvarint(dst, uint64(c.Count))
}

func readAllocateProducers(r *reader) Command {
	return AllocateProducers{uint32(r.upTo(math.MaxUint32))}
}

func (c AllocateProducers) apply(t *turn) (Answer, *Error) {
	switch {
	case c.Count < 1 || c.Count > MaxProducers:
		return nil, reject(InvalidRequest, "%d producer ids: ask for 1 to %d", c.Count, MaxProducers)
	case t.nextProducer > math.MaxInt64-uint64(c.Count):
		return nil, reject(PolicyViolation, "producer ids are used up: the next is %d, and Kafka's protocol ends at %d", t.nextProducer, int64(math.MaxInt64))
	}
	first := t.nextProducer
	t.nextProducer += uint64(c.Count)
	t.changed = true
	return Producers{first, c.Count}, nil
}
