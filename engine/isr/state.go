package isr

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
)

// State is the replicated in-sync set.
type State struct {
	// Version is the raft index of the entry that set it; 0 at genesis.
	Version uint64
	// Members are sorted. They are empty only after the last of them left the
	// group, until the leader's next command.
	Members []env.ReplicaID
}

// ErrMalformed marks an encoded State that cannot be read.
var ErrMalformed = errors.New("isr: malformed in-sync set")

// maxMembers bounds what a decoder believes; raft groups are far smaller.
const maxMembers = 1 << 10

// Contains tells whether the replica is a member.
func (s State) Contains(id env.ReplicaID) bool { return slices.Contains(s.Members, id) }

// Without is the set after a replica left the group in the entry at version; the
// same state if it was no member.
func (s State) Without(id env.ReplicaID, version uint64) State {
	i, ok := slices.BinarySearch(s.Members, id)
	if !ok {
		return s
	}
	return State{Version: version, Members: slices.Delete(slices.Clone(s.Members), i, i+1)}
}

// AppendMembers encodes a set: count, then ids, as uvarints.
func AppendMembers(dst []byte, members []env.ReplicaID) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(members)))
	for _, id := range members {
		dst = binary.AppendUvarint(dst, uint64(id))
	}
	return dst
}

// DecodeMembers reads what AppendMembers wrote and returns the rest. Members
// must be non-zero, sorted and unique.
func DecodeMembers(b []byte) (members []env.ReplicaID, rest []byte, err error) {
	count, n := binary.Uvarint(b)
	if n <= 0 || count > maxMembers || count > uint64(len(b)-n) {
		return nil, nil, fmt.Errorf("%w: bad member count", ErrMalformed)
	}
	b = b[n:]
	last := uint64(0)
	for i := range count {
		id, n := binary.Uvarint(b)
		if n <= 0 || id <= last {
			return nil, nil, fmt.Errorf("%w: member %d is cut off, zero or out of order", ErrMalformed, i)
		}
		members, last, b = append(members, env.ReplicaID(id)), id, b[n:]
	}
	return members, b, nil
}

// Append encodes the state: version, then members.
func (s State) Append(dst []byte) []byte {
	return AppendMembers(binary.AppendUvarint(dst, s.Version), s.Members)
}

// DecodeState reads what Append wrote and returns the rest.
func DecodeState(b []byte) (s State, rest []byte, err error) {
	version, n := binary.Uvarint(b)
	if n <= 0 {
		return State{}, nil, fmt.Errorf("%w: no version", ErrMalformed)
	}
	members, rest, err := DecodeMembers(b[n:])
	return State{Version: version, Members: members}, rest, err
}
