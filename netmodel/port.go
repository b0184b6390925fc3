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

// Fate is what the network did to a frame; it is in the trace.
type Fate uint8

// The fates of a frame. Of those that arrive, one is noted: the rarest.
const (
	Arrives Fate = iota
	Reordered
	Duplicated
	Corrupted
	Lost
	CutOff
	Unreachable
	fates
)

// String names the fate.
func (f Fate) String() string {
	if f >= fates {
		return "fate?"
	}
	return [...]string{"arrives", "reordered", "duplicated", "corrupted", "lost", "cut off", "unreachable"}[f]
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
	at, found := n.find(Addr(to))
	if !found || n.ports[at].receiver == nil {
		n.stats.Unreachable++
		n.record(p.addr, Addr(to), lane, Unreachable, 0, frame)
		return
	}
	l := n.link(p.addr, Addr(to))
	fate := l.fate(n)
	delay := sim.Time(0)
	if fate < Lost {
		delay = n.carry(l, p.addr, n.ports[at], lane, fate, frame)
	}
	n.record(p.addr, Addr(to), lane, fate, delay, frame)
}

// fate draws what happens to a frame, and counts it.
func (l *link) fate(n *Net) Fate {
	switch k := l.knobs; {
	case l.cuts > 0:
		n.stats.Cut++
		return CutOff
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

// carry sends a frame on its way, and a duplicate of it behind. It gives the
// delay of the first.
func (n *Net) carry(l *link, from Addr, to *port, lane env.Lane, fate Fate, frame []byte) sim.Time {
	now := n.kernel.Now()
	at := now + sim.Time(l.latency(len(frame)))
	switch fate {
	case Corrupted:
		frame = l.damage(frame)
	case Duplicated:
		again := n.delivery(l, from, lane)
		again.to, again.frame = to, frame
		n.kernel.At(at+l.late(), again.expire)
	case Reordered:
		at += l.late()
	default: // arrives as it is
	}
	if fate != Reordered {
		at = l.inOrder(lane, at)
	}
	d := n.delivery(l, from, lane)
	d.to, d.frame = to, frame
	n.kernel.At(at, d.expire)
	return at - now
}

// late draws how far behind its place a frame arrives.
func (l *link) late() sim.Time {
	return sim.Time(l.rand.Duration(0, max(l.knobs.ReorderBy, l.knobs.Base)))
}

// damage flips up to three bits in a copy.
func (l *link) damage(frame []byte) []byte {
	frame = slices.Clone(frame)
	if len(frame) == 0 {
		return frame
	}
	for range l.rand.Between(1, 3) {
		frame[l.rand.Pick(len(frame))] ^= 1 << l.rand.Below(8)
	}
	return frame
}
