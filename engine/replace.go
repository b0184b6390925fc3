package engine

import (
	"errors"
	"fmt"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/replica"
	"github.com/lockstep-log/lockstep/engine/ship"
	"github.com/lockstep-log/lockstep/engine/wal"
	"github.com/lockstep-log/lockstep/engine/wire"
)

// replaceable tells whether a replica that is out of service for this reason is
// to come back under a fresh id: it may have forgotten what it promised. Any
// other reason, such as a panic, would meet the next replica too.
func replaceable(err error) bool {
	for _, reason := range []error{
		journal.ErrDamaged, journal.ErrBlank, wal.ErrDamaged, wal.ErrNotFormatted, wal.ErrUnread,
		replica.ErrDamaged, replica.ErrMeta, replica.ErrRemoved,
	} {
		if errors.Is(err, reason) {
			return true
		}
	}
	return false
}

// unreadPatience is how long what could not be read may take to be the disk's
// passing trouble: the process may end and read it.
const unreadPatience = 5 * time.Second

// Fenced implements replica.Host.
func (n *Node) Fenced(r *replica.Replica, err error) {
	p := n.byGroup[r.Group()]
	if p == nil || p.replica != r {
		return
	}
	p.state, p.why = StateFenced, err
	p.failFetches(KafkaStorageError)
	if n.ship != nil {
		n.ship.Cancel(p.spec.Group)
	}
	p.replace()
}

// asking is a request for a fresh id. Only the answer to it is taken.
type asking struct {
	nonce uint64
	old   env.ReplicaID // 0: unknown
	grant env.ReplicaID // 0: none yet
	wake  func()
}

// replace begins to bring the group back here under a fresh id, if that is what
// it needs. Nothing of this is written down but the journal's own fence and
// adoption: a process that ends begins again from there.
func (p *partition) replace() {
	if p.replacing || p.hopeless || p.state != StateFenced || !p.node.Ready() || !replaceable(p.why) {
		return
	}
	p.replacing = true
	p.node.tasks.Go("replace", func(t *env.Task) {
		err := p.comeBack(t)
		p.replacing = false
		if err != nil {
			p.node.fail(err)
			return
		}
		p.mend()
		p.replace() // it was fenced again while it recovered
	})
}

// comeBack goes from fencing to a learner. An error is the node's end.
func (p *partition) comeBack(t *env.Task) error {
	n, g := p.node, p.spec.Group
	switch {
	case n.journal.Group(g).Reason == journal.FencedUnread:
		t.Sleep(n.env.Clock, unreadPatience)
	case errors.Is(p.why, wal.ErrUnread) && !p.retried:
		p.retried = true
		t.Sleep(n.env.Clock, unreadPatience)
		return p.reopen(t)
	}
	// From here on the old id is silent, in every later process too.
	n.journal.Fence(g, p.why)
	t.Await(func(done func()) { n.journal.Drained(g, done) })
	p.close(t)
	c, err := p.prepare(t)
	if err != nil || c == nil {
		return err
	}
	p.state = StateAsking
	old := n.journal.Group(g).Replica
	id := p.ask(t, old)
	p.state = StateAdopting
	t.Await(func(done func()) {
		if err = n.journal.Adopt(g, id, c.ID, c.Index, c.Term, done); err != nil {
			done()
		}
	})
	if err != nil {
		return fmt.Errorf("engine: group %d as replica %d: %w", g, id, err)
	}
	n.env.Tracer.Trace(env.Event{Kind: env.EventReplica, Group: g, Replica: id, Peer: old, Index: c.Index})
	return p.open(t, n.journal.Group(g))
}

// prepare finds the durable checkpoint that the fresh replica begins with. Any
// intact one will do, for it is committed state; where there is none it begins
// with nothing. nil: the machine cannot begin at all.
func (p *partition) prepare(t *env.Task) (*machine.Checkpoint, error) {
	for {
		p.buildMachine(0)
		c, err := openMachine(t, p.machine)
		if err != nil && p.keeper != nil {
			err = p.makeWhole(t, err)
		} else if err == nil {
			p.closeMachine()
			return &c, nil
		}
		p.closeMachine()
		switch {
		case err == nil:
		case errors.Is(err, env.ErrNoSpace):
			t.Sleep(p.node.env.Clock, p.node.cfg.LostEvery)
		case errors.Is(err, ship.ErrDisk), errors.Is(err, env.ErrIO) && !errors.Is(err, wal.ErrUnread):
			return nil, fmt.Errorf("engine: prepare group %d: %w", p.spec.Group, err)
		default: // it stays out of service, and says why
			p.state, p.why, p.hopeless = StateFenced, errors.Join(p.why, err), true
			return nil, nil //nolint:nilnil // nothing to begin with, and no reason to stop the node
		}
	}
}

// makeWhole does what an error of Open asks for: files are fetched, or a log
// whose checkpoint is lost begins anew.
func (p *partition) makeWhole(t *env.Task, err error) error {
	if damaged, repairable := errors.AsType[*wal.DamageError](err); repairable {
		if lost, err := p.mendOnce(t, damaged.Bad); err != nil || !lost {
			return err
		}
	} else if !replaceable(err) {
		return err
	} else {
		p.lostCheckpoint(err)
	}
	above := p.node.journal.Group(p.spec.Group).CheckpointID
	return p.keeper.Reformat(t, replica.GenesisMeta(members(p.spec)), above)
}

// mendOnce fetches what can be had. lost: nobody has one of the files.
func (p *partition) mendOnce(t *env.Task, bad []wal.BadFile) (lost bool, err error) {
	for _, b := range bad {
		p.traceDamage(b)
		switch err := p.mendFile(t, p.keeper, b); {
		case errors.Is(err, ship.ErrSources):
			return true, nil
		case errors.Is(err, ship.ErrDisk), errors.Is(err, env.ErrNoSpace):
			return false, err
		case err != nil: // tried again with the next opening
			t.Sleep(p.node.env.Clock, p.node.cfg.LostEvery)
		}
	}
	return false, nil
}

func openMachine(t *env.Task, m machine.StateMachine) (c machine.Checkpoint, err error) {
	t.Await(func(done func()) {
		m.Open(func(got machine.Checkpoint, e error) { c, err = got, e; done() })
	})
	return c, err
}

func (p *partition) closeMachine() {
	p.machine.Close()
	p.keeper, p.bad = nil, nil
}

// ask tells the nodes of the group that its replica here is lost until a leader
// grants a fresh id.
func (p *partition) ask(t *env.Task, old env.ReplicaID) env.ReplicaID {
	n := p.node
	a := &asking{nonce: n.env.Entropy.Uint64() | 1, old: old}
	p.asking = a
	defer func() { p.asking = nil }()
	for a.grant == 0 {
		p.reportLost(a)
		t.Await(func(done func()) {
			timer := n.env.Clock.AfterFunc(n.cfg.LostEvery, done)
			a.wake = func() {
				if timer.Stop() {
					done()
				}
			}
		})
	}
	return a.grant
}

func (p *partition) reportLost(a *asking) {
	n := p.node
	for _, r := range p.spec.Replicas {
		if r.Node == n.cfg.Node {
			continue
		}
		n.env.Tracer.Trace(env.Event{Kind: env.EventLostReported, Group: p.spec.Group, Replica: a.old, Peer: env.ReplicaID(r.Node)})
		n.Send(r.Node, wire.Message{Group: p.spec.Group, Own: &wire.Own{
			Kind: wire.OwnLost, From: a.old, ID: a.nonce, Disk: n.journal.Disk(), Incarnation: n.journal.Incarnation(),
		}})
	}
}

// granted takes a leader's answer, if it is one to the request that is pending
// here: of this life, and a later id than any that the group had on this disk.
func (p *partition) granted(o *wire.Own) {
	a, n := p.asking, p.node
	if a == nil || a.grant != 0 || o.ID != a.nonce || o.Disk != n.journal.Disk() ||
		o.Incarnation != n.journal.Incarnation() || o.To <= a.old {
		return
	}
	a.grant = o.To
	a.wake()
}

// lost takes another node's report of its replica and sends the grant once the
// group has decided.
func (p *partition) lost(from env.NodeID, o *wire.Own) {
	grant, ok := p.replica.Lost(replica.Lost{
		Group: p.spec.Group, Node: from, Replica: o.From,
		Disk: o.Disk, Incarnation: o.Incarnation, Nonce: o.ID,
	})
	if !ok {
		return
	}
	p.node.Send(from, wire.Message{Group: p.spec.Group, Own: &wire.Own{
		Kind: wire.OwnGrant, From: grant.Old, To: grant.New, ID: grant.Nonce,
		Disk: grant.Disk, Incarnation: grant.Incarnation, Index: grant.Index,
	}})
}
