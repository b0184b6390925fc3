package ship

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/lockstep-log/lockstep/engine/env"
)

// Ref names a manifest; it is what the data of raft's snapshot holds, in 37 bytes:
// version 1, then group, index, term, bytes (8 each, little-endian) and sum (4).
type Ref struct {
	Group       env.GroupID
	Index, Term uint64 // of the checkpoint
	Bytes       int64  // of the encoded manifest
	Sum         uint32 // CRC32C of it
}

// ErrRef marks bytes that are no Ref.
var ErrRef = errors.New("ship: no reference to a manifest")

const (
	refVersion = 1
	refBytes   = 37
)

// Append encodes the reference: version byte, group, index, term, bytes, sum.
func (r Ref) Append(dst []byte) []byte {
	dst = append(dst, refVersion)
	for _, v := range [...]uint64{uint64(r.Group), r.Index, r.Term, uint64(r.Bytes)} {
		dst = binary.LittleEndian.AppendUint64(dst, v)
	}
	return binary.LittleEndian.AppendUint32(dst, r.Sum)
}

// ParseRef reads what Append wrote.
func ParseRef(b []byte) (Ref, error) {
	if len(b) != refBytes || b[0] != refVersion {
		return Ref{}, fmt.Errorf("%w: %d bytes", ErrRef, len(b))
	}
	at := func(i int) uint64 { return binary.LittleEndian.Uint64(b[1+8*i:]) }
	r := Ref{Group: env.GroupID(at(0)), Index: at(1), Term: at(2), Bytes: int64(at(3)), Sum: binary.LittleEndian.Uint32(b[33:])}
	if r.Bytes < 0 {
		return Ref{}, fmt.Errorf("%w: negative size", ErrRef)
	}
	return r, nil
}
