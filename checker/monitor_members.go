package checker

import (
	"cmp"
	"fmt"
	"slices"
)

// config is one configuration of a group: who has a say in it.
type config struct {
	index    uint64 // of the entry that made it; 0: genesis
	voters   []*replica
	outgoing []*replica // the other half of a joint one
	learners []*replica
}

// joint says that decisions need a majority of both halves.
func (c *config) joint() bool { return len(c.outgoing) > 0 }

// counts says that a replica has a vote.
func (c *config) counts(r *replica) bool {
	return slices.Contains(c.voters, r) || slices.Contains(c.outgoing, r)
}

// persisted says that a quorum holds the entry to be durable.
func (c *config) persisted(index, term uint64) bool {
	return halfPersisted(c.voters, index, term) && halfPersisted(c.outgoing, index, term)
}

func halfPersisted(half []*replica, index, term uint64) bool {
	n := 0
	for _, v := range half {
		if v.persistedEntry(index, term) {
			n++
		}
	}
	return len(half) == 0 || n > len(half)/2
}

// share says how many of the voters are so, for messages.
func (c *config) share(is func(*replica) bool) string {
	count := func(half []*replica) (n int) {
		for _, v := range half {
			if is(v) {
				n++
			}
		}
		return n
	}
	if !c.joint() {
		return fmt.Sprintf("%d of %d replicas", count(c.voters), len(c.voters))
	}
	return fmt.Sprintf("%d of %d and %d of %d replicas of the joint configuration of entry %d",
		count(c.voters), len(c.voters), count(c.outgoing), len(c.outgoing), c.index)
}

// String lists the replicas.
func (c *config) String() string {
	s := fmt.Sprintf("voters %v", ids(c.voters))
	if c.joint() {
		s += fmt.Sprintf(" outgoing %v", ids(c.outgoing))
	}
	if len(c.learners) > 0 {
		s += fmt.Sprintf(" learners %v", ids(c.learners))
	}
	return s
}

func ids(half []*replica) []uint64 {
	out := make([]uint64, len(half))
	for i, r := range half {
		out[i] = r.id
	}
	return out
}

// is compares with what an event says. The order does not matter.
func (c *config) is(e *Event) bool {
	return sameIDs(c.voters, e.Voters) && sameIDs(c.outgoing, e.Outgoing) && sameIDs(c.learners, e.Learners)
}

func sameIDs(half []*replica, want []uint64) bool {
	if len(half) != len(want) {
		return false
	}
	for _, r := range half {
		if !slices.Contains(want, r.id) {
			return false
		}
	}
	return true
}

// upTo is the newest configuration made by an entry at or before an index.
func (g *group) upTo(index uint64) *config {
	i := len(g.configs) - 1
	for i > 0 && g.configs[i].index > index {
		i--
	}
	return g.configs[i]
}

// members judges the configuration that a replica says is in force: the one that
// the committed log has for what it applied, no older and no newer. One that came
// with a snapshot or a checkpoint is told right after it, one of an entry right
// before that entry's Apply.
func (m *Monitor) members(r *replica, e *Event) {
	g := r.group
	m.checked[oConfiguration]++
	c := g.upTo(e.Index)
	if len(e.Voters) == 0 && len(g.Members) > 0 {
		m.object(oConfiguration, e, "group %d: replica %d has for entry %d a configuration without voters", g.ID, r.id, e.Index)
		return
	}
	switch {
	case c.index != e.Index:
		c = m.addConfig(g, e)
	case c.index == 0 && len(g.Members) == 0: // genesis is not known
	case !c.is(e):
		m.object(oConfiguration, e, "group %d: replica %d has for entry %d the configuration %s, elsewhere it is %s", g.ID, r.id, e.Index, m.describe(g, e), c)
	}
	if r.whole && e.Index > r.position+1 {
		m.object(oConfiguration, e, "group %d: replica %d is in the configuration of entry %d and has applied up to %d", g.ID, r.id, e.Index, r.position)
	} else if r.whole && r.takes && e.Index > r.position {
		m.object(oConfiguration, e, "group %d: replica %d takes from the snapshot at %d the configuration of entry %d", g.ID, r.id, r.installed, e.Index)
	}
	r.left, r.leftAt, r.takes = r.config, e.AtNs, false
	r.config, r.reached = c, max(r.reached, c.index)
}

func (m *Monitor) describe(g *group, e *Event) *config {
	return &config{index: e.Index, voters: m.all(g, e.Voters), outgoing: m.all(g, e.Outgoing), learners: m.all(g, e.Learners)}
}

func (m *Monitor) addConfig(g *group, e *Event) *config {
	c := m.describe(g, e)
	i, _ := slices.BinarySearchFunc(g.configs, c.index, func(c *config, index uint64) int { return cmp.Compare(c.index, index) })
	g.configs = slices.Insert(g.configs, i, c)
	return c
}

func (m *Monitor) all(g *group, ids []uint64) []*replica {
	out := make([]*replica, len(ids))
	for i, id := range ids {
		out[i] = m.named(g, id)
	}
	return out
}

// inConfig judges, at an applied entry, that the replica is in the configuration
// that others have had there.
func (m *Monitor) inConfig(r *replica, e *Event) {
	g := r.group
	if n := g.configs[len(g.configs)-1]; n.index == 0 || n == r.config && n.index <= e.Index {
		return
	}
	m.checked[oConfiguration]++
	want := g.upTo(e.Index)
	if want == r.config || !r.whole {
		return
	}
	m.object(oConfiguration, e, "group %d: replica %d applies entry %d in the configuration of entry %d, the log has that of entry %d", g.ID, r.id, e.Index, r.config.index, want.index)
	r.config, r.reached = want, max(r.reached, want.index)
}
