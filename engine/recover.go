package engine

import (
	"errors"
	"fmt"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/replica"
	"github.com/lockstep-log/lockstep/engine/wal"
)

// ErrFormatted is Format's answer to a directory that belongs to a node already.
var ErrFormatted = errors.New("engine: the data directory is formatted already")

// Format makes an empty data directory into that of a node with the replicas
// the topology places on it. The journal is written last, so a directory is a
// node's only once all of it is there. Groups without a journal are refused:
// they may be what is left of a node that lost it.
func Format(t *env.Task, e env.Env, cfg Config) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	switch names, err := t.List(e.Disk, cfg.Journal.Dir); {
	case err == nil && len(names) > 0:
		return fmt.Errorf("%w (%s holds %d files)", ErrFormatted, cfg.Journal.Dir, len(names))
	case err != nil && !errors.Is(err, env.ErrNotExist):
		return fmt.Errorf("engine: format: %w", err)
	}
	var tasks env.Tasks
	var genesis []journal.Genesis
	for i := range cfg.Topology.Partitions {
		p := &cfg.Topology.Partitions[i]
		id := p.on(cfg.Node)
		if id == 0 {
			continue
		}
		switch err := formatMachine(t, e, &tasks, &cfg, p); {
		case errors.Is(err, wal.ErrFormatted):
			return fmt.Errorf("%w: group %d is there without a journal, left by a format that was cut short or by a lost journal; "+
				"move %s away if nothing in it is needed", ErrFormatted, p.Group, machineDir(p.Group))
		case err != nil:
			return fmt.Errorf("engine: format group %d: %w", p.Group, err)
		}
		genesis = append(genesis, journal.Genesis{Group: p.Group, Replica: id})
	}
	return journal.Format(t, e, cfg.Journal, identity(&cfg), genesis)
}

func formatMachine(t *env.Task, e env.Env, tasks *env.Tasks, cfg *Config, p *Partition) error {
	var failed error
	m := newMachine(cfg, MachineSpec{
		Env: e, Tasks: tasks, Partition: *p, Dir: machineDir(p.Group),
		Fail: func(err error) { failed = err },
	})
	defer m.Close()
	f, ok := m.(machine.Formatter)
	if !ok {
		return nil
	}
	var err error
	t.Await(func(done func()) {
		f.Format(replica.GenesisMeta(members(p)), func(e error) { err = e; done() })
	})
	return errors.Join(err, failed)
}

func newMachine(cfg *Config, spec MachineSpec) machine.StateMachine {
	if cfg.NewMachine != nil {
		return cfg.NewMachine(spec)
	}
	return wal.New(spec.Env, spec.Tasks, wal.Config{Dir: spec.Dir, Genesis: cfg.Log, TailBytes: cfg.LogTailBytes}, spec.Fail)
}

func identity(cfg *Config) journal.Identity {
	return journal.Identity{Cluster: cfg.Cluster, Node: cfg.Node}
}

// recover brings the node from its disk to service. No message leaves before
// it is done.
func (n *Node) recover(t *env.Task) error {
	if err := n.cfg.Validate(); err != nil {
		return err
	}
	j, err := journal.Open(t, n.env, n.cfg.Journal, identity(&n.cfg), nil, &n.tasks, n.fail)
	if err != nil {
		return err
	}
	n.journal = j
	j.OnDamage(n.damaged)
	groups := j.Groups()
	if err := n.place(groups); err != nil {
		return err
	}
	for i, p := range n.partitions {
		switch err := p.replica.Recover(t, groups[i]); {
		case err == nil:
		case errors.Is(err, env.ErrIO) && !errors.Is(err, wal.ErrDamaged):
			// The disk failed a write or a sync; nothing says that this group is
			// damaged. Stopped, the node may come back; fenced, it could not.
			return fmt.Errorf("engine: recover group %d: %w", groups[i].Group, err)
		default:
			p.replica.Fence(err)
		}
	}
	n.serve()
	return nil
}

// place makes a replica for each group of the journal and checks that these are
// the groups the topology wants here.
func (n *Node) place(groups []journal.Recovered) error {
	wanted := 0
	for i := range n.cfg.Topology.Partitions {
		if n.cfg.Topology.Partitions[i].on(n.cfg.Node) != 0 {
			wanted++
		}
	}
	if wanted != len(groups) {
		return fmt.Errorf("%w: it holds %d groups, the topology places %d on node %d", ErrTopology, len(groups), wanted, n.cfg.Node)
	}
	for _, g := range groups {
		spec := n.specOf(g.Group)
		if spec == nil || spec.on(n.cfg.Node) != g.Replica {
			return fmt.Errorf("%w: group %d with replica %d is not placed on node %d", ErrTopology, g.Group, g.Replica, n.cfg.Node)
		}
		p := n.newPartition(spec, g.Replica)
		n.partitions = append(n.partitions, p)
		n.byGroup[g.Group] = p
	}
	return nil
}

// damaged takes a group out of service whose entries turned out unreadable: its
// replica can no longer prove what it promised.
func (n *Node) damaged(g env.GroupID, err error) {
	if p := n.byGroup[g]; p != nil {
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
	if n.events.Ready != nil {
		n.events.Ready()
	}
}
