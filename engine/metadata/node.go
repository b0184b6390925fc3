package metadata

import (
	"github.com/lockstep-log/lockstep/engine/env"
)

// NodeState says what a node is good for. The numbers are part of the encodings.
type NodeState uint8

// The states of a node.
const (
	Joining  NodeState = 1 // announced, not heard of: gets no replicas
	Active   NodeState = 2 // has registered itself
	Draining NodeState = 3 // gets no new replicas; those it has move away
	Gone     NodeState = 4 // removed for ever: its id is never given again
)

// String names the state.
func (s NodeState) String() string {
	switch s {
	case Joining:
		return "joining"
	case Active:
		return "active"
	case Draining:
		return "draining"
	case Gone:
		return "gone"
	}
	return "unknown"
}

// Node is one machine of the cluster. Disk and Incarnation name the life that
// registered last; both are 0 of a node that never did.
type Node struct {
	ID          env.NodeID
	Address     string // where peers and clients reach it
	Rack        string // what fails together; "" is a rack like any other
	Disk        uint64
	Incarnation uint64 // counts the starts of a process on the disk
	State       NodeState
}

// Load is what a node has to bear, of topics that are not being deleted.
type Load struct {
	Replicas int // wishes that name the node
	Leaders  int // wishes that name it first
	Held     int // partitions that may have a replica on it, of all topics
}

// resident is a node with what is placed on it: an index of the partitions.
type resident struct {
	owner    *edit
	node     Node
	groups   trie[struct{}] // that may have a replica here
	replicas int
	leaders  int
}

func (r *resident) load() Load {
	return Load{Replicas: r.replicas, Leaders: r.leaders, Held: r.groups.size}
}
