package rpc

import (
	"context"
	"errors"
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
)

// peer is another node. What is not marked belongs to the loop.
type peer struct {
	id      env.NodeID
	address string
	lanes   [env.Lanes]*laneQueue // shared with the writers

	out outSession  // ours toward the peer; zero: none is accepted
	ins []inSession // the peer's toward us that have a stream, the newest last
	up  connection  // what the receiver was told of; zero: the peer is down
}

// outSession is accepted by a process of the peer.
type outSession struct {
	number, process uint64
	end             context.CancelCauseFunc
}

// inSession is a session that a process of the peer opened.
type inSession struct {
	number, process uint64
	lanes           uint8 // its open streams, a bit a lane
}

// allLanes is inSession.lanes of a complete session.
const allLanes = 1<<env.Lanes - 1

// connection is a session each way between the same two processes.
type connection struct{ out, in uint64 }

// errRestarted ends our session with a process whose successor has called.
var errRestarted = errors.New("the peer was restarted")

// opened notes a stream from the peer. One from another process than ours leads
// to means that ours leads nowhere, even if its end has not been seen: it may
// never be, after a power loss.
func (p *peer) opened(lane env.Lane, number, process uint64) {
	i := slices.IndexFunc(p.ins, func(s inSession) bool { return s.number == number })
	if i < 0 {
		i = len(p.ins)
		p.ins = append(p.ins, inSession{number: number, process: process})
	}
	p.ins[i].lanes |= 1 << lane
	if p.out.number != 0 && p.out.process != process {
		p.out.end(errRestarted)
		p.out = outSession{}
	}
}

// closed notes the end of a stream from the peer.
func (p *peer) closed(lane env.Lane, number uint64) {
	p.ins = slices.DeleteFunc(p.ins, func(s inSession) bool { return s.number == number && s.lanes == 1<<lane })
	for i := range p.ins {
		if p.ins[i].number == number {
			p.ins[i].lanes &^= 1 << lane
		}
	}
}

// connection gives the one that stands: that which the receiver knows of, for as
// long as it does. Zero means none.
func (p *peer) connection() (c connection) {
	for _, s := range p.ins {
		if p.out.number == 0 || s.process != p.out.process || s.lanes != allLanes {
			continue
		}
		c = connection{p.out.number, s.number}
		if c == p.up {
			break
		}
	}
	return c
}
