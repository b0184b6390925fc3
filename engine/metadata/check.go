package metadata

import (
	"fmt"
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
)

// describe names a partition in the text of an error.
func (s *State) describe(p *Partition) string {
	return fmt.Sprintf("%s/%d (group %d)", s.TopicByID(p.Topic).Name, p.Number, p.Group)
}

func (s *State) checkRoom(name string, more int) *Error {
	if s.groups.size+more > MaxPartitions {
		return reject(PolicyViolation, "topic %s: %d partitions more than the %d there are would pass the limit of %d: ask for fewer, or delete topics", name, more, s.groups.size, MaxPartitions)
	}
	return nil
}

func checkFactor(name string, factor int, unreplicated bool) *Error {
	switch {
	case factor < 1 || factor > MaxFactor:
		return reject(InvalidReplicationFactor, "topic %s: %d replicas a partition: give 1 to %d", name, factor, MaxFactor)
	case unreplicated && factor != 1:
		return reject(InvalidReplicationFactor, "topic %s is unreplicated, but has %d replicas a partition: give 1", name, factor)
	}
	return nil
}

// checkPlacement checks where new partitions, numbered from first on, are to go.
func (s *State) checkPlacement(name string, first, factor int, placement [][]env.NodeID) *Error {
	for i, nodes := range placement {
		where := fmt.Sprintf("topic %s, partition %d", name, first+i)
		if len(nodes) != factor {
			return reject(InvalidReplicaAssignment, "%s: %d nodes, but a partition of this topic has %d replicas: name as many", where, len(nodes), factor)
		}
		if bad := s.checkNodes(where, nodes, nil); bad != nil {
			return bad
		}
	}
	return nil
}

// checkNodes checks that replicas may go to these nodes. What the nodes of has
// have already they may keep, unless they are gone.
func (s *State) checkNodes(where string, nodes, has []env.NodeID) *Error {
	for i, id := range nodes {
		n, known := s.Node(id)
		switch {
		case !known:
			return reject(InvalidReplicaAssignment, "%s: the cluster has no node %d: name registered nodes", where, id)
		case slices.Contains(nodes[:i], id):
			return reject(InvalidReplicaAssignment, "%s: node %d is named twice: name different nodes", where, id)
		case n.State == Gone:
			return reject(InvalidReplicaAssignment, "%s: node %d was removed from the cluster: name another", where, id)
		case n.State != Active && !slices.Contains(has, id):
			return reject(InvalidReplicaAssignment, "%s: node %d is %s and takes no replicas: name active nodes", where, id, n.State)
		}
	}
	return nil
}
