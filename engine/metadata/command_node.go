package metadata

import (
	"encoding/binary"
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
)

// RegisterNode announces a node (Disk and Incarnation 0), or is a node's own
// word on where it is and which life of it this is. The first announcement
// makes it Joining, the first own word Active. Each sets address and rack.
// Repeating it changes nothing. Answer: Done.
//
// Refused: the id of a removed node, an earlier incarnation of the same disk,
// the disk of another node.
type RegisterNode struct {
	Node        env.NodeID
	Address     string
	Rack        string
	Disk        uint64
	Incarnation uint64
}

func (c RegisterNode) kind() kind { return kindRegisterNode }

func (c RegisterNode) body(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(c.Node))
	dst = appendText(appendText(dst, c.Address), c.Rack)
	dst = binary.AppendUvarint(dst, c.Disk)
	return binary.AppendUvarint(dst, c.Incarnation)
}

func readRegisterNode(r *reader) Command {
	return RegisterNode{env.NodeID(r.uvarint()), r.text(maxText), r.text(maxText), r.uvarint(), r.uvarint()}
}

func (c RegisterNode) apply(t *turn) (Answer, *Error) {
	was, known := t.Node(c.Node)
	if bad := c.check(&t.State, was, known); bad != nil {
		return nil, bad
	}
	n := was
	if !known {
		n = Node{ID: c.Node, State: Joining}
	}
	n.Address, n.Rack = c.Address, c.Rack
	if c.Disk != 0 {
		n.Disk, n.Incarnation = c.Disk, c.Incarnation
		if n.State == Joining {
			n.State = Active
		}
	}
	if n != was {
		t.putNode(n)
	}
	return Done{Changed: n != was}, nil
}

func (c RegisterNode) check(s *State, was Node, known bool) *Error {
	if bad := checkNodeFields(c); bad != nil {
		return bad
	}
	if !known && s.nodes.size >= MaxNodes {
		return reject(PolicyViolation, "node %d: the cluster has had %d nodes, which is the limit: register under the id of a node that is not removed", c.Node, s.nodes.size)
	}
	if was.State == Gone {
		return reject(DuplicateBrokerRegistration, "node %d was removed from the cluster, and its id is never given again: format the node under a fresh id", c.Node)
	}
	if c.Disk == 0 {
		return nil
	}
	if c.Disk == was.Disk && c.Incarnation < was.Incarnation {
		return reject(StaleBrokerEpoch, "node %d: incarnation %d of disk %x came after incarnation %d: stop the process or the copy that runs as the earlier one", c.Node, was.Incarnation, c.Disk, c.Incarnation)
	}
	for _, r := range s.nodes.all() {
		if r.node.Disk == c.Disk && r.node.ID != c.Node {
			return reject(DuplicateBrokerRegistration, "node %d: disk %x belongs to node %d: format an empty directory, do not copy one", c.Node, c.Disk, r.node.ID)
		}
	}
	return nil
}

func checkNodeFields(c RegisterNode) *Error {
	switch {
	case c.Node == 0 || c.Node > MaxNodeID:
		return reject(InvalidRequest, "node id %d: choose 1 to %d", c.Node, MaxNodeID)
	case c.Disk == 0 && c.Incarnation != 0:
		return reject(InvalidRequest, "node %d: incarnation %d of no disk: give the disk's id", c.Node, c.Incarnation)
	}
	if bad := checkText("address", c.Address); bad != nil {
		return bad
	}
	return checkText("rack", c.Rack)
}

// RemoveNode removes a node for ever. It must hold nothing; Force is for a node
// that is lost: what it held counts as lost, and wishes that name it are for
// State.Evacuate to change. Removing a removed one changes nothing. Answer: Done.
type RemoveNode struct {
	Node  env.NodeID
	Force bool
}

func (c RemoveNode) kind() kind { return kindRemoveNode }

func (c RemoveNode) body(dst []byte) []byte {
	return appendFlag(binary.AppendUvarint(dst, uint64(c.Node)), c.Force)
}

func readRemoveNode(r *reader) Command {
	return RemoveNode{env.NodeID(r.uvarint()), r.flag()}
}

func (c RemoveNode) apply(t *turn) (Answer, *Error) {
	n, known := t.Node(c.Node)
	switch {
	case !known:
		return nil, unknownNode(c.Node)
	case n.State == Gone:
		return Done{}, nil
	}
	if held := t.Load(c.Node).Held; held > 0 && !c.Force {
		return nil, reject(InvalidRequest, "node %d may hold replicas of %d partitions (%s among them): drain it and wait, or force the removal if it is lost", c.Node, held, t.describe(t.firstOn(c.Node)))
	}
	n.State = Gone
	t.putNode(n)
	var deleting []*Partition
	for p := range t.GroupsOn(c.Node) {
		if t.TopicByID(p.Topic).Deleting {
			deleting = append(deleting, p)
		}
	}
	for _, p := range deleting {
		t.drop(p, c.Node)
	}
	return Done{Changed: true}, nil
}

// DrainNode has a node get no replicas any more; State.Evacuate says where those
// it has should go. Draining a draining one changes nothing. Answer: Done.
//
// Refused: where what the node has would find no other place.
type DrainNode struct{ Node env.NodeID }

func (c DrainNode) kind() kind { return kindDrainNode }

func (c DrainNode) body(dst []byte) []byte { return binary.AppendUvarint(dst, uint64(c.Node)) }

func readDrainNode(r *reader) Command { return DrainNode{env.NodeID(r.uvarint())} }

func (c DrainNode) apply(t *turn) (Answer, *Error) {
	n, known := t.Node(c.Node)
	switch {
	case !known:
		return nil, unknownNode(c.Node)
	case n.State == Gone:
		return nil, removedNode(c.Node)
	case n.State == Draining:
		return Done{}, nil
	}
	if bad := c.check(&t.State); bad != nil {
		return nil, bad
	}
	n.State = Draining
	t.putNode(n)
	return Done{Changed: true}, nil
}

// check finds a partition that could not leave the node.
func (c DrainNode) check(s *State) *Error {
	others := 0
	for _, r := range s.nodes.all() {
		if r.node.State == Active && r.node.ID != c.Node {
			others++
		}
	}
	for p := range s.GroupsOn(c.Node) {
		switch {
		case s.TopicByID(p.Topic).Deleting || !slices.Contains(p.Wish, c.Node): // it is leaving already
		case p.Unreplicated:
			return reject(InvalidRequest, "node %d has %s, which is unreplicated and cannot move: delete the topic first", c.Node, s.describe(p))
		case len(p.Wish) > others:
			return reject(InvalidReplicationFactor, "node %d has a replica of %s, whose %d replicas do not fit on the other %d active nodes: add a node first, or reassign it to fewer", c.Node, s.describe(p), len(p.Wish), others)
		}
	}
	return nil
}

// UndrainNode ends the draining of a node. What has moved stays where it is.
// A node that is not draining stays as it is. Answer: Done.
type UndrainNode struct{ Node env.NodeID }

func (c UndrainNode) kind() kind { return kindUndrainNode }

func (c UndrainNode) body(dst []byte) []byte { return binary.AppendUvarint(dst, uint64(c.Node)) }

func readUndrainNode(r *reader) Command { return UndrainNode{env.NodeID(r.uvarint())} }

func (c UndrainNode) apply(t *turn) (Answer, *Error) {
	n, known := t.Node(c.Node)
	switch {
	case !known:
		return nil, unknownNode(c.Node)
	case n.State == Gone:
		return nil, removedNode(c.Node)
	case n.State != Draining:
		return Done{}, nil
	}
	n.State = Active
	if n.Disk == 0 {
		n.State = Joining
	}
	t.putNode(n)
	return Done{Changed: true}, nil
}

func unknownNode(id env.NodeID) *Error {
	return reject(BrokerIDNotRegistered, "the cluster has no node %d: list the nodes, or register it first", id)
}

func removedNode(id env.NodeID) *Error {
	return reject(BrokerIDNotRegistered, "node %d was removed from the cluster: name another", id)
}

// firstOn is the lowest group that may have a replica on a node; nil: none.
func (s *State) firstOn(id env.NodeID) *Partition {
	for p := range s.GroupsOn(id) {
		return p
	}
	return nil
}
