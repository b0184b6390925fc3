package engine

import (
	"cmp"
	"slices"
	"time"

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
	n.tickDirect()
	n.releaseJournal()
	n.reviewSpace()
	now := n.env.Clock.Monotonic()
	if n.sweeps.passed(now, time.Second) {
		n.pool.Sweep(now, sweptSyncs)
	}
	if n.trims.passed(now, n.cfg.RetentionEvery) {
		n.retain()
		n.cleanStaged()
	}
}

// sweptSyncs is how many idle files with unsynced bytes are closed a second.
const sweptSyncs = 10

// due is when something that repeats comes next.
type due time.Duration

// passed tells whether it is time, and then sets the next one.
func (d *due) passed(now, every time.Duration) bool {
	if now < time.Duration(*d) {
		return false
	}
	first := *d == 0
	*d = due(now + every)
	return !first
}

// releaseJournal checkpoints groups that alone keep old journal files: an idle
// partition applies too little to do it by itself. Few at once: their syncs
// compete with the journal's own.
func (n *Node) releaseJournal() {
	for _, g := range n.journal.Laggards(n.cfg.CheckpointFiles) {
		if n.releasing >= n.cfg.CheckpointsAtOnce {
			return
		}
		if p := n.byGroup[g]; p.serves() {
			n.releasing++
			p.replica.Checkpoint(func(err error) { // refused while one runs
				n.releasing--
				if err == nil && n.Ready() {
					n.env.Clock.Post(n.released)
				}
			})
		}
	}
}

// onReleased goes on with the next group.
func (n *Node) onReleased() {
	if n.Ready() {
		n.releaseJournal()
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
	bytes int // of all of them, roughly
}

// makeRoom tells whether a message of so many bytes is taken: what is urgent
// always, anything where nothing else is. Chunks give way to appends, the newest
// first: whoever asked for them asks again. So does raft.
func (p *peerOutbox) makeRoom(lane env.Lane, size, limit int) bool {
	if lane == env.Append {
		bulk := p.lanes[env.Bulk]
		for len(bulk) > 0 && p.bytes+size > limit {
			last := len(bulk) - 1
			p.bytes -= wire.SizeHint(bulk[last])
			bulk[last] = wire.Message{}
			bulk = bulk[:last]
		}
		p.lanes[env.Bulk] = bulk
	}
	if lane != env.Urgent && p.bytes > 0 && p.bytes+size > limit {
		return false
	}
	p.bytes += size
	return true
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
	if !p.makeRoom(lane, wire.SizeHint(m), n.cfg.OutboxBytes) {
		return
	}
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
		p.bytes = 0
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
