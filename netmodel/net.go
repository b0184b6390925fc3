package netmodel

import (
	"cmp"
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/sim"
)

// Addr is an end of links: a node's is its NodeID, the n-th client's is
// ClientBase + n.
type Addr uint64

// ClientBase is the first address of clients, above all nodes.
const ClientBase Addr = 1 << 32

// Config are the knobs of a network.
type Config struct {
	Default Link `json:"default"`
}

// DefaultConfig is a network without faults.
func DefaultConfig() Config { return Config{Default: DefaultLink()} }

// Net is the network between all nodes and clients of one run.
type Net struct {
	kernel *sim.Kernel
	def    Link
	links  map[pair]*link
	made   []*link // the same, in the order in which they were first used
	ports  []*port // of the living processes, in order of their address
	idle   []*delivery
	stats  Stats
}

// Stats counts frames and transfers.
type Stats struct {
	Sent        uint64
	Delivered   uint64
	Lost        uint64 // by LossPPM
	Duplicated  uint64
	Reordered   uint64
	Corrupted   uint64
	Cut         uint64 // sent into a cut, or caught by one on the way
	Unreachable uint64 // nobody was there: never attached, dead, or dead meanwhile
	QueueFull   uint64 // did not fit the queue before a link's bandwidth
	Reset       uint64 // lost with the connection that Reset broke, or sent before the new one stood
	Abandoned   uint64 // waited for bandwidth when their sender died
	Queued      uint64 // waited for others to leave; they are counted elsewhere as well
	Held        uint64 // waited for the end of a clog; they are counted elsewhere as well
}

// New makes a network in which nobody is attached yet.
func New(k *sim.Kernel, cfg Config) *Net {
	return &Net{kernel: k, def: cfg.Default, links: map[pair]*link{}}
}

// Stats tells what the network has done.
func (n *Net) Stats() Stats { return n.stats }

// Attach makes a node's port. exec runs callbacks on that process' loop: it may
// delay them and, once the process is dead, drop them. A port that the node had
// before is dead from now on.
func (n *Net) Attach(node env.NodeID, exec func(f func())) env.Network {
	addr := Addr(node)
	n.detach(addr)
	p := &port{net: n, addr: addr, exec: exec}
	at, _ := n.find(addr)
	n.ports = slices.Insert(n.ports, at, p)
	return p
}

// Close tells the network that a node's process crashed: its connections close,
// its peers hear of it, and what is under way to it vanishes.
func (n *Net) Close(node env.NodeID) {
	dead := n.detach(Addr(node))
	if dead == nil || dead.receiver == nil {
		return
	}
	for _, peer := range n.ports {
		if dead.knows(peer) {
			n.notify(dead.addr, peer, false)
		}
	}
}

// PowerOff is Close, but nobody hears of it.
func (n *Net) PowerOff(node env.NodeID) { n.detach(Addr(node)) }

// Connected tells whether both addresses are there, a client always being so,
// and neither direction between them is cut. Clogged is not cut.
func (n *Net) Connected(a, b Addr) bool {
	return n.present(a) && n.present(b) && !n.severed(a, b)
}

func (n *Net) present(a Addr) bool {
	return a >= ClientBase || n.port(a) != nil
}

// port is the living process at an address; nil: there is none.
func (n *Net) port(addr Addr) *port {
	if i, found := n.find(addr); found {
		return n.ports[i]
	}
	return nil
}

func (n *Net) find(addr Addr) (int, bool) {
	return slices.BinarySearchFunc(n.ports, addr, func(p *port, a Addr) int { return cmp.Compare(p.addr, a) })
}

func (n *Net) detach(addr Addr) *port {
	i, found := n.find(addr)
	if !found {
		return nil
	}
	p := n.ports[i]
	p.dead = true
	n.ports = slices.Delete(n.ports, i, i+1)
	n.unqueue(p)
	return p
}

// unqueue drops the frames that wait for bandwidth from a process that died, or
// to it: the queues are memory of the processes.
func (n *Net) unqueue(dead *port) {
	for _, l := range n.made {
		if l.from == dead.addr {
			l.discard(Abandoned, func(d *delivery) bool { return d.to != nil })
		} else if l.to == dead.addr {
			l.discard(Unreachable, func(d *delivery) bool { return d.to == dead })
		}
	}
}

// reconnect makes the connection of two ports where there is none and nothing
// hinders it.
func (n *Net) reconnect(a, b Addr) {
	if from, to := n.port(a), n.port(b); from != nil && to != nil {
		n.connect(from, to)
	}
}

func (n *Net) connect(a, b *port) {
	if a == b || a.receiver == nil || b.receiver == nil || a.knows(b) || n.severed(a.addr, b.addr) || n.opening(a.addr, b.addr) {
		return
	}
	a.know(b)
	b.know(a)
	n.notify(a.addr, b, true)
	n.notify(b.addr, a, true)
}

// notify lets a port hear, a link's delay from now, that a peer is up or down.
func (n *Net) notify(peer Addr, to *port, up bool) {
	l := n.link(peer, to.addr)
	if l.cuts > 0 {
		return
	}
	d := n.delivery(l, notices)
	d.to, d.up = to, up
	n.kernel.At(l.inOrder(notices, n.kernel.Now()+sim.Time(l.latency(0))), d.expire)
}
