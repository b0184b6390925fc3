package metadata

import (
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
)

// turn is one command being applied. It changes a copy of the state and all
// that is computed from it; a rejected command's turn is thrown away.
type turn struct {
	State
	edit    *edit
	index   uint64
	changed bool
}

// Do applies a command in the entry at index, which is above s.Version(). It
// gives the state after it: s itself, if nothing changed. A rejection is an
// *Error and changes nothing. It can be used to try a command out: s stays.
func (s *State) Do(index uint64, c Command) (*State, Answer, error) {
	if index <= s.version {
		panic("metadata: an entry was applied twice")
	}
	t := &turn{State: *s, edit: new(edit), index: index}
	answer, bad := c.apply(t)
	if bad != nil {
		return s, nil, bad
	}
	if !t.changed {
		return s, answer, nil
	}
	t.version = index
	next := t.State
	return &next, answer, nil
}

// resident gives a node's entry for change; nil of an unknown one.
func (t *turn) resident(id env.NodeID) *resident {
	r, ok := t.nodes.get(uint64(id))
	if !ok || r.owner == t.edit {
		return r
	}
	own := *r
	own.owner = t.edit
	t.nodes.set(t.edit, uint64(id), &own)
	return &own
}

// putNode sets a node's own fields.
func (t *turn) putNode(n Node) {
	t.changed = true
	if r := t.resident(n.ID); r != nil {
		r.node = n
		return
	}
	t.nodes.set(t.edit, uint64(n.ID), &resident{owner: t.edit, node: n})
}

// putTopic sets a topic, of which the name stays as it is.
func (t *turn) putTopic(topic *Topic) {
	t.changed = true
	t.topics.set(t.edit, uint64(topic.ID), topic)
}

// nameTopic makes a topic found by its name, or no longer.
func (t *turn) nameTopic(topic *Topic, named bool) {
	t.changed = true
	key := bucket(topic.Name)
	was, _ := t.names.get(key)
	ids := make([]TopicID, 0, len(was)+1)
	for _, id := range was {
		if id != topic.ID {
			ids = append(ids, id)
		}
	}
	if named {
		ids = append(ids, topic.ID)
	}
	if len(ids) == 0 {
		t.names.remove(t.edit, key)
		return
	}
	slices.Sort(ids)
	t.names.set(t.edit, key, ids)
}

// putPartition sets a partition of a live topic, new if was is nil.
func (t *turn) putPartition(was, p *Partition) {
	t.changed = true
	t.count(was, -1)
	t.count(p, +1)
	t.rehold(was, p)
	if p.Moving() {
		t.moving.set(t.edit, uint64(p.Group), struct{}{})
	} else {
		t.moving.remove(t.edit, uint64(p.Group))
	}
	t.groups.set(t.edit, uint64(p.Group), p)
}

// count adds a partition's wish to what nodes bear, or takes it away.
func (t *turn) count(p *Partition, sign int) {
	if p == nil {
		return
	}
	for i, n := range p.Wish {
		r := t.resident(n)
		r.replicas += sign
		if i == 0 {
			r.leaders += sign
		}
	}
}

// rehold brings the index of groups by node from one version of a partition to
// the next.
func (t *turn) rehold(was, p *Partition) {
	var before []env.NodeID
	if was != nil {
		before = was.Holders()
	}
	after := p.Holders()
	for _, n := range after {
		if !slices.Contains(before, n) {
			t.resident(n).groups.set(t.edit, uint64(p.Group), struct{}{})
		}
	}
	for _, n := range before {
		if !slices.Contains(after, n) {
			t.resident(n).groups.remove(t.edit, uint64(p.Group))
		}
	}
}

// unplace takes a partition out of what live topics count for: its topic is
// being deleted.
func (t *turn) unplace(p *Partition) {
	t.count(p, -1)
	if p.Moving() {
		t.moving.remove(t.edit, uint64(p.Group))
	}
}

// drop notes that a node has no replica any more of a partition whose topic is
// being deleted. The last one takes the partition with it, and the last
// partition the topic.
func (t *turn) drop(p *Partition, n env.NodeID) {
	if !slices.Contains(p.Holders(), n) {
		return
	}
	t.changed = true
	next := *p
	next.Dropped = append(slices.Clone(p.Dropped), n)
	slices.Sort(next.Dropped)
	t.rehold(p, &next)
	if len(next.Holders()) > 0 {
		t.groups.set(t.edit, uint64(p.Group), &next)
		return
	}
	t.groups.remove(t.edit, uint64(p.Group))
	topic := *t.TopicByID(p.Topic)
	if topic.left--; topic.left > 0 {
		t.putTopic(&topic)
	} else {
		t.topics.remove(t.edit, uint64(topic.ID))
	}
}
