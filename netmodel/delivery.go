package netmodel

import (
	"fmt"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/sim"
)

// delivery is something under way on a link: a frame, a notice, or a client's
// transfer. Deliveries are used again, so that sending allocates nothing.
type delivery struct {
	net     *Net
	link    *link
	from    Addr
	lane    env.Lane
	to      *port  // nil: a transfer
	frame   []byte // of a frame
	up      bool   // of a notice
	deliver func() // of a transfer

	expire func() // it arrives
	report func() // it is its process' turn
}

func (n *Net) delivery(l *link, from Addr, lane env.Lane) *delivery {
	var d *delivery
	if i := len(n.idle); i > 0 {
		d = n.idle[i-1]
		n.idle = n.idle[:i-1]
	} else {
		d = &delivery{net: n}
		d.expire = d.arrived
		d.report = d.reported
	}
	d.link, d.from, d.lane = l, from, lane
	return d
}

func (d *delivery) recycle() {
	*d = delivery{net: d.net, expire: d.expire, report: d.report}
	d.net.idle = append(d.net.idle, d)
}

// arrived hands the message to the other end, if the way is still free and
// somebody lives there.
func (d *delivery) arrived() {
	n := d.net
	switch {
	case d.link.cuts > 0:
		switch {
		case d.lane != notices:
			n.stats.Cut++
		case d.up:
			d.to.forget(d.from) // the connection was not made; healing makes it
		}
		d.recycle()
	case d.to == nil:
		n.stats.Delivered++
		deliver := d.deliver
		d.recycle()
		deliver()
	case d.to.dead:
		if d.lane != notices {
			n.stats.Unreachable++
		}
		d.recycle()
	default:
		d.to.exec(d.report)
	}
}

func (d *delivery) reported() {
	m := *d
	d.recycle()
	if m.to.dead {
		return
	}
	r := m.to.receiver
	switch {
	case m.lane != notices:
		m.net.stats.Delivered++
		r.Receive(env.NodeID(m.from), m.lane, m.frame)
	case m.up:
		r.PeerUp(env.NodeID(m.from))
	default:
		r.PeerDown(env.NodeID(m.from))
	}
}

// Transfer sends a client's message, or an answer to one: deliver runs when it
// arrives. It reports whether it is on its way; one that is not, or that a cut
// catches, is lost without a word, and the sender must not act on the answer.
func (n *Net) Transfer(from, to Addr, bytes int, deliver func()) bool {
	l := n.link(from, to)
	n.stats.Sent++
	fate := l.transferFate(n)
	delay := sim.Time(0)
	if fate == Arrives {
		now := n.kernel.Now()
		at := l.inOrder(env.Append, now+sim.Time(l.latency(bytes)))
		delay = at - now
		d := n.delivery(l, from, env.Append)
		d.deliver = deliver
		n.kernel.At(at, d.expire)
	}
	n.kernel.RecordSum(sim.KindMessage, uint64(from), uint64(to), traceWord(env.Append, fate, delay), bytes, 0)
	return fate == Arrives
}

func (l *link) transferFate(n *Net) Fate {
	switch {
	case l.cuts > 0:
		n.stats.Cut++
		return CutOff
	case l.rand.PPM(l.knobs.LossPPM + l.knobs.CorruptPPM):
		n.stats.Lost++
		return Lost
	}
	return Arrives
}

func (n *Net) record(from, to Addr, lane env.Lane, fate Fate, delay sim.Time, frame []byte) {
	n.kernel.Record(sim.KindMessage, uint64(from), uint64(to), traceWord(lane, fate, delay), frame)
}

// In the trace a message is A: from, B: to, C: the lane in the low byte, the
// fate in the next, the nanoseconds to its arrival above; the bytes are its own.
func traceWord(lane env.Lane, fate Fate, delay sim.Time) uint64 {
	return uint64(lane) | uint64(fate)<<8 | uint64(delay)<<16
}

// Describe says in words what a recorded message was.
func Describe(e sim.Event) string {
	lane, fate, delay := env.Lane(e.C), Fate(e.C>>8), e.C>>16
	return fmt.Sprintf("%s to %s, lane %s: %d bytes (digest %016x), %s after %d ns", Addr(e.A), Addr(e.B), lane, e.Bytes, e.Sum, fate, delay)
}

// String is "node 1" or "client 0".
func (a Addr) String() string {
	if a >= ClientBase {
		return fmt.Sprintf("client %d", uint64(a-ClientBase))
	}
	return fmt.Sprintf("node %d", uint64(a))
}
