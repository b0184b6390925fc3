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
const metaVersion = 2

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

// GenesisMeta is the engine state of a new group: everyone is a member and in
// sync.
func GenesisMeta(members []membership.Member) []byte {
	m := meta{members: membership.Genesis(members)}
	for _, one := range m.members.Members {
		m.insync.Members = append(m.insync.Members, one.ID)
	}
	return m.encode()
}

// meta is what the replica keeps of its own in a checkpoint: replicated state,
// after the checkpoint's entry.
type meta struct {
	insync  isr.State
	members membership.State
}

func (m meta) encode() []byte {
	return m.members.Append(m.insync.Append([]byte{metaVersion}))
}

func decodeMeta(b []byte) (m meta, err error) {
	if len(b) == 0 || b[0] != metaVersion {
		return meta{}, fmt.Errorf("%w: version missing or unknown", ErrMeta)
	}
	rest := b[1:]
	if m.insync, rest, err = isr.DecodeState(rest); err != nil {
		return meta{}, fmt.Errorf("%w: %w", ErrMeta, err)
	}
	if m.members, rest, err = membership.Decode(rest); err != nil {
		return meta{}, fmt.Errorf("%w: %w", ErrMeta, err)
	}
	if len(rest) != 0 {
		return meta{}, fmt.Errorf("%w: %d bytes left over", ErrMeta, len(rest))
	}
	return m, nil
}
