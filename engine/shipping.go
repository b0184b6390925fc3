package engine

import (
	"errors"
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/replica"
	"github.com/lockstep-log/lockstep/engine/ship"
	"github.com/lockstep-log/lockstep/engine/wire"
)

// Stage implements replica.Host.
func (n *Node) Stage(r *replica.Replica, ref ship.Ref, from env.NodeID, done func(*replica.Staged, error)) {
	p := n.byGroup[r.Group()]
	p.cleaned, p.stages = false, p.stages+1
	n.ship.Stage(ref, machineDir(r.Group()), r.Machine(), from, func(s *ship.Staged, err error) {
		switch {
		case errors.Is(err, ship.ErrDisk):
			n.fail(err)
		case err != nil:
			done(nil, err)
		default:
			done(&replica.Staged{Manifest: s.Manifest, Source: s, Discard: func() { s.Discard(nil) }}, nil)
		}
	})
}

// cleanAtOnce is how many directories are looked through at a time.
const cleanAtOnce = 16

// cleanStaged removes what was staged for replicas that have caught up by their
// log. A snapshot on its way stays, and so does one that is later than what is
// applied: another leader may offer it, or one that shares its files.
func (n *Node) cleanStaged() {
	left := cleanAtOnce
	for _, p := range n.partitions {
		if p.cleaned || p.keeper == nil || !p.serves() || p.mending != nil || p.replica.Busy() {
			continue
		}
		if left--; left < 0 {
			return
		}
		n.clean(p)
	}
}

func (n *Node) clean(p *partition) {
	p.cleaned = true
	round := p.stages
	n.ship.Clean(machineDir(p.spec.Group), p.replica.AppliedIndex(), func(kept bool, err error) {
		if err != nil {
			n.fail(err)
		}
		if kept || round != p.stages {
			p.cleaned = false
		}
	})
}

// StageProgress implements replica.Host.
func (n *Node) StageProgress(r *replica.Replica) int64 { return n.ship.Progress(r.Group()) }

// Offer implements replica.Host.
func (n *Node) Offer(r *replica.Replica, m machine.Manifest) (ship.Ref, error) {
	return n.ship.Offer(r.Group(), m)
}

// Withdraw implements replica.Host.
func (n *Node) Withdraw(ref ship.Ref) { n.ship.Withdraw(ref) }

// shipping is the node as package ship sees it.
type shipping struct{ n *Node }

var _ ship.Port = shipping{}

// Send implements ship.Port.
func (s shipping) Send(to env.NodeID, m wire.Message) { s.n.Send(to, m) }

// Local implements ship.Port. Files are given while the replica serves: what a
// machine says of its files before it is open means nothing.
func (s shipping) Local(g env.GroupID) (machine.Source, bool) {
	p := s.n.byGroup[g]
	if p == nil || !p.serves() {
		return nil, false
	}
	source, ok := p.machine.(machine.Source)
	return source, ok
}

// Nodes implements ship.Port.
func (s shipping) Nodes(g env.GroupID) (nodes []env.NodeID) {
	p := s.n.byGroup[g]
	if p == nil {
		return nil
	}
	for _, r := range p.spec.Replicas {
		if r.Node != s.n.cfg.Node {
			nodes = append(nodes, r.Node)
		}
	}
	slices.Sort(nodes)
	return nodes
}

// Replica implements ship.Port.
func (s shipping) Replica(g env.GroupID) env.ReplicaID {
	if p := s.n.byGroup[g]; p != nil {
		return p.replica.Self()
	}
	return 0
}

// Suspect implements ship.Port.
func (s shipping) Suspect(g env.GroupID, _ string) {
	if p := s.n.byGroup[g]; p != nil {
		s.n.scrub.suspect(p)
	}
}
