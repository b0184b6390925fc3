package netmodel

import (
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/sim"
)

// port is one process' end: env.Network.
type port struct {
	net      *Net
	addr     Addr
	exec     func(func())
	receiver env.Receiver
	dead     bool
	// peers are the ports it has a connection with, also if a cut severs it.
	peers []*port
}

func (p *port) knows(peer *port) bool { return slices.Contains(p.peers, peer) }

// know adds a peer, and forgets those that died.
func (p *port) know(peer *port) {
	p.peers = slices.DeleteFunc(p.peers, func(old *port) bool { return old.dead })
	p.peers = append(p.peers, peer)
}

// forget drops the living peer at an address, on both sides.
func (p *port) forget(addr Addr) {
	for i, peer := range p.peers {
		if peer.addr == addr && !peer.dead {
			p.peers = slices.Delete(p.peers, i, i+1)
			peer.peers = slices.DeleteFunc(peer.peers, func(other *port) bool { return other == p })
			return
		}
	}
}

func (p *port) Attach(r env.Receiver) {
	if p.receiver != nil {
		panic("netmodel: a second receiver")
	}
	p.receiver = r
	if p.dead {
		return
	}
	for _, peer := range p.net.ports {
		p.net.connect(p, peer)
	}
}

func (p *port) Send(to env.NodeID, lane env.Lane, frame []byte) {
	if p.dead {
		return
	}
	if lane >= env.Lanes {
		panic("netmodel: no such lane")
	}
	n := p.net
	n.stats.Sent++
	l, sum := n.link(p.addr, Addr(to)), sim.Sum(frame)
	peer := n.port(Addr(to))
	if peer == nil || peer.receiver == nil || peer == p {
		n.stats.Unreachable++
		l.record(lane, Unreachable, 0, len(frame), sum)
		return
	}
	fate := l.fate(n)
	if fate >= Lost {
		l.record(lane, fate, 0, len(frame), sum)
		return
	}
	d := n.delivery(l, lane)
	d.to, d.frame, d.bytes, d.sum, d.fate = peer, frame, len(frame), sum, fate
	d.dispatch()
}

// fate draws what happens to a frame, and counts it.
func (l *link) fate(n *Net) Fate {
	switch k := l.knobs; {
	case l.cuts > 0:
		n.stats.Cut++
		return CutOff
	case n.kernel.Now() < l.opens:
		n.stats.Reset++
		return WasReset
	case l.rand.PPM(k.LossPPM):
		n.stats.Lost++
		return Lost
	case l.rand.PPM(k.CorruptPPM):
		n.stats.Corrupted++
		return Corrupted
	case l.rand.PPM(k.DuplicatePPM):
		n.stats.Duplicated++
		return Duplicated
	case l.rand.PPM(k.ReorderPPM):
		n.stats.Reordered++
		return Reordered
	}
	return Arrives
}
