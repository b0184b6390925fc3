package netmodel

import (
	"github.com/lockstep-log/lockstep/engine/env"
)

// Transfer sends a client's message, or an answer to one: deliver runs when it
// arrives. It reports whether it is on its way; one that is not, or that a cut
// or a reset catches, is lost without a word, and the sender must not act on the
// answer.
func (n *Net) Transfer(from, to Addr, bytes int, deliver func()) bool {
	l := n.link(from, to)
	n.stats.Sent++
	if fate := l.transferFate(n); fate != Arrives {
		l.record(env.Append, fate, 0, bytes, 0)
		return false
	}
	d := n.delivery(l, env.Append)
	d.bytes, d.deliver = bytes, deliver
	return d.dispatch()
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
