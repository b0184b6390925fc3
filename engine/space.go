package engine

import (
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
	"github.com/lockstep-log/lockstep/engine/wire"
)

// space is what is known of the room on this node's disk and on the others'.
//
// A full disk refuses produces before anything is written, and appends of a
// leader but the smallest; leadership moves to who has room; reads go on. Once
// there is room everything goes on, without a restart: nothing has failed.
type space struct {
	out     bool  // of space, as of the last tick
	backlog int64 // what the disk owes to all logs, as of the last tick
	told    due   // when the others are told again
	moved   due   // when leadership is moved again

	full map[env.NodeID]time.Duration // until when another node counts as full
}

const (
	fullEvery = 2 * time.Second // a full node repeats that it is
	fullFor   = 6 * time.Second // and is believed so long
)

// hasSpace tells whether so many bytes of entries may be written, which are not
// small: there is room on the disk, the journal stays below its bound with them,
// and the disk follows.
func (n *Node) hasSpace(bytes int64) bool {
	return !n.space.out && !n.journal.NoSpace() && n.space.backlog <= n.cfg.BacklogBytes && n.journal.Takes(bytes)
}

// journalConfig is the journal's with a bound on what is proposed and not committed
// yet. Such entries keep their files until other nodes have them, so each node must
// always have room for what all leaders have on their way: if one took as much as
// its journal holds, it would refuse the entries of another one that did the same,
// and neither could ever commit. Half of a file may stay empty.
func (c *Config) journalConfig() journal.Config {
	j := c.Journal
	if j.PendingBytes == 0 {
		j.PendingBytes = (j.MaxBytes - 2*j.FileBytes) / 2 / int64(len(c.Topology.Nodes)+1)
	}
	return j
}

// Full tells whether the node's disk had no room when it was last looked at.
func (n *Node) Full() bool { return n.space.out }

// reviewSpace looks at the disk once a tick.
func (n *Node) reviewSpace() {
	s, now := &n.space, n.env.Clock.Monotonic()
	out := n.journal.NoSpace()
	s.backlog = 0
	for p := range n.hosted() {
		if p.keeper != nil && p.serves() {
			out = out || p.keeper.NoSpace()
			s.backlog += p.keeper.Backlog()
		}
	}
	if out != s.out {
		s.out, s.told, s.moved = out, 0, 0
		kind := env.EventSpace
		if out {
			kind = env.EventFull
		}
		n.env.Tracer.Trace(env.Event{Kind: kind})
		n.tellSpace()
	}
	if !out {
		return
	}
	if s.told.passed(now, fullEvery) {
		n.tellSpace()
	}
	if s.moved == 0 || s.moved.passed(now, time.Duration(n.cfg.ElectionTicks)*n.cfg.Tick) {
		s.moved = due(now + time.Duration(n.cfg.ElectionTicks)*n.cfg.Tick)
		n.leadElsewhere()
	}
}

// tellSpace tells the other nodes whether to give leadership to this one.
func (n *Node) tellSpace() {
	code := wire.OK
	if n.space.out {
		code = wire.Full
	}
	for _, other := range n.cfg.Topology.Nodes {
		if other.ID != n.cfg.Node {
			n.Send(other.ID, wire.Message{Own: &wire.Own{Kind: wire.OwnNodeStatus, Code: code}})
		}
	}
}

// leadElsewhere hands over what is led here to nodes that have room.
func (n *Node) leadElsewhere() {
	for _, p := range n.partitions {
		p.replica.TransferAway(n.isFull)
	}
}

// heard takes another node's word.
func (s *space) heard(from env.NodeID, full bool, now time.Duration) {
	if full {
		s.full[from] = now + fullFor
	} else {
		delete(s.full, from)
	}
}

// isFull tells whether another node said so of itself and has not fallen silent.
func (n *Node) isFull(node env.NodeID) bool { return n.env.Clock.Monotonic() < n.space.full[node] }
