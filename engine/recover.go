package engine

import (
	"errors"
	"fmt"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
	"github.com/lockstep-log/lockstep/engine/ship"
	"github.com/lockstep-log/lockstep/engine/wal"
)

// recover brings the node from its disk to service. No message leaves before
// it is done.
func (n *Node) recover(t *env.Task) error {
	if err := n.cfg.Validate(); err != nil {
		return err
	}
	n.pool = wal.NewPool(n.cfg.MaxOpenFiles, n.cfg.IdleClose)
	n.tails = wal.NewTails(n.cfg.LogTailsBytes)
	j, err := journal.Open(t, n.env, n.cfg.journalConfig(), identity(&n.cfg), n.expected(), &n.tasks, n.fail)
	if err != nil {
		return err
	}
	n.journal = j
	n.ship = ship.New(n.env, &n.tasks, n.cfg.Ship, shipping{n})
	j.OnDamage(n.damaged)
	groups := j.Groups()
	if err := n.place(groups); err != nil {
		return err
	}
	for i, p := range n.partitions {
		if err := p.open(t, groups[i]); err != nil {
			return err
		}
	}
	if err := n.openDirects(t); err != nil {
		return err
	}
	n.serve()
	return nil
}

// expected are the groups that the topology places here. Their ids are the
// journal's to know: where it lost all, nobody here does.
func (n *Node) expected() []journal.Genesis {
	groups := []journal.Genesis{} // a node may have none, and know that
	for i := range n.cfg.Topology.Partitions {
		if p := &n.cfg.Topology.Partitions[i]; p.on(n.cfg.Node) != 0 && !p.Unreplicated {
			groups = append(groups, journal.Genesis{Group: p.Group})
		}
	}
	return groups
}

// place makes a partition for each group of the journal and checks that these
// are the groups the topology wants here.
func (n *Node) place(groups []journal.Recovered) error {
	if wanted := len(n.expected()); wanted != len(groups) {
		return fmt.Errorf("%w: it holds %d groups, the topology places %d on node %d", ErrTopology, len(groups), wanted, n.cfg.Node)
	}
	for _, g := range groups {
		spec := n.specOf(g.Group)
		if spec == nil || !spec.mayHold(n.cfg.Node, g.Replica) {
			return fmt.Errorf("%w: group %d with replica %d is not placed on node %d", ErrTopology, g.Group, g.Replica, n.cfg.Node)
		}
		p := &partition{node: n, spec: spec}
		n.partitions = append(n.partitions, p)
		n.byGroup[g.Group] = p
	}
	return nil
}

// mayHold tells whether a replica's id can be that of the partition on a node:
// the one it began with, or a fresh one that it was granted; 0 is none yet.
func (p *Partition) mayHold(node env.NodeID, id env.ReplicaID) bool {
	first := p.on(node)
	if first == 0 || id == 0 || id == first {
		return first != 0
	}
	for _, r := range p.Replicas {
		if id <= r.ID {
			return false
		}
	}
	return true
}

// open makes the replica from what the journal knows of it and from the
// machine's files. What is damaged is left to repair or to replacement; an error
// is the node's end.
func (p *partition) open(t *env.Task, rec journal.Recovered) error {
	p.build(rec.Replica)
	err := p.replica.Recover(t, rec)
	damaged, repairable := errors.AsType[*wal.DamageError](err)
	switch {
	case err == nil:
		p.state = StateServing
		p.cleaned, p.retried = false, false
		p.foundCheckpoint()
		p.mend()
	case repairable && rec.Fenced == nil:
		p.state, p.why = StateRepairing, err
		for _, b := range damaged.Bad {
			p.traceDamage(b)
		}
		p.mend()
	case errors.Is(err, env.ErrNoSpace):
		p.why = err
		p.openLater()
	case errors.Is(err, env.ErrIO) && !replaceable(err):
		// The disk failed a write or a sync; nothing says that this group is
		// damaged. Stopped, the node may come back; fenced, it could not.
		return fmt.Errorf("engine: recover group %d: %w", p.spec.Group, err)
	default:
		p.lostCheckpoint(err)
		p.replica.Fence(err) // see Fenced
	}
	return nil
}

// openLater tries again to open what a full disk kept from it.
func (p *partition) openLater() {
	p.node.tasks.Go("open", func(t *env.Task) {
		t.Sleep(p.node.env.Clock, p.node.cfg.LostEvery)
		if err := p.reopen(t); err != nil {
			p.node.fail(err)
		}
	})
}

// damaged takes a group out of service whose entries turned out unreadable: its
// replica can no longer prove what it promised.
func (n *Node) damaged(g env.GroupID, err error) {
	if p := n.byGroup[g]; p != nil && p.replica != nil {
		p.replica.Fence(err)
	}
}

func (n *Node) specOf(g env.GroupID) *Partition {
	for i := range n.cfg.Topology.Partitions {
		if p := &n.cfg.Topology.Partitions[i]; p.Group == g {
			return p
		}
	}
	return nil
}

func (n *Node) serve() {
	n.ready = true
	n.env.Tracer.Trace(env.Event{Kind: env.EventBooted, Index: n.journal.Incarnation()})
	n.env.Network.Attach(n)
	n.armTick()
	for _, p := range n.partitions {
		p.mend()
		p.replace()
	}
	n.scrub.begin(n)
	if n.events.Ready != nil {
		n.events.Ready()
	}
}
