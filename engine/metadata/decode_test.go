package metadata

import (
	"errors"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
)

// sample is a state with a topic t (groups 2 and 3, on nodes 1 and 2, group 2
// moving) and a topic old that is being deleted (group 4).
func sample(t *testing.T) *State {
	t.Helper()
	s, err := New(Genesis{Cluster: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []Command{
		RegisterNode{Node: 1, Disk: 1, Incarnation: 1},
		RegisterNode{Node: 2, Disk: 2, Incarnation: 1},
		RegisterNode{Node: 3, Disk: 3, Incarnation: 1},
		CreateTopic{Name: "t", Placement: [][]env.NodeID{{1, 2}, {2, 1}}, Configs: []Setting{{MinISR, 1}}},
		CreateTopic{Name: "old", Placement: [][]env.NodeID{{1, 2}}},
		DeleteTopic{Name: "old"},
		Reassign{Moves: []Move{{Group: 2, Nodes: []env.NodeID{1, 3}}}},
	} {
		if s, _, err = s.Do(s.Version()+1, c); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// What is encoded well and contradicts itself is refused, with the reason.
func TestDecodeRefusesContradictions(t *testing.T) {
	partition := func(g env.GroupID, change func(p *Partition)) func(s *State, e *edit) {
		return func(s *State, e *edit) {
			p := *s.Partition(g)
			change(&p)
			s.groups.set(e, uint64(g), &p)
		}
	}
	topic := func(id TopicID, change func(t *Topic)) func(s *State, e *edit) {
		return func(s *State, e *edit) {
			t := *s.TopicByID(id)
			change(&t)
			s.topics.set(e, uint64(id), &t)
		}
	}
	node := func(change func(n *Node)) func(s *State, e *edit) {
		return func(s *State, e *edit) {
			r, _ := s.nodes.get(2)
			own := *r
			change(&own.node)
			s.nodes.set(e, 2, &own)
		}
	}
	for says, change := range map[string]func(s *State, e *edit){
		"cluster 0":                         func(s *State, _ *edit) { s.cluster = 0 },
		"batches of 60":                     func(s *State, _ *edit) { s.maxMessage = 60 },
		"a counter is 0":                    func(s *State, _ *edit) { s.nextTopic = 0 },
		"no default of retention.ms":        func(s *State, _ *edit) { s.defaults.values[RetentionMs] = 0 },
		"min.insync.replicas is 10":         func(s *State, _ *edit) { s.defaults.values[MinISR] = 10 },
		"node 1 follows 1":                  node(func(n *Node) { n.ID = 1 }),
		"state 5":                           node(func(n *Node) { n.State = 5 }),
		"node 2 is active without a disk":   node(func(n *Node) { n.Disk, n.Incarnation = 0, 0 }),
		"contains a space":                  node(func(n *Node) { n.Address = "a b" }),
		"topic 1 follows 1":                 topic(2, func(t *Topic) { t.ID = 1 }),
		"the next is 3":                     topic(2, func(t *Topic) { t.ID = 3 }),
		"byte 0 of the name":                topic(1, func(t *Topic) { t.Name = "/" }),
		"topic t is there twice":            topic(2, func(t *Topic) { t.Name, t.Deleting = "t", false }),
		"topic t: 0 replicas":               topic(1, func(t *Topic) { t.Factor = 0 }),
		"topic t is unreplicated":           topic(1, func(t *Topic) { t.Unreplicated = true }),
		"is unreplicated, and moves":        topic(2, func(t *Topic) { t.Unreplicated, t.Factor = true, 1 }),
		"groups out of order":               topic(1, func(t *Topic) { t.runs = []run{{2, 1}, {3, 1}} }),
		"groups beyond the next, 5":         topic(1, func(t *Topic) { t.runs = []run{{2, 4}} }),
		"topic t has no partitions":         topic(1, func(t *Topic) { t.runs = nil }),
		"group 3 is there twice":            topic(2, func(t *Topic) { t.runs = []run{{3, 1}} }),
		"fewer replicas than min.insync":    topic(1, func(t *Topic) { t.Configs.values[MinISR] = 3 }),
		"t/1 is gone":                       func(s *State, e *edit) { s.groups.remove(e, 3) },
		"topic old has nothing left":        func(s *State, e *edit) { s.groups.remove(e, 4) },
		"group 3: node 9 is unknown":        partition(3, func(p *Partition) { p.Wish = []env.NodeID{9, 1} }),
		"group 3: node 2 is unknown or nam": partition(3, func(p *Partition) { p.Wish = []env.NodeID{2, 2} }),
		"group 3: 0 and 0 replicas":         partition(3, func(p *Partition) { p.Wish = nil }),
		"group 3 tried nodes without":       partition(3, func(p *Partition) { p.Tried = []env.NodeID{3} }),
		"group 2: node 1 stands in two":     partition(2, func(p *Partition) { p.Tried = []env.NodeID{1} }),
		"group 4: nodes out of order":       partition(4, func(p *Partition) { p.Dropped = []env.NodeID{2, 1} }),
		"group 4: all nodes have dropped":   partition(4, func(p *Partition) { p.Dropped = []env.NodeID{1, 2} }),
		"group 4: node 3 cannot have":       partition(4, func(p *Partition) { p.Dropped = []env.NodeID{3} }),
		"group 3: node 1 cannot have":       partition(3, func(p *Partition) { p.Dropped = []env.NodeID{1} }),
		"group 3 began with nothing":        partition(3, func(p *Partition) { p.Genesis = nil }),
	} {
		s := *sample(t)
		change(&s, new(edit))
		if got, err := Decode(s.Append(nil)); !errors.Is(err, ErrMalformed) || got != nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
	if _, err := Decode(sample(t).Append(nil)); err != nil {
		t.Errorf("unchanged: %v", err)
	}
}
