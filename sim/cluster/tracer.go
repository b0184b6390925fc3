package cluster

import (
	"encoding/binary"
	"fmt"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/sim"
)

// tracer is a process' env.Tracer: it digests each event into the run's trace
// and hands it to the oracles, the metrics and the faults that wait for it.
type tracer process

func (t *tracer) Trace(e env.Event) {
	p := (*process)(t)
	p.digest(&e)
	p.c.observe(p, &e)
	p.follow(&e)
}

// digest records the event. A, B and C are (node, kind), group, term; the rest
// is in the bytes.
func (p *process) digest(e *env.Event) {
	b := p.buf[:0]
	b = append(b, byte(e.Role))
	b = binary.LittleEndian.AppendUint32(b, e.Sum)
	for _, v := range [...]uint64{uint64(e.Replica), uint64(e.Peer), uint64(e.Vote), e.Index, e.First, e.Last, uint64(e.Offset), uint64(e.Length)} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	b = append(append(b, e.File...), 0)
	b = append(append(b, e.Text...), 0)
	for _, n := range e.Set {
		b = binary.LittleEndian.AppendUint64(b, uint64(n))
	}
	for _, ids := range [...][]env.ReplicaID{e.Voters, e.Outgoing, e.Learners} {
		for _, id := range ids {
			b = binary.LittleEndian.AppendUint64(b, uint64(id))
		}
	}
	p.buf = b
	p.c.k.Record(sim.KindTrace, uint64(p.host.id)<<8|uint64(e.Kind), uint64(e.Group), e.Term, b)
}

// observe converts the event for the oracles.
func (c *Cluster) observe(p *process, e *env.Event) {
	out := &c.event
	*out = checker.Event{
		Node: uint64(p.host.id),
		Kind: checker.EventKind(e.Kind), Role: checker.Role(e.Role), Sum: e.Sum,
		Group: uint64(e.Group), Replica: uint64(e.Replica), Peer: uint64(e.Peer), Vote: uint64(e.Vote),
		Term: e.Term, Index: e.Index, First: e.First, Last: e.Last,
		Offset: e.Offset, Length: e.Length, File: e.File, Text: e.Text,
	}
	if len(e.Set) > 0 {
		c.set = c.set[:0]
		for _, n := range e.Set {
			c.set = append(c.set, uint64(n))
		}
		out.Set = c.set
	}
	out.Voters, out.Outgoing, out.Learners = replicaIDs(e.Voters), replicaIDs(e.Outgoing), replicaIDs(e.Learners)
	c.feed(*out)
}

// feed numbers an event and shows it to the oracles and the probes.
func (c *Cluster) feed(e checker.Event) {
	c.seq++
	e.Seq, e.AtNs = c.seq, c.k.Now()
	c.monitor.Observe(e)
	if !c.over {
		c.probes.observe(&e)
	}
	if c.options.OnEvent != nil {
		c.options.OnEvent(e)
	}
}

// follow keeps what the run itself needs to know.
func (p *process) follow(e *env.Event) {
	c := p.c
	switch e.Kind {
	case env.EventWritten:
		p.host.wrote(e.File, e.Offset, e.Length)
		if len(p.host.armed) > 0 {
			p.host.trigger(OnWrite)
		}
	case env.EventTornTail:
		c.count.tornTails++
	case env.EventResynced:
		c.count.resyncedBytes += uint64(e.Length)
	case env.EventCheckpoint:
		c.count.checkpoints++
	case env.EventRecycled:
		p.host.recycled(e.File)
		c.count.recycled++
	case env.EventReadBack:
		c.count.readBacks++
	case env.EventFenced:
		c.mark(Mark{Kind: MarkFenced, Node: uint64(p.host.id), Group: uint64(e.Group), Text: e.Text})
		if p.fencedWithCause(e.Group) {
			c.count.fenced++
			break
		}
		c.violate(oracleCrash, fmt.Sprintf("node %d fenced group %d although its disk was never damaged: %s", p.host.id, e.Group, e.Text))
	default: // nothing that a process is followed by
	}
	if m := p.member(e.Group); m != nil {
		m.follow(c, e)
	}
}

// fencedWithCause tells whether a fault explains that a group is fenced.
func (p *process) fencedWithCause(id env.GroupID) bool {
	if g := p.c.groups[id-1]; g.alone != nil {
		return g.members[0].hurt()
	}
	return p.host.refused() || p.host.damage.hurts(id)
}

// member finds the replica an event speaks of, nil if it speaks of none.
func (p *process) member(g env.GroupID) *member {
	if g == 0 || int(g) > len(p.members) {
		return nil
	}
	return p.members[g-1]
}

func (m *member) follow(c *Cluster, e *env.Event) {
	if m.group.alone != nil {
		m.followAlone(c, e)
		return
	}
	switch e.Kind {
	case env.EventFenced:
		m.fenced, m.role = true, env.Follower
	case env.EventReplica: // it comes back under a fresh id
		m.fenced = false
	case env.EventSnapshot:
		m.commit, m.applied = max(m.commit, e.Index), e.Index
		m.truth.recovered(m.host.instant(), e.Index)
	case env.EventRecovered:
		m.commit = e.Index
		m.truth.recovered(m.host.instant(), e.Last)
		c.mark(Mark{Kind: MarkRecovered, Node: uint64(m.host.id), Group: uint64(m.group.id), Term: e.Last})
	case env.EventRole:
		changed := m.role != e.Role || m.term != e.Term
		m.role, m.term = e.Role, e.Term
		if changed {
			m.confirmed, m.ownFirst = false, 0
			if e.Role == env.Leader || m.group.leader == m.replica {
				c.reassessGroup(m.group)
			}
		}
	case env.EventEntry:
		m.truth.entry(m.host.instant(), e.Index)
		if m.ownFirst == 0 && m.role == env.Leader && e.Term == m.term {
			m.ownFirst = e.Index
		}
	case env.EventPersisted:
		if e.First != 0 {
			m.truth.persisted(e.Last)
		}
	case env.EventCommit:
		m.commit = max(m.commit, e.Index)
		if m.role == env.Leader && !m.confirmed && m.ownFirst != 0 && e.Index >= m.ownFirst {
			m.confirmed = true
			c.elected(m.group, m)
		}
	case env.EventApply:
		m.applied = e.Index
		c.count.applied++
	case env.EventISR:
		c.count.isrChanges++
		c.mark(Mark{Kind: MarkISR, Node: uint64(m.host.id), Group: uint64(m.group.id), Term: m.term, Nodes: nodesOf(e.Set)})
	default: // nothing that a replica is followed by
	}
}

func nodesOf(set []env.NodeID) []uint64 {
	nodes := make([]uint64, len(set))
	for i, n := range set {
		nodes[i] = uint64(n)
	}
	return nodes
}

// replicaIDs converts a list of a membership; such events are rare.
func replicaIDs(ids []env.ReplicaID) (out []uint64) {
	for _, id := range ids {
		out = append(out, uint64(id))
	}
	return out
}
