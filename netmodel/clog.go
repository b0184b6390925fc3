package netmodel

import "github.com/lockstep-log/lockstep/sim"

// Clog holds one direction: nothing arrives before until; then all that waited,
// PeerUp and PeerDown included, arrives in its order, at once. Of overlapping
// clogs the latest end counts. An end that has passed does nothing.
func (n *Net) Clog(from, to Addr, until sim.Time) {
	l := n.link(from, to)
	if until <= n.kernel.Now() || l.clogged() && until <= l.clogEnd {
		return
	}
	l.clogEnd = until
	l.clog.Stop()
	l.clog = n.kernel.At(until, l.release)
}

// Unclog ends the clog of one direction: what waited arrives as soon as the
// current event has ended. Without a clog it does nothing.
func (n *Net) Unclog(from, to Addr) { n.link(from, to).unclog() }

func (l *link) unclog() {
	if l.clogged() {
		l.clog.Stop()
		l.clogEnd = l.net.kernel.Now()
		l.clog = l.net.kernel.At(l.clogEnd, l.release)
	}
}

// clogged tells whether the end of a clog is still to come.
func (l *link) clogged() bool { return l.clog.Pending() }

// hold keeps what has come to the clogged end of the link.
func (l *link) hold(d *delivery) {
	if d.lane != notices {
		l.net.stats.Held++
		d.record(Held, l.clogEnd-l.net.kernel.Now())
	}
	l.held.push(d)
}

// unheld lets all that was held arrive.
func (l *link) unheld() {
	held := l.held
	l.held = line{}
	for held.first != nil {
		held.pop().arrived()
	}
}
