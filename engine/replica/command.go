package replica

import (
	"errors"
	"fmt"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/isr"
	"github.com/lockstep-log/lockstep/engine/membership"
)

// The first byte of an entry's data says whose command it is. Empty data is
// raft's own entry at the start of a term.
const (
	commandMachine = 0x00 // the rest is the machine's
	commandISR     = 0x80 // the rest is the new in-sync set
)

// metaVersion is the version of what the replica keeps in a checkpoint.
const metaVersion = 1

// ErrMeta marks a checkpoint whose engine state cannot be read.
var ErrMeta = errors.New("replica: unreadable engine state in the checkpoint")

// AppendCommand wraps a machine's command for Propose.
func AppendCommand(dst []byte, data ...[]byte) []byte {
	dst = append(dst, commandMachine)
	for _, part := range data {
		dst = append(dst, part...)
	}
	return dst
}

func isrCommand(members []env.ReplicaID) []byte {
	return isr.AppendMembers([]byte{commandISR}, members)
}

// GenesisMeta is the engine state of a new replica: everyone is in sync.
func GenesisMeta(members []membership.Member) []byte {
	var s isr.State
	for _, m := range members {
		s.Members = append(s.Members, m.ID)
	}
	return encodeMeta(s)
}

func encodeMeta(s isr.State) []byte { return s.Append([]byte{metaVersion}) }

func decodeMeta(b []byte) (isr.State, error) {
	if len(b) == 0 || b[0] != metaVersion {
		return isr.State{}, fmt.Errorf("%w: version missing or unknown", ErrMeta)
	}
	s, rest, err := isr.DecodeState(b[1:])
	if err != nil || len(rest) != 0 {
		return isr.State{}, errors.Join(fmt.Errorf("%w: in-sync set, %d bytes left over", ErrMeta, len(rest)), err)
	}
	return s, nil
}
