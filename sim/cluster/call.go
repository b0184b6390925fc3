package cluster

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/client"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/netmodel"
	"github.com/lockstep-log/lockstep/sim"
)

// Errors a simulated client's request can meet. Silence is the third way: links
// that are cut, or lose a message.
var (
	errRefused = fmt.Errorf("connection refused: %w", client.ErrNotSent)
	errReset   = errors.New("connection reset")
)

// resetBytes is the size of the packet that refuses or resets a connection.
const resetBytes = 40

// clientAddr is the n-th client's address, counted from 0.
func clientAddr(n int) netmodel.Addr { return netmodel.ClientBase + netmodel.Addr(n) }

// taken is a request that a process has and has not answered. Its place in
// process.calls is kept so that an answer costs no search.
type taken struct {
	process *process
	asked   *asked
	client  netmodel.Addr
	place   int // -1: answered, or its connection was reset
	closed  bool
	failed  func(error)
}

// asked is a request of a client to a host, from when it leaves until its answer, or
// the news that there will be none, is at the client. A lost one stays until nobody
// can wait for it any more.
type asked struct {
	host   *host
	client netmodel.Addr
	at     sim.Time
	failed func(error)
	over   bool
}

// forgetAsked is after how long nobody waits for an answer.
const forgetAsked = sim.Time(time.Minute)

func (h *host) ask(client netmodel.Addr, failed func(error)) *asked {
	now := h.c.k.Now()
	if n := len(h.asked); n == cap(h.asked) {
		h.asked = slices.DeleteFunc(h.asked, func(a *asked) bool { return a.over || now-a.at > forgetAsked })
	}
	a := &asked{host: h, client: client, at: now, failed: failed}
	h.asked = append(h.asked, a)
	return a
}

// end delivers what ends the request, unless its connection broke before.
func (a *asked) end(deliver func()) {
	if !a.over {
		a.over = true
		deliver()
	}
}

// broke tells a client that its connection to a host is no more: at once, wherever
// its requests and their answers are.
func (c *Cluster) broke(h *host) {
	all := h.asked
	h.asked = nil
	for _, a := range all {
		if !a.over && c.k.Now()-a.at <= forgetAsked {
			a.over = true
			c.probes.reach(connectionReset)
			c.net.Transfer(h.addr(), a.client, resetBytes, func() { a.failed(errReset) })
		}
	}
}

// call is World.Call.
func (c *Cluster) call(from int, to env.NodeID, bytes int, invoke func(n *engine.Node, reply func(bytes int, deliver func())), failed func(error)) {
	addr, h := clientAddr(from), c.hosts[to-1]
	a := h.ask(addr, failed)
	failed = func(err error) { a.end(func() { a.failed(err) }) }
	c.net.Transfer(addr, h.addr(), bytes, func() {
		p := h.process
		switch {
		case h.silent:
			return
		case p == nil, !p.ready:
			c.net.Transfer(h.addr(), addr, resetBytes, func() { failed(errRefused) })
			c.probes.reach(connectionRefused)
			return
		}
		t := &taken{process: p, asked: a, client: addr, place: len(p.calls), failed: failed}
		p.calls = append(p.calls, t)
		p.exec(func() { invoke(p.node, t.reply) })
	})
}

// reply sends the answer on its way.
func (t *taken) reply(bytes int, deliver func()) {
	if t.closed {
		return
	}
	if t.place < 0 {
		panic("cluster: a request was answered twice")
	}
	t.forget()
	t.process.c.net.Transfer(t.process.host.addr(), t.client, bytes, func() { t.asked.end(deliver) })
}

func (t *taken) forget() {
	calls := t.process.calls
	last := len(calls) - 1
	moved := calls[last]
	calls[t.place], moved.place = moved, t.place
	calls[last] = nil
	t.process.calls = calls[:last]
	t.place = -1
}

// reset closes the clients' connections to a process.
func (c *Cluster) reset(p *process) {
	calls := p.calls
	p.calls = nil
	for _, t := range calls {
		t.place, t.closed = -1, true
		if t.asked.over {
			continue
		}
		c.probes.reach(connectionReset)
		c.net.Transfer(p.host.addr(), t.client, resetBytes, func() { t.failed(errReset) })
	}
}
