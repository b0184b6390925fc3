package metadata_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/metadata"
)

// model is the naive metadata: maps that are changed in place, everything that
// can be computed computed anew. It knows no placement: what it is told.
type model struct {
	version                            uint64
	nextGroup, nextTopic, nextProducer uint64
	nodes                              map[env.NodeID]metadata.Node
	topics                             map[uint64]*mTopic
}

type mTopic struct {
	id, created, configured uint64
	name                    string
	deleting, alone         bool
	factor                  int
	configs                 map[metadata.Key]int64
	parts                   []*mPart // nil: gone
}

type mPart struct {
	group, wishVersion, settled  uint64
	wish, before, tried, dropped []env.NodeID
	genesis                      []metadata.Origin
}

func newModel(nodes ...env.NodeID) *model {
	m := &model{nextGroup: 2, nextTopic: 1, nextProducer: 1, nodes: map[env.NodeID]metadata.Node{}, topics: map[uint64]*mTopic{}}
	for _, n := range nodes {
		m.nodes[n] = metadata.Node{ID: n, State: metadata.Joining}
	}
	return m
}

func (p *mPart) holders() []env.NodeID {
	set := map[env.NodeID]bool{}
	for _, n := range slices.Concat(p.wish, p.before, p.tried) {
		set[n] = true
	}
	for _, n := range p.dropped {
		delete(set, n)
	}
	return slices.Sorted(maps.Keys(set))
}

func (m *model) named(name string) *mTopic {
	for _, t := range m.topics {
		if !t.deleting && t.name == name {
			return t
		}
	}
	return nil
}

func (m *model) part(g env.GroupID) (*mTopic, *mPart) {
	for _, t := range m.topics {
		for _, p := range t.parts {
			if p != nil && p.group == uint64(g) {
				return t, p
			}
		}
	}
	return nil, nil
}

func (m *model) held(n env.NodeID) (count int) {
	for _, t := range m.topics {
		for _, p := range t.parts {
			if p != nil && slices.Contains(p.holders(), n) {
				count++
			}
		}
	}
	return count
}

func (m *model) active() (out []env.NodeID) {
	for _, id := range slices.Sorted(maps.Keys(m.nodes)) {
		if m.nodes[id].State == metadata.Active {
			out = append(out, id)
		}
	}
	return out
}

// sweep forgets what all nodes have dropped.
func (m *model) sweep() {
	for id, t := range m.topics {
		if !t.deleting {
			continue
		}
		left := 0
		for i, p := range t.parts {
			if p == nil {
				continue
			}
			for _, n := range p.holders() {
				if m.nodes[n].State == metadata.Gone {
					p.dropped = append(p.dropped, n)
				}
			}
			slices.Sort(p.dropped)
			if len(p.holders()) == 0 {
				t.parts[i] = nil
			} else {
				left++
			}
		}
		if left == 0 {
			delete(m.topics, id)
		}
	}
}

// dump writes everything down.
func (m *model) dump() string {
	var b strings.Builder
	fmt.Fprintf(&b, "version %d next %d %d %d\n", m.version, m.nextGroup, m.nextTopic, m.nextProducer)
	for _, id := range slices.Sorted(maps.Keys(m.nodes)) {
		replicas, leaders := 0, 0
		for _, t := range m.topics {
			for _, p := range t.parts {
				if !t.deleting && slices.Contains(p.wish, id) {
					replicas++
					if p.wish[0] == id {
						leaders++
					}
				}
			}
		}
		fmt.Fprintf(&b, "node %+v load %d %d %d\n", m.nodes[id], replicas, leaders, m.held(id))
	}
	var moving []uint64
	for _, id := range slices.Sorted(maps.Keys(m.topics)) {
		t := m.topics[id]
		fmt.Fprintf(&b, "topic %d %s %v %v created %d factor %d configs %v at %d partitions %d\n", id, t.name, t.deleting, t.alone, t.created, t.factor, t.configs, t.configured, len(t.parts))
		for i, p := range t.parts {
			if p != nil {
				fmt.Fprintf(&b, " %d group %d wish %v at %d before %v tried %v settled %d dropped %v genesis %v\n", i, p.group, p.wish, p.wishVersion, p.before, p.tried, p.settled, p.dropped, p.genesis)
				if p.before != nil && !t.deleting {
					moving = append(moving, p.group)
				}
			}
		}
	}
	slices.Sort(moving)
	fmt.Fprintf(&b, "moving %v\n", moving)
	return b.String()
}

// dumpState writes a state down as the model's dump does.
func dumpState(s *metadata.State) string {
	var b strings.Builder
	c := s.Counters()
	fmt.Fprintf(&b, "version %d next %d %d %d\n", s.Version(), c.Group, c.Topic, c.Producer)
	for n, load := range s.Nodes() {
		fmt.Fprintf(&b, "node %+v load %d %d %d\n", n, load.Replicas, load.Leaders, load.Held)
	}
	for t := range s.Topics() {
		configs := map[metadata.Key]int64{}
		for _, c := range t.Configs.List() {
			configs[c.Key] = c.Value
		}
		fmt.Fprintf(&b, "topic %d %s %v %v created %d factor %d configs %v at %d partitions %d\n", t.ID, t.Name, t.Deleting, t.Unreplicated, t.Created, t.Factor, configs, t.ConfigVersion, t.Partitions())
		for p := range s.Partitions(t) {
			fmt.Fprintf(&b, " %d group %d wish %v at %d before %v tried %v settled %d dropped %v genesis %v\n", p.Number, p.Group, p.Wish, p.WishVersion, p.Before, p.Tried, p.Settled, p.Dropped, p.Genesis)
		}
	}
	var moving []uint64
	for p := range s.Moving() {
		moving = append(moving, uint64(p.Group))
	}
	fmt.Fprintf(&b, "moving %v\n", moving)
	return b.String()
}

// apply executes a command, or gives the code it is rejected with. after is the
// state that accepted it, for placements that the model does not decide.
func (m *model) apply(index uint64, c metadata.Command, after *metadata.State) int16 {
	was := m.dump()
	code := m.execute(index, c, after)
	m.sweep()
	if code == 0 && m.dump() != was {
		m.version = index
	}
	return code
}

func (m *model) execute(index uint64, c metadata.Command, after *metadata.State) int16 {
	switch c := c.(type) {
	case metadata.RegisterNode:
		return m.register(c)
	case metadata.RemoveNode:
		n, ok := m.nodes[c.Node]
		switch {
		case !ok:
			return metadata.BrokerIDNotRegistered
		case n.State == metadata.Gone:
			return 0
		case m.held(c.Node) > 0 && !c.Force:
			return metadata.InvalidRequest
		}
		n.State = metadata.Gone
		m.nodes[c.Node] = n
	case metadata.DrainNode:
		return m.drain(c.Node)
	case metadata.UndrainNode:
		n, ok := m.nodes[c.Node]
		if !ok || n.State == metadata.Gone {
			return metadata.BrokerIDNotRegistered
		}
		if n.State == metadata.Draining {
			n.State = metadata.Active
			if n.Disk == 0 {
				n.State = metadata.Joining
			}
			m.nodes[c.Node] = n
		}
	case metadata.CreateTopic:
		return m.create(index, c, after)
	case metadata.DeleteTopic:
		return m.remove(c)
	case metadata.ReportDropped:
		return m.dropped(c)
	case metadata.AlterTopic:
		return m.alter(index, c)
	case metadata.AddPartitions:
		return m.grow(index, c, after)
	case metadata.Reassign:
		return m.reassign(index, c)
	case metadata.CancelReassign:
		return m.cancel(index, c)
	case metadata.Settled:
		return m.settled(c)
	case metadata.AllocateProducers:
		if c.Count == 0 || c.Count > metadata.MaxProducers {
			return metadata.InvalidRequest
		}
		m.nextProducer += uint64(c.Count)
	}
	return 0
}

func (m *model) register(c metadata.RegisterNode) int16 {
	n := m.nodes[c.Node]
	switch {
	case c.Node == 0 || strings.Contains(c.Rack, " ") || c.Disk == 0 && c.Incarnation != 0:
		return metadata.InvalidRequest
	case n.State == metadata.Gone:
		return metadata.DuplicateBrokerRegistration
	case c.Disk != 0 && c.Disk == n.Disk && c.Incarnation < n.Incarnation:
		return metadata.StaleBrokerEpoch
	}
	for _, other := range m.nodes {
		if c.Disk != 0 && other.ID != c.Node && other.Disk == c.Disk {
			return metadata.DuplicateBrokerRegistration
		}
	}
	if n.ID == 0 {
		n = metadata.Node{ID: c.Node, State: metadata.Joining}
	}
	n.Address, n.Rack = c.Address, c.Rack
	if c.Disk != 0 {
		n.Disk, n.Incarnation = c.Disk, c.Incarnation
		if n.State == metadata.Joining {
			n.State = metadata.Active
		}
	}
	m.nodes[c.Node] = n
	return 0
}

func (m *model) drain(id env.NodeID) int16 {
	n, ok := m.nodes[id]
	switch {
	case !ok || n.State == metadata.Gone:
		return metadata.BrokerIDNotRegistered
	case n.State == metadata.Draining:
		return 0
	}
	others := len(slices.DeleteFunc(m.active(), func(o env.NodeID) bool { return o == id }))
	first, code := uint64(0), int16(0)
	for _, t := range m.topics {
		for _, p := range t.parts {
			if p == nil || t.deleting || !slices.Contains(p.wish, id) || first != 0 && p.group > first {
				continue
			}
			if t.alone {
				first, code = p.group, metadata.InvalidRequest
			} else if len(p.wish) > others {
				first, code = p.group, metadata.InvalidReplicationFactor
			}
		}
	}
	if code != 0 {
		return code
	}
	n.State = metadata.Draining
	m.nodes[id] = n
	return 0
}
