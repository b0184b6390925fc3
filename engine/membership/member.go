package membership

import (
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
)

// Member is one replica of a group: which id speaks for it, on which node, and
// to which life of that node the id was given.
type Member struct {
	ID   env.ReplicaID
	Node env.NodeID
	// Disk and Incarnation name the life that asked for the id; 0 of a member from
	// the group's genesis.
	Disk, Incarnation uint64
	Learner           bool
}

// State is a group's membership: the same on every replica that applied the
// entry at Index. A State is never changed in place.
type State struct {
	Index    uint64        // of the entry that made it; 0 at genesis
	Next     env.ReplicaID // the next fresh id: above every id ever used
	Members  []Member      // by id; in a joint configuration the incoming half
	Outgoing []Member      // by id; the voters being left; empty: not joint
}

// Genesis is the membership a group begins with.
func Genesis(members []Member) State {
	s := State{Members: slices.Clone(members)}
	sortByID(s.Members)
	for _, m := range s.Members {
		s.Next = max(s.Next, m.ID)
	}
	s.Next++
	return s
}

// Member finds a member, incoming or outgoing, by its id.
func (s State) Member(id env.ReplicaID) (Member, bool) {
	if m, ok := find(s.Members, id); ok {
		return m, true
	}
	return find(s.Outgoing, id)
}

// Node is where a member lives; 0 if it is none.
func (s State) Node(id env.ReplicaID) env.NodeID {
	m, _ := s.Member(id)
	return m.Node
}

// OnNode finds the member on a node; the incoming one of a joint configuration.
func (s State) OnNode(n env.NodeID) (Member, bool) {
	for _, list := range [...][]Member{s.Members, s.Outgoing} {
		for _, m := range list {
			if m.Node == n {
				return m, true
			}
		}
	}
	return Member{}, false
}

// voters are the members that vote, of a joint configuration the incoming ones.
func (s State) voters() (out []Member) {
	for _, m := range s.Members {
		if !m.Learner {
			out = append(out, m)
		}
	}
	return out
}

// Joint tells whether two configurations are in force at once.
func (s State) Joint() bool { return len(s.Outgoing) > 0 }

func find(list []Member, id env.ReplicaID) (Member, bool) {
	i, ok := slices.BinarySearchFunc(list, id, compareID)
	if !ok {
		return Member{}, false
	}
	return list[i], true
}

func compareID(m Member, id env.ReplicaID) int {
	switch {
	case m.ID < id:
		return -1
	case m.ID > id:
		return 1
	default:
		return 0
	}
}

func sortByID(list []Member) {
	slices.SortFunc(list, func(a, b Member) int { return compareID(a, b.ID) })
}
