package metadata

import (
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
)

// Origin is one of the replicas that a group begins with.
type Origin struct {
	Node    env.NodeID
	Replica env.ReplicaID
	// Disk is the node's at that time: on another disk this replica never was.
	Disk uint64
}

// Partition is one group of replicas and where they should be. A Partition never
// changes: a state that has changed has another one. Readers must not change it.
type Partition struct {
	Topic        TopicID
	Number       int32
	Group        env.GroupID
	Unreplicated bool
	Genesis      []Origin
	// Wish is where the replicas should be, the preferred leader first. Whether
	// they are there only the group itself knows.
	Wish []env.NodeID
	// WishVersion is the index of the entry that set Wish.
	WishVersion uint64
	// Before is where the replicas were when the wish first went elsewhere, until a
	// report says that the wish is fulfilled; else nil.
	Before []env.NodeID
	// Tried are, ascending, other nodes that were wished for since. They may have a
	// replica that was on its way.
	Tried []env.NodeID
	// Settled is the index, in the group's own log, of the configuration that the
	// last report spoke of; 0: none yet.
	Settled uint64
	// Dropped are, ascending, the nodes that have removed their replica of a topic
	// being deleted.
	Dropped []env.NodeID
}

// Moving tells whether a change of the replicas has not been reported as done.
func (p *Partition) Moving() bool { return p.Before != nil }

// Holders are, ascending, the nodes that may have a replica.
func (p *Partition) Holders() []env.NodeID {
	list := slices.Concat(p.Wish, p.Before, p.Tried)
	slices.Sort(list)
	list = slices.Compact(list)
	return slices.DeleteFunc(list, func(n env.NodeID) bool { return slices.Contains(p.Dropped, n) })
}

// least is the smallest number of replicas that the partition has on its way.
func (p *Partition) least() int {
	if p.Moving() {
		return min(len(p.Wish), len(p.Before))
	}
	return len(p.Wish)
}

// wished gives the partition with another wish, which was checked. Equal
// wishes give p itself.
func (p *Partition) wished(nodes []env.NodeID, version uint64) *Partition {
	if slices.Equal(p.Wish, nodes) {
		return p
	}
	next := *p
	next.Wish, next.WishVersion = slices.Clone(nodes), version
	if sameNodes(p.Wish, nodes) {
		return &next
	}
	if !p.Moving() {
		next.Before = p.Wish
	}
	next.Tried = nil
	for _, n := range p.Holders() {
		if !slices.Contains(next.Wish, n) && !slices.Contains(next.Before, n) {
			next.Tried = append(next.Tried, n)
		}
	}
	return &next
}

// sameNodes tells whether b has the members of a, which has no repeats.
func sameNodes(a, b []env.NodeID) bool {
	if len(a) != len(b) {
		return false
	}
	for _, n := range a {
		if !slices.Contains(b, n) {
			return false
		}
	}
	return true
}
