package membership

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/engine/env"
)

// ErrRefused marks a change that does not fit the membership it meets. It is
// the same on all replicas.
var ErrRefused = errors.New("membership: the change does not fit")

// ConfState is the same membership as raft knows it.
func (s State) ConfState() *raftpb.ConfState {
	cs := &raftpb.ConfState{AutoLeave: new(false)}
	for _, m := range s.Members {
		if m.Learner {
			cs.Learners = append(cs.Learners, uint64(m.ID))
		} else {
			cs.Voters = append(cs.Voters, uint64(m.ID))
		}
	}
	for _, m := range s.Outgoing {
		cs.VotersOutgoing = append(cs.VotersOutgoing, uint64(m.ID))
	}
	return cs
}

// Replace makes the change that removes a member and has its successor join as
// a learner, with the id Next. Of n only node, disk and incarnation count.
func (s State) Replace(old env.ReplicaID, n Member) (*raftpb.ConfChangeV2, error) {
	n.ID, n.Learner = s.Next, true
	return s.fits(&raftpb.ConfChangeV2{
		Transition: raftpb.ConfChangeTransition_ConfChangeTransitionJointExplicit.Enum(),
		Changes: []*raftpb.ConfChangeSingle{
			single(raftpb.ConfChangeRemoveNode, old),
			single(raftpb.ConfChangeAddLearnerNode, n.ID),
		},
		Context: appendSuccession([]byte{version}, old, n),
	})
}

// Add makes the change that has a learner with the id Next join on a node that
// has no member. Of n only node, disk and incarnation count.
func (s State) Add(n Member) (*raftpb.ConfChangeV2, error) {
	n.ID, n.Learner = s.Next, true
	return s.fits(&raftpb.ConfChangeV2{
		Changes: []*raftpb.ConfChangeSingle{single(raftpb.ConfChangeAddLearnerNode, n.ID)},
		Context: appendSuccession([]byte{version}, 0, n),
	})
}

// Promote makes the change that gives a learner its vote.
func (s State) Promote(id env.ReplicaID) (*raftpb.ConfChangeV2, error) {
	return s.fits(&raftpb.ConfChangeV2{Changes: []*raftpb.ConfChangeSingle{single(raftpb.ConfChangeAddNode, id)}})
}

// Dismiss makes the change that removes a learner.
func (s State) Dismiss(id env.ReplicaID) (*raftpb.ConfChangeV2, error) {
	return s.fits(&raftpb.ConfChangeV2{Changes: []*raftpb.ConfChangeSingle{single(raftpb.ConfChangeRemoveNode, id)}})
}

// Swap makes the one change that gives learners their votes and removes members,
// however many: a group moves from one set of nodes to another without a moment
// in which it tolerates less than either. Both lists may come in any order.
func (s State) Swap(promoted, removed []env.ReplicaID) (*raftpb.ConfChangeV2, error) {
	cc := &raftpb.ConfChangeV2{Transition: raftpb.ConfChangeTransition_ConfChangeTransitionJointExplicit.Enum()}
	for _, id := range slices.Sorted(slices.Values(removed)) {
		cc.Changes = append(cc.Changes, single(raftpb.ConfChangeRemoveNode, id))
	}
	for _, id := range slices.Sorted(slices.Values(promoted)) {
		cc.Changes = append(cc.Changes, single(raftpb.ConfChangeAddNode, id))
	}
	return s.fits(cc)
}

// fits tells whether a change fits the membership as it is now.
func (s State) fits(cc *raftpb.ConfChangeV2) (*raftpb.ConfChangeV2, error) {
	_, err := s.Apply(s.Index+1, cc)
	return cc, err
}

// Leave makes the change that ends a joint configuration.
func (s State) Leave() *raftpb.ConfChangeV2 { return &raftpb.ConfChangeV2{} }

func single(kind raftpb.ConfChangeType, id env.ReplicaID) *raftpb.ConfChangeSingle {
	return &raftpb.ConfChangeSingle{Type: kind.Enum(), NodeId: new(uint64(id))}
}

// Apply gives the membership after a change in the entry at index. An error,
// which matches ErrRefused, says that nothing changes and raft must not be told.
func (s State) Apply(index uint64, cc *raftpb.ConfChangeV2) (State, error) {
	switch shape := shapeOf(cc); {
	case shape == leaves:
		return s.leave(index)
	case shape == unknown:
		return s, fmt.Errorf("%w: a change of unknown shape", ErrRefused)
	case s.Joint():
		return s, fmt.Errorf("%w: a joint configuration is in force", ErrRefused)
	case shape == replaces:
		return s.replace(index, cc)
	case shape == adds:
		return s.add(index, cc)
	case shape == promotes:
		return s.promote(index, env.ReplicaID(cc.GetChanges()[0].GetNodeId()))
	case shape == dismisses:
		return s.dismiss(index, env.ReplicaID(cc.GetChanges()[0].GetNodeId()))
	default:
		return s.swap(index, cc)
	}
}

func (s State) leave(index uint64) (State, error) {
	if !s.Joint() {
		return s, fmt.Errorf("%w: the configuration is not joint", ErrRefused)
	}
	s.Index, s.Outgoing = index, nil
	return s, nil
}

func (s State) promote(index uint64, id env.ReplicaID) (State, error) {
	m, ok := find(s.Members, id)
	if !ok || !m.Learner {
		return s, fmt.Errorf("%w: replica %d is no learner", ErrRefused, id)
	}
	s.Index, s.Members = index, slices.Clone(s.Members)
	for i := range s.Members {
		if s.Members[i].ID == id {
			s.Members[i].Learner = false
		}
	}
	return s, nil
}

func (s State) add(index uint64, cc *raftpb.ConfChangeV2) (State, error) {
	old, n, err := decodeSuccession(cc.GetContext())
	if err != nil {
		return s, err
	}
	_, taken := s.OnNode(n.Node)
	switch {
	case old != 0 || uint64(n.ID) != cc.GetChanges()[0].GetNodeId():
		return s, fmt.Errorf("%w: the context speaks of other replicas", ErrRefused)
	case n.ID != s.Next:
		return s, fmt.Errorf("%w: replica %d is not the next, %d", ErrRefused, n.ID, s.Next)
	case taken || n.Node == 0:
		return s, fmt.Errorf("%w: node %d is none or has a member", ErrRefused, n.Node)
	case len(s.Members) == maxMembers:
		return s, fmt.Errorf("%w: %d members already", ErrRefused, maxMembers)
	}
	return State{Index: index, Next: s.Next + 1, Members: append(slices.Clone(s.Members), n)}, nil
}

func (s State) dismiss(index uint64, id env.ReplicaID) (State, error) {
	if m, ok := find(s.Members, id); !ok || !m.Learner {
		return s, fmt.Errorf("%w: replica %d is no learner", ErrRefused, id)
	}
	s.Index = index
	s.Members = slices.DeleteFunc(slices.Clone(s.Members), func(m Member) bool { return m.ID == id })
	return s, nil
}

func (s State) swap(index uint64, cc *raftpb.ConfChangeV2) (State, error) {
	out := State{Index: index, Next: s.Next, Members: slices.Clone(s.Members), Outgoing: s.voters()}
	for _, c := range cc.GetChanges() {
		id := env.ReplicaID(c.GetNodeId())
		at, ok := slices.BinarySearchFunc(out.Members, id, compareID)
		switch {
		case !ok:
			return s, fmt.Errorf("%w: replica %d is no member, or named twice", ErrRefused, id)
		case c.GetType() == raftpb.ConfChangeRemoveNode:
			out.Members = slices.Delete(out.Members, at, at+1)
		case !out.Members[at].Learner:
			return s, fmt.Errorf("%w: replica %d is no learner, or named twice", ErrRefused, id)
		default:
			out.Members[at].Learner = false
		}
	}
	if len(out.voters()) == 0 {
		return s, fmt.Errorf("%w: nobody would vote", ErrRefused)
	}
	return out, nil
}

func (s State) replace(index uint64, cc *raftpb.ConfChangeV2) (State, error) {
	old, n, err := decodeSuccession(cc.GetContext())
	if err != nil {
		return s, err
	}
	was, ok := find(s.Members, old)
	switch {
	case uint64(old) != cc.GetChanges()[0].GetNodeId() || uint64(n.ID) != cc.GetChanges()[1].GetNodeId():
		return s, fmt.Errorf("%w: the context speaks of other replicas", ErrRefused)
	case n.ID != s.Next:
		return s, fmt.Errorf("%w: replica %d is not the next, %d", ErrRefused, n.ID, s.Next)
	case !ok || was.Node != n.Node:
		return s, fmt.Errorf("%w: replica %d is no member on node %d", ErrRefused, old, n.Node)
	case was.Disk == n.Disk && was.Incarnation > n.Incarnation:
		return s, fmt.Errorf("%w: replica %d is of incarnation %d of that disk; %d is earlier", ErrRefused, old, was.Incarnation, n.Incarnation)
	}
	out := State{Index: index, Next: s.Next + 1, Outgoing: s.voters()}
	out.Members = slices.DeleteFunc(slices.Clone(s.Members), func(m Member) bool { return m.ID == old })
	if len(out.voters()) == 0 {
		return s, fmt.Errorf("%w: nobody would vote without replica %d", ErrRefused, old)
	}
	out.Members = append(out.Members, n) // Next is above all ids: the order stands
	return out, nil
}

func appendSuccession(dst []byte, old env.ReplicaID, n Member) []byte {
	for _, v := range [...]uint64{uint64(old), uint64(n.ID), uint64(n.Node), n.Disk, n.Incarnation} {
		dst = binary.AppendUvarint(dst, v)
	}
	return dst
}

func decodeSuccession(b []byte) (old env.ReplicaID, n Member, err error) {
	if len(b) == 0 || b[0] != version {
		return 0, Member{}, fmt.Errorf("%w: context of an unknown version", ErrRefused)
	}
	r := reader{b: b[1:]}
	old = env.ReplicaID(r.uvarint())
	n = Member{ID: env.ReplicaID(r.uvarint()), Node: env.NodeID(r.uvarint()), Disk: r.uvarint(), Incarnation: r.uvarint(), Learner: true}
	if r.bad || len(r.b) > 0 {
		return 0, Member{}, fmt.Errorf("%w: malformed context", ErrRefused)
	}
	return old, n, nil
}
