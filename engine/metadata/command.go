package metadata

import (
	"fmt"
)

// commandVersion is the version of the encoding of all commands.
const commandVersion = 1

// kind is the second byte of a command.
type kind byte

// The kinds of commands. They are part of the encoding.
const (
	kindRegisterNode      kind = 1
	kindRemoveNode        kind = 2
	kindDrainNode         kind = 3
	kindUndrainNode       kind = 4
	kindCreateTopic       kind = 5
	kindDeleteTopic       kind = 6
	kindReportDropped     kind = 7
	kindAlterTopic        kind = 8
	kindAddPartitions     kind = 9
	kindReassign          kind = 10
	kindCancelReassign    kind = 11
	kindSettled           kind = 12
	kindAllocateProducers kind = 13
)

// Command is what the state can be told; the types of this package are all
// there are.
type Command interface {
	kind() kind
	// body appends the fields.
	body(dst []byte) []byte
	// apply changes t or rejects.
	apply(t *turn) (Answer, *Error)
}

// bodies reads the fields of each kind.
var bodies = [...]func(r *reader) Command{
	kindRegisterNode:      readRegisterNode,
	kindRemoveNode:        readRemoveNode,
	kindDrainNode:         readDrainNode,
	kindUndrainNode:       readUndrainNode,
	kindCreateTopic:       readCreateTopic,
	kindDeleteTopic:       readDeleteTopic,
	kindReportDropped:     readReportDropped,
	kindAlterTopic:        readAlterTopic,
	kindAddPartitions:     readAddPartitions,
	kindReassign:          readReassign,
	kindCancelReassign:    readCancelReassign,
	kindSettled:           readSettled,
	kindAllocateProducers: readAllocateProducers,
}

// AppendCommand encodes a command: the data of an entry.
func AppendCommand(dst []byte, c Command) []byte {
	return c.body(append(dst, commandVersion, byte(c.kind())))
}

// DecodeCommand reads what AppendCommand wrote. The error is ErrVersion if this
// program is too old for it, ErrMalformed if nobody wrote it.
func DecodeCommand(b []byte) (Command, error) {
	switch {
	case len(b) < 2:
		return nil, fmt.Errorf("%w: a command of %d bytes", ErrMalformed, len(b))
	case b[0] != commandVersion:
		return nil, fmt.Errorf("%w: a command of version %d", ErrVersion, b[0])
	case int(b[1]) >= len(bodies) || bodies[b[1]] == nil:
		return nil, fmt.Errorf("%w: a command of kind %d", ErrVersion, b[1])
	}
	r := &reader{b: b[2:]}
	c := bodies[b[1]](r)
	if err := r.end("a command"); err != nil {
		return nil, err
	}
	return c, nil
}
