package netmodel

import "github.com/lockstep-log/lockstep/sim"

// Reset breaks the connection of two addresses, as a TCP reset seen by both
// ends, each of which dials again at once. What is under way between them is
// lost both ways: in flight, held by a clog, waiting for bandwidth. Both nodes
// hear PeerDown and, once the new connection stands, PeerUp. That takes a round
// trip; what a node sends to the other before is lost too, a client's transfer
// waits for it.
//
// Behind a cut nobody hears of it: the messages are lost, the connection counts
// as the same when the cut is healed.
func (n *Net) Reset(a, b Addr) {
	there, back := n.link(a, b), n.link(b, a)
	opens := n.kernel.Now() + sim.Time(there.latency(0)+back.latency(0))
	there.reset(max(opens, there.opens))
	back.reset(max(opens, back.opens))
	if from, to := n.port(a), n.port(b); from != nil && to != nil && from.knows(to) && !n.severed(a, b) {
		from.forget(b)
		n.notify(a, to, false)
		n.notify(b, from, false)
	}
	n.kernel.At(there.opens, func() { n.reconnect(a, b) })
}

// reset loses what is under way in one direction, notices excepted: they are no
// part of the connection, they tell of it.
func (l *link) reset(opens sim.Time) {
	l.epoch++ // loses what is in flight, when it would have arrived
	l.opens = opens
	clear(l.latest[:notices]) // a new connection does not wait for the old one's stragglers
	l.discard(WasReset, func(*delivery) bool { return true })
	l.held.filter(func(d *delivery) bool {
		if d.lane == notices {
			return true
		}
		d.lose(WasReset)
		return false
	})
}

// opening tells whether the connection of two addresses is still being made
// again after a reset.
func (n *Net) opening(a, b Addr) bool { return n.kernel.Now() < n.link(a, b).opens }
