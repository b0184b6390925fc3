package memstate

import "github.com/lockstep-log/lockstep/engine/machine"

// State is the user's part of a machine: what is replicated, and nothing of how.
// All methods run on the node's loop.
type State interface {
	// Apply executes a command and answers its proposer. It is a function of the
	// state and the entry: no clock, no randomness, no map's order, no local
	// configuration. A command that makes no sense is an answer too (Result.Err),
	// never a panic. e.Data has at least one byte: entries of the engine's own do
	// not come here. It is shared and must not be changed. Result.Offset is not looked
	// at: it becomes -1.
	Apply(e machine.Entry) machine.Result

	// Save appends the whole state to dst. Equal states give equal bytes on all
	// replicas: sort what comes from a map. What may ever change should begin with a
	// version.
	Save(dst []byte) []byte

	// Load makes a fresh state what Save wrote. b is intact; it is shared and must
	// not be changed. An error, such as that of an unknown version, takes the replica
	// out of service.
	Load(b []byte) error

	// Fingerprint digests the state. Equal states have equal fingerprints.
	Fingerprint() uint64
}
