package engine

import (
	"cmp"
	"slices"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/replica"
	"github.com/lockstep-log/lockstep/engine/wire"
)

// maxFrameBytes is where a frame is closed and the next one begun. One message
// may exceed it by raft's own limit.
const maxFrameBytes = 1 << 20

// Wake implements replica.Host: the replica is flushed at the end of the turn.
func (n *Node) Wake(r *replica.Replica) {
	n.woken = append(n.woken, r)
	n.postTurn()
}

func (n *Node) postTurn() {
	if !n.posted {
		n.posted = true
		n.env.Clock.Post(n.turn)
	}
}

// endTurn flushes every woken replica and sends what they left in the outbox.
// What wakes up meanwhile is flushed in the next turn.
func (n *Node) endTurn() {
	n.posted = false
	if n.stopped {
		return
	}
	woken := n.woken
	n.woken = n.spare[:0]
	for _, r := range woken {
		r.Flush()
	}
	clear(woken)
	n.spare = woken
	if !n.stopped { // a callback may have ended the node
		n.outbox.flush(n)
	}
}

func (n *Node) armTick() { n.tick = n.env.Clock.AfterFunc(n.cfg.Tick, n.ticked) }

func (n *Node) onTick() {
	n.armTick()
	for _, p := range n.partitions {
		p.replica.Tick()
		p.expireFetches()
	}
	n.releaseJournal()
}

// releaseJournal checkpoints groups that alone keep old journal files: an idle
// partition applies too little to do it by itself.
func (n *Node) releaseJournal() {
	for _, g := range n.journal.Laggards(n.cfg.CheckpointFiles) {
		n.byGroup[g].replica.Checkpoint(func(error) {}) // refused while one runs
	}
}

// outbox collects the turn's messages by peer and lane.
type outbox struct {
	peers []*peerOutbox // sorted by node
	any   bool
}

type peerOutbox struct {
	node  env.NodeID
	lanes [env.Lanes][]wire.Message
}

// peer finds or makes the place of a peer.
func (o *outbox) peer(node env.NodeID) *peerOutbox {
	i, found := slices.BinarySearchFunc(o.peers, node, func(p *peerOutbox, node env.NodeID) int { return cmp.Compare(p.node, node) })
	if !found {
		o.peers = slices.Insert(o.peers, i, &peerOutbox{node: node})
	}
	return o.peers[i]
}

// Send implements replica.Host.
func (n *Node) Send(to env.NodeID, m wire.Message) {
	p, lane := n.outbox.peer(to), wire.LaneOf(m)
	p.lanes[lane] = append(p.lanes[lane], m)
	n.outbox.any = true
	n.postTurn()
}

func (o *outbox) flush(n *Node) {
	if !o.any {
		return
	}
	o.any = false
	for _, p := range o.peers {
		for lane, messages := range p.lanes {
			if len(messages) > 0 {
				n.sendFrames(p.node, env.Lane(lane), messages)
				clear(messages)
				p.lanes[lane] = messages[:0]
			}
		}
	}
}

// sendFrames packs messages of many groups into as few frames as fit.
func (n *Node) sendFrames(to env.NodeID, lane env.Lane, messages []wire.Message) {
	for len(messages) > 0 {
		count, size := 0, 0
		for count < len(messages) && (count == 0 || size < maxFrameBytes) {
			size += wire.SizeHint(messages[count])
			count++
		}
		frame := wire.Frame{
			Cluster: n.cfg.Cluster, From: n.cfg.Node, To: to,
			Incarnation: n.journal.Incarnation(), Disk: n.journal.Disk(), Messages: messages[:count],
		}
		n.env.Network.Send(to, lane, wire.AppendFrame(make([]byte, 0, size+64), &frame))
		messages = messages[count:]
	}
}

// Receive implements env.Receiver: the border. What is damaged, foreign, or of
// an earlier life of its sender is dropped; no message creates a replica.
func (n *Node) Receive(from env.NodeID, _ env.Lane, b []byte) {
	if !n.Ready() {
		return
	}
	frame, err := wire.Decode(b)
	if err != nil || frame.Cluster != n.cfg.Cluster || frame.To != n.cfg.Node || frame.From != from ||
		!n.alive(from, life{frame.Disk, frame.Incarnation}) {
		return
	}
	for _, m := range frame.Messages {
		switch p := n.byGroup[m.Group]; {
		case p == nil:
		case m.Own != nil:
			p.own(from, m.Own)
		default:
			detach(m.Raft.Entries, len(b))
			p.replica.Step(from, frame.Disk, m)
		}
	}
}

// detach copies the data of entries that are a small part of their frame: they
// stay in memory for long, and would keep the whole frame there.
func detach(entries []*raftpb.Entry, frame int) {
	size := 0
	for _, e := range entries {
		size += len(e.Data)
	}
	if size == 0 || size > frame/4 {
		return
	}
	block := make([]byte, 0, size)
	for _, e := range entries {
		from := len(block)
		block = append(block, e.Data...)
		e.Data = block[from:len(block):len(block)]
	}
}

// PeerUp implements env.Receiver. Ticks and heartbeats do what is needed.
func (n *Node) PeerUp(env.NodeID) {}

// PeerDown implements env.Receiver.
func (n *Node) PeerDown(peer env.NodeID) {
	if !n.Ready() {
		return
	}
	for _, p := range n.partitions {
		p.replica.PeerDown(peer)
	}
}
