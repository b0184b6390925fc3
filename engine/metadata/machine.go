package metadata

import (
	"errors"
	"fmt"
	"hash/fnv"

	"github.com/lockstep-log/lockstep/engine/machine"
)

// Machine holds the newest state of one replica of the metadata group. It has
// the part of a machine.StateMachine that needs no disk.
type Machine struct{ state *State }

// NewMachine begins with a state.
func NewMachine(s *State) *Machine { return &Machine{state: s} }

// State is the newest state. It stays as it is while the machine goes on.
func (m *Machine) State() *State { return m.state }

// Apply applies an entry. Data of the result is an encoded Answer, Err an *Error
// or, for bytes that nobody wrote, ErrMalformed; both are equal on all replicas.
// Empty data changes nothing. It panics on a command of a newer version: this
// replica cannot know what it does, so it must not go on.
func (m *Machine) Apply(index uint64, data []byte) machine.Result {
	result := machine.Result{Offset: -1}
	if len(data) == 0 {
		return result
	}
	c, err := DecodeCommand(data)
	switch {
	case errors.Is(err, ErrVersion):
		panic(fmt.Errorf("entry %d: %w", index, err))
	case err != nil:
		result.Err = err
		return result
	}
	next, answer, err := m.state.Do(index, c)
	m.state, result.Err = next, err
	if err == nil {
		result.Data = AppendAnswer(nil, answer)
	}
	return result
}

// Append encodes the state.
func (m *Machine) Append(dst []byte) []byte { return m.state.Append(dst) }

// Restore replaces the state by an encoded one. An error changes nothing.
func (m *Machine) Restore(b []byte) error {
	s, err := Decode(b)
	if err != nil {
		return err
	}
	m.state = s
	return nil
}

// Fingerprint digests the state: equal states have equal ones.
func (m *Machine) Fingerprint() uint64 { return m.state.Fingerprint() }

// typicalBytes is what a partition of three replicas needs in the encoding, with
// something of its topic.
const typicalBytes = 64

// Fingerprint digests the state: the FNV-1a sum of its encoding.
func (s *State) Fingerprint() uint64 {
	h := fnv.New64a()
	_, _ = h.Write(s.Append(make([]byte, 0, 1<<10+s.groups.size*typicalBytes))) // never fails
	return h.Sum64()
}
