package netmodel

import (
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/sim"
)

// delivery is something under way on a link: a frame, a notice, or a client's
// transfer. Deliveries are used again, so that sending allocates nothing.
type delivery struct {
	net     *Net
	link    *link
	lane    env.Lane
	epoch   uint64 // of the link when it was sent
	to      *port  // nil: a transfer
	frame   []byte // of a frame
	bytes   int    // of a frame or a transfer
	sum     uint64 // their digest; a transfer has none
	fate    Fate
	up      bool   // of a notice
	deliver func() // of a transfer

	next  *delivery // behind it in a line
	begun bool      // some of it was sent
	left  int64     // to send: bytes times 1e9, so that a nanosecond's share is whole

	expire func() // it arrives
	report func() // it is its process' turn
}

func (n *Net) delivery(l *link, lane env.Lane) *delivery {
	var d *delivery
	if i := len(n.idle); i > 0 {
		d = n.idle[i-1]
		n.idle = n.idle[:i-1]
	} else {
		d = &delivery{net: n}
		d.expire = d.arrived
		d.report = d.reported
	}
	d.link, d.lane, d.epoch = l, lane, l.epoch
	return d
}

func (d *delivery) recycle() {
	*d = delivery{net: d.net, expire: d.expire, report: d.report}
	d.net.idle = append(d.net.idle, d)
}

// dispatch sends a frame or a transfer on its way, or queues it for bandwidth,
// and notes which. It reports false if the queue had no room.
func (d *delivery) dispatch() bool {
	if d.link.knobs.BytesPerSecond > 0 {
		return d.link.enqueue(d)
	}
	d.record(d.fate, d.carry())
	return true
}

// carry lets a delivery fly, and a duplicate of it behind. It gives the delay of
// the first.
func (d *delivery) carry() sim.Time {
	n, l := d.net, d.link
	now := n.kernel.Now()
	at := max(now, l.opens) + sim.Time(l.latency(d.bytes))
	switch d.fate {
	case Corrupted:
		d.frame = l.damage(d.frame)
	case Duplicated:
		again := n.delivery(l, d.lane)
		again.to, again.frame, again.bytes, again.sum = d.to, d.frame, d.bytes, d.sum
		n.kernel.At(at+l.late(), again.expire)
	case Reordered:
		at += l.late()
	default: // arrives as it is
	}
	if d.fate != Reordered {
		at = l.inOrder(d.lane, at)
	}
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

// arrived hands the message to the other end, if the way is still free and
// somebody lives there.
func (d *delivery) arrived() {
	n, l := d.net, d.link
	switch {
	case d.epoch != l.epoch && d.lane != notices:
		d.lose(WasReset)
	case l.cuts > 0:
		switch {
		case d.lane != notices:
			n.stats.Cut++
		case d.up:
			d.to.forget(l.from) // the connection was not made; healing makes it
		}
		d.recycle()
	case l.clogged():
		l.hold(d)
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
	r, from := m.to.receiver, env.NodeID(m.link.from)
	switch {
	case m.lane != notices:
		m.net.stats.Delivered++
		r.Receive(from, m.lane, m.frame)
	case m.up:
		r.PeerUp(from)
	default:
		r.PeerDown(from)
	}
}

// lose ends a frame or a transfer on its way, and notes why.
func (d *delivery) lose(why Fate) {
	s := &d.net.stats
	switch why {
	case WasReset:
		s.Reset++
	case QueueFull:
		s.QueueFull++
	case Abandoned:
		s.Abandoned++
	case Unreachable:
		s.Unreachable++
	default:
		panic("netmodel: nothing is lost that way once it is under way")
	}
	d.record(why, 0)
	d.recycle()
}

func (d *delivery) record(fate Fate, delay sim.Time) {
	d.link.record(d.lane, fate, delay, d.bytes, d.sum)
}

func (l *link) record(lane env.Lane, fate Fate, delay sim.Time, bytes int, sum uint64) {
	l.net.kernel.RecordSum(sim.KindMessage, uint64(l.from), uint64(l.to), traceWord(lane, fate, delay), bytes, sum)
}

// line is deliveries in their order.
type line struct{ first, last *delivery }

func (q *line) push(d *delivery) {
	if q.first == nil {
		q.first = d
	} else {
		q.last.next = d
	}
	q.last = d
}

func (q *line) pop() *delivery {
	d := q.first
	q.first, d.next = d.next, nil
	return d
}

// popSecond takes out the one behind the first.
func (q *line) popSecond() *delivery {
	d := q.first.next
	q.first.next, d.next = d.next, nil
	if q.last == d {
		q.last = q.first
	}
	return d
}

// filter keeps, in their order, those for which keep is true. What it does not
// keep is the caller's once keep has returned.
func (q *line) filter(keep func(*delivery) bool) {
	rest := *q
	*q = line{}
	for rest.first != nil {
		if d := rest.pop(); keep(d) {
			q.push(d)
		}
	}
}
