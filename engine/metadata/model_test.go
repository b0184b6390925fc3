package metadata_test

import (
	"cmp"
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

// fit judges explicit nodes.
func (m *model) fit(nodes, has []env.NodeID) bool {
	seen := map[env.NodeID]bool{}
	for _, id := range nodes {
		n, ok := m.nodes[id]
		if !ok || seen[id] || n.State == metadata.Gone || n.State != metadata.Active && !slices.Contains(has, id) {
			return false
		}
		seen[id] = true
	}
	return true
}

func validSettings(list []metadata.Setting) bool {
	for _, s := range list {
		if s.Value < 1 && (s.Value != -1 || s.Key != metadata.RetentionMs) || s.Key == metadata.MinISR && s.Value > 9 {
			return false
		}
	}
	return true
}

func (m *model) create(index uint64, c metadata.CreateTopic, after *metadata.State) int16 {
	partitions, factor := int(c.Partitions), int(c.Factor)
	if metadata.ValidateTopicName(c.Name) != nil {
		return metadata.InvalidTopic
	}
	for _, t := range m.topics {
		if !t.deleting && strings.ReplaceAll(t.name, ".", "_") == strings.ReplaceAll(c.Name, ".", "_") {
			if t.name == c.Name {
				return metadata.TopicAlreadyExists
			}
			return metadata.InvalidTopic
		}
	}
	if c.Placement != nil {
		partitions, factor = len(c.Placement), len(c.Placement[0])
	}
	switch {
	case partitions < 1:
		return metadata.InvalidPartitions
	case factor < 1 || factor > 9 || c.Unreplicated && factor != 1:
		return metadata.InvalidReplicationFactor
	case c.Placement == nil && factor > len(m.active()):
		return metadata.InvalidReplicationFactor
	}
	for _, nodes := range c.Placement {
		if len(nodes) != factor || !m.fit(nodes, nil) {
			return metadata.InvalidReplicaAssignment
		}
	}
	t := &mTopic{id: m.nextTopic, created: index, configured: index, name: c.Name, alone: c.Unreplicated, factor: factor, configs: map[metadata.Key]int64{}}
	for _, s := range c.Configs {
		t.configs[s.Key] = s.Value
	}
	if !validSettings(c.Configs) || t.configs[metadata.MinISR] > int64(factor) {
		return metadata.InvalidConfig
	}
	m.nextTopic++
	m.topics[t.id] = t
	m.extend(index, t, partitions, c.Placement, after)
	return 0
}

// extend adds partitions where they were told to go, or where the state put them.
func (m *model) extend(index uint64, t *mTopic, count int, placement [][]env.NodeID, after *metadata.State) {
	for i := range count {
		p := &mPart{group: m.nextGroup, wishVersion: index}
		if placement != nil {
			p.wish = placement[i]
		} else {
			p.wish = after.Partition(env.GroupID(p.group)).Wish
			if len(p.wish) != t.factor || !m.fit(p.wish, nil) {
				panic(fmt.Sprintf("placed on %v", p.wish))
			}
		}
		for j, n := range p.wish {
			p.genesis = append(p.genesis, metadata.Origin{Node: n, Replica: env.ReplicaID(j + 1), Disk: m.nodes[n].Disk})
		}
		m.nextGroup++
		t.parts = append(t.parts, p)
	}
}

func (m *model) find(name string, id metadata.TopicID) *mTopic {
	t := m.named(name)
	if t != nil && id != 0 && t.id != uint64(id) {
		return nil
	}
	return t
}

func (m *model) remove(c metadata.DeleteTopic) int16 {
	if was := m.topics[uint64(c.ID)]; c.ID != 0 && uint64(c.ID) < m.nextTopic && (was == nil || was.deleting) {
		return 0
	}
	t := m.find(c.Name, c.ID)
	if t == nil {
		return metadata.UnknownTopicOrPartition
	}
	t.deleting = true
	return 0
}

func (m *model) dropped(c metadata.ReportDropped) int16 {
	if _, ok := m.nodes[c.Node]; !ok {
		return metadata.BrokerIDNotRegistered
	}
	if c.Group < 2 || uint64(c.Group) >= m.nextGroup {
		return metadata.UnknownTopicOrPartition
	}
	t, p := m.part(c.Group)
	if t == nil {
		return 0
	}
	if !t.deleting {
		return metadata.InvalidRequest
	}
	if slices.Contains(p.holders(), c.Node) {
		p.dropped = append(p.dropped, c.Node)
		slices.Sort(p.dropped)
	}
	return 0
}

func (m *model) alter(index uint64, c metadata.AlterTopic) int16 {
	t := m.find(c.Name, c.ID)
	if t == nil {
		return metadata.UnknownTopicOrPartition
	}
	if !validSettings(c.Set) {
		return metadata.InvalidConfig
	}
	next := maps.Clone(t.configs)
	for _, s := range c.Set {
		next[s.Key] = s.Value
	}
	for _, k := range c.Unset {
		if slices.ContainsFunc(c.Set, func(s metadata.Setting) bool { return s.Key == k }) {
			return metadata.InvalidRequest
		}
		delete(next, k)
	}
	for _, p := range t.parts {
		if v := next[metadata.MinISR]; v > int64(len(p.wish)) || p.before != nil && v > int64(len(p.before)) {
			return metadata.InvalidConfig
		}
	}
	if !maps.Equal(next, t.configs) {
		t.configs, t.configured = next, index
	}
	return 0
}

func (m *model) grow(index uint64, c metadata.AddPartitions, after *metadata.State) int16 {
	t := m.find(c.Name, c.ID)
	if t == nil {
		return metadata.UnknownTopicOrPartition
	}
	more := int(c.Total) - len(t.parts)
	switch {
	case more < 1:
		return metadata.InvalidPartitions
	case c.Placement == nil && t.factor > len(m.active()):
		return metadata.InvalidReplicationFactor
	case c.Placement != nil && len(c.Placement) != more:
		return metadata.InvalidReplicaAssignment
	}
	for _, nodes := range c.Placement {
		if len(nodes) != t.factor || !m.fit(nodes, nil) {
			return metadata.InvalidReplicaAssignment
		}
	}
	m.extend(index, t, more, c.Placement, after)
	return 0
}

func (m *model) movable(g env.GroupID, nodes []env.NodeID) (p *mPart, code int16) {
	t, p := m.part(g)
	switch {
	case t == nil || t.deleting:
		return nil, metadata.UnknownTopicOrPartition
	case nodes == nil:
		return p, 0
	case t.alone && !slices.Equal(nodes, p.wish), len(nodes) > 9, int64(len(nodes)) < t.configs[metadata.MinISR],
		!m.fit(nodes, slices.Concat(p.wish, p.before)):
		return nil, metadata.InvalidReplicaAssignment
	}
	return p, 0
}

func (p *mPart) rewish(nodes []env.NodeID, index uint64) {
	if slices.Equal(p.wish, nodes) {
		return
	}
	held := p.holders()
	same := func(a, b env.NodeID) int { return cmp.Compare(a, b) }
	if !slices.Equal(slices.SortedFunc(slices.Values(p.wish), same), slices.SortedFunc(slices.Values(nodes), same)) {
		if p.before == nil {
			p.before = p.wish
		}
		p.tried = nil
		for _, n := range held {
			if !slices.Contains(nodes, n) && !slices.Contains(p.before, n) {
				p.tried = append(p.tried, n)
			}
		}
	}
	p.wish, p.wishVersion = nodes, index
}

func (m *model) reassign(index uint64, c metadata.Reassign) int16 {
	if len(c.Moves) == 0 {
		return metadata.InvalidRequest
	}
	var todo []func()
	seen := map[env.GroupID]bool{}
	for _, mv := range c.Moves {
		if seen[mv.Group] {
			return metadata.InvalidRequest
		}
		seen[mv.Group] = true
		p, code := m.movable(mv.Group, nil)
		if mv.Replaces != 0 && (code != 0 || p.wishVersion != mv.Replaces) {
			continue
		}
		if code == 0 && len(mv.Nodes) == 0 {
			return metadata.InvalidReplicaAssignment
		}
		if p, code = m.movable(mv.Group, mv.Nodes); code != 0 {
			return code
		}
		todo = append(todo, func() { p.rewish(mv.Nodes, index) })
	}
	for _, f := range todo {
		f()
	}
	return 0
}

func (m *model) cancel(index uint64, c metadata.CancelReassign) int16 {
	var todo []func()
	for _, g := range c.Groups {
		p, code := m.movable(g, nil)
		if code != 0 {
			return code
		}
		if p.before == nil {
			continue
		}
		if _, code := m.movable(g, p.before); code != 0 {
			return code
		}
		todo = append(todo, func() { p.rewish(p.before, index) })
	}
	switch {
	case len(c.Groups) == 0:
		return metadata.InvalidRequest
	case len(todo) == 0:
		return metadata.NoReassignmentInProgress
	}
	for _, f := range todo {
		f()
	}
	return 0
}

func (m *model) settled(c metadata.Settled) int16 {
	t, p := m.part(c.Group)
	switch {
	case c.Group < 2 || uint64(c.Group) >= m.nextGroup:
		return metadata.UnknownTopicOrPartition
	case t == nil || t.deleting || c.WishVersion != p.wishVersion || c.ConfigIndex < p.settled:
		return 0
	case !slices.Equal(slices.Sorted(slices.Values(c.Nodes)), slices.Sorted(slices.Values(p.wish))):
		return metadata.InvalidRequest
	}
	p.before, p.tried, p.settled = nil, nil, c.ConfigIndex
	return 0
}
