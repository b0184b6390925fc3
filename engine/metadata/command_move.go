package metadata

import (
	"encoding/binary"
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
)

// Reassign changes where replicas should be, all of the moves or, rejected, none.
// Nodes that are wished for already change nothing; in another order they change
// only who the preferred leader is. Answer: Moved.
type Reassign struct{ Moves []Move }

// Move is another wish for one partition.
type Move struct {
	Group env.GroupID
	Nodes []env.NodeID // the preferred leader first
	// Replaces is the version of the wish that the move was made for: where there
	// is another by now, the move is skipped. 0: any, and nothing is skipped.
	Replaces uint64
}

func (c Reassign) kind() kind { return kindReassign }

func (c Reassign) body(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(c.Moves)))
	for _, m := range c.Moves {
		dst = appendNodes(binary.AppendUvarint(dst, uint64(m.Group)), m.Nodes)
		dst = binary.AppendUvarint(dst, m.Replaces)
	}
	return dst
}

func readReassign(r *reader) Command {
	return Reassign{list(r, MaxMoves, func() Move {
		return Move{env.GroupID(r.uvarint()), r.nodes(), r.uvarint()}
	})}
}

func (c Reassign) apply(t *turn) (Answer, *Error) {
	if bad := checkCount(len(c.Moves)); bad != nil {
		return nil, bad
	}
	var answer Moved
	seen := make(map[env.GroupID]bool, len(c.Moves))
	for _, m := range c.Moves {
		if seen[m.Group] {
			return nil, reject(InvalidRequest, "group %d is moved twice in one command: move it once", m.Group)
		}
		seen[m.Group] = true
		p, bad := t.live(m.Group)
		if m.Replaces != 0 && (bad != nil || p.WishVersion != m.Replaces) {
			answer.Skipped++
			continue
		}
		if bad == nil {
			bad = t.checkMove(p, m.Nodes)
		}
		if bad != nil {
			return nil, bad
		}
		if next := p.wished(m.Nodes, t.index); next != p {
			t.putPartition(p, next)
			answer.Partitions++
		}
	}
	return answer, nil
}

func checkCount(n int) *Error {
	if n < 1 || n > MaxMoves {
		return reject(InvalidRequest, "%d partitions in one command: give 1 to %d", n, MaxMoves)
	}
	return nil
}

// live finds a partition of a live topic.
func (s *State) live(g env.GroupID) (*Partition, *Error) {
	p := s.Partition(g)
	if p == nil || s.TopicByID(p.Topic).Deleting {
		return nil, reject(UnknownTopicOrPartition, "group %d is no partition of a topic: look the partition up again", g)
	}
	return p, nil
}

func (s *State) checkMove(p *Partition, nodes []env.NodeID) *Error {
	where := s.describe(p)
	switch {
	case p.Unreplicated && !slices.Equal(nodes, p.Wish):
		return reject(InvalidReplicaAssignment, "%s is unreplicated and cannot move: create a topic on the other node instead", where)
	case len(nodes) < 1 || len(nodes) > MaxFactor:
		return reject(InvalidReplicaAssignment, "%s: %d nodes: name 1 to %d", where, len(nodes), MaxFactor)
	}
	if v, ok := s.TopicByID(p.Topic).Configs.Get(MinISR); ok && v > int64(len(nodes)) {
		return reject(InvalidReplicaAssignment, "%s: %d nodes, but %s is %d: name as many, or lower it first", where, len(nodes), MinISR, v)
	}
	return s.checkNodes(where, nodes, slices.Concat(p.Wish, p.Before))
}

// CancelReassign sets wishes back to where the replicas were before they began
// to move. What does not move is skipped; if nothing does, the command is
// rejected. Repeating it changes nothing. Answer: Moved.
type CancelReassign struct{ Groups []env.GroupID }

func (c CancelReassign) kind() kind { return kindCancelReassign }

func (c CancelReassign) body(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(c.Groups)))
	for _, g := range c.Groups {
		dst = binary.AppendUvarint(dst, uint64(g))
	}
	return dst
}

func readCancelReassign(r *reader) Command {
	return CancelReassign{list(r, MaxMoves, func() env.GroupID { return env.GroupID(r.uvarint()) })}
}

func (c CancelReassign) apply(t *turn) (Answer, *Error) {
	if bad := checkCount(len(c.Groups)); bad != nil {
		return nil, bad
	}
	var answer Moved
	for _, g := range c.Groups {
		p, bad := t.live(g)
		if bad != nil {
			return nil, bad
		}
		if !p.Moving() {
			answer.Skipped++
			continue
		}
		if bad := t.checkMove(p, p.Before); bad != nil {
			return nil, bad
		}
		if next := p.wished(p.Before, t.index); next != p {
			t.putPartition(p, next)
			answer.Partitions++
		}
	}
	if answer.Skipped == len(c.Groups) {
		return nil, reject(NoReassignmentInProgress, "none of the %d partitions is being reassigned (group %d is the first): there is nothing to cancel", len(c.Groups), c.Groups[0])
	}
	return answer, nil
}

// Settled is the word of a group's leader, after it has made sure of its
// leadership, that the group's configuration is Nodes, neither joint nor with
// learners, since the entry ConfigIndex of the group's log, which is what the
// wish of version WishVersion asks for. See the package comment for what the
// reporter owes. A report for another wish than the one in force, or of an
// earlier configuration than one reported, changes nothing, nor does a repeated
// one. Answer: Done.
type Settled struct {
	Group       env.GroupID
	Nodes       []env.NodeID // in any order
	ConfigIndex uint64
	WishVersion uint64
}

func (c Settled) kind() kind { return kindSettled }

func (c Settled) body(dst []byte) []byte {
	dst = appendNodes(binary.AppendUvarint(dst, uint64(c.Group)), c.Nodes)
	return binary.AppendUvarint(binary.AppendUvarint(dst, c.ConfigIndex), c.WishVersion)
}

func readSettled(r *reader) Command {
	return Settled{env.GroupID(r.uvarint()), r.nodes(), r.uvarint(), r.uvarint()}
}

func (c Settled) apply(t *turn) (Answer, *Error) {
	p, bad := t.live(c.Group)
	switch {
	case bad != nil && c.Group >= firstGroup && c.Group < t.nextGroup: // it was deleted meanwhile
		return Done{}, nil
	case bad != nil:
		return nil, bad
	case c.WishVersion != p.WishVersion || c.ConfigIndex < p.Settled:
		return Done{}, nil
	case !sameNodes(p.Wish, c.Nodes):
		return nil, reject(InvalidRequest, "%s is reported to be on nodes %v as wished, but the wish is %v: this is a fault of the reporter", t.describe(p), c.Nodes, p.Wish)
	case !p.Moving() && c.ConfigIndex == p.Settled:
		return Done{}, nil
	}
	next := *p
	next.Before, next.Tried, next.Settled = nil, nil, c.ConfigIndex
	t.putPartition(p, &next)
	return Done{Changed: true}, nil
}
