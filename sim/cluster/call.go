package cluster

import (
	"errors"
	"fmt"

	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/client"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/netmodel"
)

// Errors a simulated client's request can meet. Silence is the third way.
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
	client  netmodel.Addr
	place   int // -1: answered, or its connection was reset
	closed  bool
	failed  func(error)
}

// call is World.Call.
func (c *Cluster) call(from int, to env.NodeID, bytes int, invoke func(n *engine.Node, reply func(bytes int, deliver func())), failed func(error)) {
	addr, h := clientAddr(from), c.hosts[to-1]
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
		t := &taken{process: p, client: addr, place: len(p.calls), failed: failed}
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
	t.process.c.net.Transfer(t.process.host.addr(), t.client, bytes, deliver)
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
		c.probes.reach(connectionReset)
		c.net.Transfer(p.host.addr(), t.client, resetBytes, func() { t.failed(errReset) })
	}
}
