package engine

import (
	"slices"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/wire"
)

// peers is what is known of the other nodes' lives.
type peers map[env.NodeID]*peer

type peer struct {
	disk        uint64
	incarnation uint64 // the newest heard of, on that disk
	heard       time.Duration
	retired     []uint64 // disks that it had before, the newest last
}

const (
	mostRetired = 4
	// retiredFor is how long a newer disk must be silent before a frame of one that
	// was taken for older says that it was the other way round.
	retiredFor = 10 * time.Second
)

// admit takes note of a frame's life. ok is false if it is of one that has
// ended; fresh says that it is the first of a new one.
func (ps peers) admit(f *wire.Frame, now time.Duration) (fresh, ok bool) {
	p := ps[f.From]
	switch {
	case p == nil:
		p = &peer{disk: f.Disk}
		ps[f.From] = p
	case p.disk == f.Disk && f.Incarnation < p.incarnation:
		return false, false
	case p.disk != f.Disk && slices.Contains(p.retired, f.Disk) && now-p.heard < retiredFor:
		return false, false
	case p.disk != f.Disk:
		// Formatted again: its incarnations begin anew.
		p.retired = append(slices.DeleteFunc(p.retired, func(d uint64) bool { return d == f.Disk }), p.disk)
		p.retired = p.retired[max(0, len(p.retired)-mostRetired):]
		p.disk, p.incarnation = f.Disk, 0
	}
	fresh = f.Incarnation != p.incarnation
	p.incarnation, p.heard = f.Incarnation, now
	return fresh, true
}

// Receive implements env.Receiver: the border. What is damaged, foreign, or of
// an earlier life of its sender is dropped; no message creates a replica.
func (n *Node) Receive(from env.NodeID, _ env.Lane, b []byte) {
	if !n.Ready() {
		return
	}
	frame, err := wire.Decode(b)
	if err != nil || frame.Cluster != n.cfg.Cluster || frame.To != n.cfg.Node || frame.From != from {
		return
	}
	fresh, ok := n.peers.admit(&frame, n.env.Clock.Monotonic())
	if !ok {
		return
	}
	if fresh {
		delete(n.space.full, from)
		for _, p := range n.partitions {
			p.replica.PeerRestarted(from)
		}
	}
	for _, m := range frame.Messages {
		p := n.byGroup[m.Group]
		switch {
		case m.Own != nil:
			n.receiveOwn(&frame, p, m)
		case p != nil:
			detach(m.Raft.GetEntries(), len(b))
			p.replica.Step(from, frame.Disk, m)
		}
	}
}

// receiveOwn gives a message of ours to whom it is for; p is nil for a group
// that is not here.
func (n *Node) receiveOwn(f *wire.Frame, p *partition, m wire.Message) {
	o := m.Own
	switch o.Kind {
	case wire.OwnFetch, wire.OwnChunk:
		n.ship.Receive(f.From, m)
		return
	case wire.OwnNodeStatus:
		n.space.heard(f.From, o.Code == wire.Full, n.env.Clock.Monotonic())
		return
	default:
	}
	if p == nil {
		return
	}
	switch o.Kind {
	case wire.OwnSnapStatus:
		p.replica.SnapStatus(f.From, o)
	case wire.OwnLeaving:
		p.replica.Leaving(f.From, o)
	case wire.OwnRemoved:
		p.replica.Removed(o)
	case wire.OwnLost:
		if o.Disk == f.Disk && o.Incarnation == f.Incarnation {
			p.lost(f.From, o)
		}
	case wire.OwnGrant:
		p.granted(o)
	default:
	}
}

// detach copies the data of entries that are a small part of their frame: they
// stay in memory for long, and would keep the whole frame there.
func detach(entries []*raftpb.Entry, frame int) {
	size := 0
	for _, e := range entries {
		size += len(e.Data)
	}
	if size == 0 || size > frame/4 {
		return
	}
	block := make([]byte, 0, size)
	for _, e := range entries {
		from := len(block)
		block = append(block, e.Data...)
		e.Data = block[from:len(block):len(block)]
	}
}

// PeerUp implements env.Receiver. Ticks and heartbeats do what is needed.
func (n *Node) PeerUp(env.NodeID) {}

// PeerDown implements env.Receiver.
func (n *Node) PeerDown(peer env.NodeID) {
	if !n.Ready() {
		return
	}
	n.ship.PeerDown(peer)
	for _, p := range n.partitions {
		p.replica.PeerDown(peer)
	}
}
