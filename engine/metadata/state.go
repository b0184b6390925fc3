package metadata

import (
	"iter"

	"github.com/lockstep-log/lockstep/engine/env"
)

// firstGroup is the first group of a partition: group 1 is metadata's own.
const firstGroup env.GroupID = 2

// State is the cluster's metadata after some entry. A State never changes:
// applying a command gives another one, which shares with it what is equal.
type State struct {
	cluster    uint64
	version    uint64
	defaults   Configs
	maxMessage int64

	nextGroup    env.GroupID
	nextTopic    TopicID
	nextProducer uint64

	nodes  trie[*resident]
	topics trie[*Topic]     // by id
	groups trie[*Partition] // by group; what all nodes dropped is gone

	// What follows is computed from the above.
	names  trie[[]TopicID] // live topics by bucket of their name
	moving trie[struct{}]  // groups of live topics that are Moving
}

// Cluster is the cluster's id.
func (s *State) Cluster() uint64 { return s.cluster }

// Version is the index of the entry that changed the state last; 0: none did.
func (s *State) Version() uint64 { return s.version }

// NextGroup is above every group id that was ever given.
func (s *State) NextGroup() env.GroupID { return s.nextGroup }

// MaxMessageBytes bounds the setting of that name for every topic.
func (s *State) MaxMessageBytes() int64 { return s.maxMessage }

// Defaults are the values of settings that a topic does not have itself.
func (s *State) Defaults() Configs { return s.defaults }

// Node finds a node, removed ones included.
func (s *State) Node(id env.NodeID) (Node, bool) {
	r, ok := s.nodes.get(uint64(id))
	if !ok {
		return Node{}, false
	}
	return r.node, true
}

// Nodes lists all nodes by id, removed ones included.
func (s *State) Nodes() iter.Seq2[Node, Load] {
	return func(yield func(Node, Load) bool) {
		for _, r := range s.nodes.all() {
			if !yield(r.node, r.load()) {
				return
			}
		}
	}
}

// Load tells what a node has to bear; nothing, of an unknown one.
func (s *State) Load(id env.NodeID) Load {
	r, ok := s.nodes.get(uint64(id))
	if !ok {
		return Load{}
	}
	return r.load()
}

// Topic finds a topic by its name; nil: there is none, or it is being deleted.
func (s *State) Topic(name string) *Topic {
	if t := s.colliding(name); t != nil && t.Name == name {
		return t
	}
	return nil
}

// colliding finds the live topic whose name is this or collides with it.
func (s *State) colliding(name string) *Topic {
	ids, _ := s.names.get(bucket(name))
	for _, id := range ids {
		if t, _ := s.topics.get(uint64(id)); collides(t.Name, name) {
			return t
		}
	}
	return nil
}

// TopicByID finds a topic, also one that is being deleted; nil: there is none.
func (s *State) TopicByID(id TopicID) *Topic {
	t, _ := s.topics.get(uint64(id))
	return t
}

// Topics iterates over all topics by id, those being deleted included.
func (s *State) Topics() iter.Seq[*Topic] {
	return func(yield func(*Topic) bool) {
		for _, t := range s.topics.all() {
			if !yield(t) {
				return
			}
		}
	}
}

// Partition finds a partition by its group, also of a topic that is being
// deleted; nil: there is none.
func (s *State) Partition(g env.GroupID) *Partition {
	p, _ := s.groups.get(uint64(g))
	return p
}

// Partitions iterates over a topic's partitions by number, leaving out those of
// a topic being deleted that are gone.
func (s *State) Partitions(t *Topic) iter.Seq[*Partition] {
	return func(yield func(*Partition) bool) {
		for _, g := range t.numbered {
			if p := s.Partition(g); p != nil && !yield(p) {
				return
			}
		}
	}
}

// PartitionCount is how many partitions there are, those being deleted included.
func (s *State) PartitionCount() int { return s.groups.size }

// GroupsOn iterates, by group, over the partitions that may have a replica on a
// node.
func (s *State) GroupsOn(id env.NodeID) iter.Seq[*Partition] {
	return func(yield func(*Partition) bool) {
		r, ok := s.nodes.get(uint64(id))
		if !ok {
			return
		}
		for g := range r.groups.all() {
			if !yield(s.Partition(env.GroupID(g))) {
				return
			}
		}
	}
}

// Moving iterates, by group, over the partitions of live topics whose change of
// replicas has not been reported as done.
func (s *State) Moving() iter.Seq[*Partition] {
	return func(yield func(*Partition) bool) {
		for g := range s.moving.all() {
			if !yield(s.Partition(env.GroupID(g))) {
				return
			}
		}
	}
}

// MovingCount is how many partitions Moving gives.
func (s *State) MovingCount() int { return s.moving.size }

// ConfigsOf gives a partition's settings in force, every one of them. The
// smallest in-sync set is never more than the partition has replicas: only a
// default can be.
func (s *State) ConfigsOf(p *Partition) Configs {
	c := s.defaults
	if t := s.TopicByID(p.Topic); t != nil {
		c = t.Configs.over(c)
	}
	c.values[MinISR] = min(c.values[MinISR], int64(p.least()))
	return c
}

// Verdict is what a node does with the files of a group.
type Verdict uint8

// The verdicts on a group.
const (
	// Keep: the group exists. Whether this node is of it the group itself knows.
	Keep Verdict = iota
	// Drop: the group's topic was deleted. Remove the replica, then report it.
	Drop
	// Wait: this state is older than the group.
	Wait
)

// Verdict tells what becomes of a group whose files a node has. It holds for
// ever once it is Drop.
func (s *State) Verdict(g env.GroupID) Verdict {
	p := s.Partition(g)
	switch {
	case g >= s.nextGroup:
		return Wait
	case g < firstGroup:
		return Keep
	case p == nil || s.TopicByID(p.Topic).Deleting:
		return Drop
	default:
		return Keep
	}
}

// Counters are the next ids to be given; none is given twice.
type Counters struct {
	Group    uint64
	Topic    uint64
	Producer uint64
}

// Counters gives the next ids.
func (s *State) Counters() Counters {
	return Counters{uint64(s.nextGroup), uint64(s.nextTopic), s.nextProducer}
}
