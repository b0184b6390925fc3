package membership

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
)

// ErrMalformed marks an encoded State that cannot be read.
var ErrMalformed = errors.New("membership: malformed membership")

const (
	version = 1
	// maxMembers bounds what a decoder believes; raft groups are far smaller.
	maxMembers = 1 << 10
)

// Append encodes the state.
func (s State) Append(dst []byte) []byte {
	dst = append(dst, version)
	dst = binary.AppendUvarint(dst, s.Index)
	dst = binary.AppendUvarint(dst, uint64(s.Next))
	dst = appendMembers(dst, s.Members)
	return appendMembers(dst, s.Outgoing)
}

func appendMembers(dst []byte, list []Member) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(list)))
	for _, m := range list {
		for _, v := range [...]uint64{uint64(m.ID), uint64(m.Node), m.Disk, m.Incarnation} {
			dst = binary.AppendUvarint(dst, v)
		}
		learner := byte(0)
		if m.Learner {
			learner = 1
		}
		dst = append(dst, learner)
	}
	return dst
}

// Decode reads what Append wrote and returns the rest.
func Decode(b []byte) (State, []byte, error) {
	if len(b) == 0 || b[0] != version {
		return State{}, nil, fmt.Errorf("%w: version missing or unknown", ErrMalformed)
	}
	r := reader{b: b[1:]}
	s := State{Index: r.uvarint(), Next: env.ReplicaID(r.uvarint())}
	s.Members, s.Outgoing = r.members(), r.members()
	if r.bad {
		return State{}, nil, fmt.Errorf("%w: cut off", ErrMalformed)
	}
	if err := s.valid(); err != nil {
		return State{}, nil, err
	}
	return s, r.b, nil
}

// valid checks what the package promises of a State.
func (s State) valid() error {
	voters, nodes := 0, []env.NodeID{}
	for i, m := range s.Members {
		switch {
		case m.ID == 0 || m.ID >= s.Next || i > 0 && m.ID <= s.Members[i-1].ID:
			return fmt.Errorf("%w: id %d is zero, out of order, or not below the next, %d", ErrMalformed, m.ID, s.Next)
		case m.Node == 0 || slices.Contains(nodes, m.Node):
			return fmt.Errorf("%w: node %d is zero or has two members", ErrMalformed, m.Node)
		}
		nodes = append(nodes, m.Node)
		if !m.Learner {
			voters++
		}
	}
	if voters == 0 {
		return fmt.Errorf("%w: nobody votes", ErrMalformed)
	}
	for i, m := range s.Outgoing {
		if m.ID == 0 || m.ID >= s.Next || i > 0 && m.ID <= s.Outgoing[i-1].ID || m.Node == 0 || m.Learner {
			return fmt.Errorf("%w: outgoing member %d", ErrMalformed, m.ID)
		}
	}
	return nil
}

// reader takes numbers from the front; bad once something was missing.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.b, r.bad = nil, true
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) members() (list []Member) {
	count := r.uvarint()
	if count > maxMembers {
		r.bad = true
	}
	for range count {
		m := Member{ID: env.ReplicaID(r.uvarint()), Node: env.NodeID(r.uvarint()), Disk: r.uvarint(), Incarnation: r.uvarint()}
		if r.bad || len(r.b) == 0 || r.b[0] > 1 {
			r.bad = true
			return nil
		}
		m.Learner, r.b = r.b[0] == 1, r.b[1:]
		list = append(list, m)
	}
	return list
}
