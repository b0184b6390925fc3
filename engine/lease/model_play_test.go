package lease

import (
	"slices"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
)

// change begins or ends a joint configuration.
func (w *world) change(n *node) {
	for _, e := range n.log[n.commit:] {
		if e.change != nil {
			return // one at a time
		}
	}
	c := n.config()
	next := config{in: c.in}
	if len(c.out) == 0 {
		next.out = c.in
		next.in = nil
		mask := 1 + w.choose(1<<most-1)
		for id := env.ReplicaID(1); id <= most; id++ {
			if mask>>(id-1)&1 == 1 {
				next.in = append(next.in, id)
			}
		}
	}
	w.propose(n, entry{term: n.term, change: &next})
}

func (w *world) sendRound(n *node) {
	n.lease.Want(n.clock)
	r, ok := n.lease.Send(n.clock)
	if !ok {
		return
	}
	for _, to := range n.config().members() {
		if to != n.id {
			w.send(message{kind: support, from: n.id, to: to, round: r})
		}
	}
}

// act lets a leader do something.
func (w *world) act(n *node) {
	switch p := w.choose(20); {
	case p < 10:
		w.sendRound(n)
	case p < 14:
		w.replicate(n)
	case p < 16:
		w.propose(n, entry{term: n.term})
	case p < 19:
		if n.begun {
			w.change(n)
		}
	default:
		to := env.ReplicaID(1 + w.choose(most))
		if to == n.id {
			return
		}
		if !w.broken.timeoutNow {
			n.lease.Revoke(n.term)
		}
		w.send(message{kind: timeoutNow, from: n.id, to: to, term: n.term})
	}
}

// step does one thing, and tells what it violated; empty: nothing.
func (w *world) step() string {
	n := w.nodes[w.choose(most)]
	switch p := w.choose(100); {
	case p < 10:
		w.pass(time.Duration(1+w.choose(30)) * time.Millisecond)
	case p < 70:
		w.flight()
	case p < 85:
		if n.role == leading {
			w.act(n)
		}
	case p < 95:
		if n.role != leading && (!n.promise.Promised(n.clock) || w.broken.campaigns) {
			w.campaign(n, false)
		}
	case p < 97:
		w.drift(n)
	default:
		w.start(n)
		w.reached.restarts++
	}
	return w.check()
}

func (w *world) flight() {
	if len(w.flights) == 0 {
		return
	}
	i, fate := w.choose(len(w.flights)), w.choose(10)
	m := w.flights[i]
	if fate != 0 { // else it is delivered and comes once more
		w.flights = slices.Delete(w.flights, i, i+1)
	}
	if fate != 1 {
		w.deliver(m)
	}
}

// check is the theorem of doc.go.
func (w *world) check() string {
	for _, n := range w.nodes {
		term := n.term
		if w.broken.selfRule {
			term = n.lease.term
		}
		if !n.lease.Valid(term, n.clock) {
			continue
		}
		w.reached.valid++
		for _, other := range w.nodes {
			if other.role == candidate && other.term > term {
				w.reached.rivals++
			}
		}
		if w.elected > term {
			return "a lease is valid while another was elected in a later term"
		}
		if w.acked > n.commit {
			return "a lease is valid where something committed is not known"
		}
	}
	return ""
}
