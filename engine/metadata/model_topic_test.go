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
		if s.Key > metadata.LagMs || s.Value < 1 && (s.Value != -1 || s.Key != metadata.RetentionMs) || s.Key == metadata.MinISR && s.Value > 9 {
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
