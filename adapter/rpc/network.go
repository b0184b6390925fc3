package rpc

import (
	"context"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"

	"github.com/lockstep-log/lockstep/adapter/osenv"
	"github.com/lockstep-log/lockstep/adapter/rpc/raftpb"
	"github.com/lockstep-log/lockstep/engine/env"
)

// Network carries frames between nodes. It implements env.Network: Attach and
// Send belong to the loop, the rest may be called from anywhere.
type Network struct {
	cfg      Config
	loop     *osenv.Loop
	peers    map[env.NodeID]*peer // never changes
	inbox    inbox
	counters counters
	sessions sessionSource
	refusal  atomic.Value // string: the reason of the last one

	ctx    context.Context // of all sessions
	cancel context.CancelFunc
	dials  sync.WaitGroup

	receiver env.Receiver // loop only
}

var _ env.Network = (*Network)(nil)

// peer is another node. What is not marked belongs to the loop.
type peer struct {
	id      env.NodeID
	address string
	lanes   [env.Lanes]*laneQueue // shared with the writers

	out       bool   // our session is accepted
	inSession uint64 // the peer's newest session
	inLanes   uint8  // its open streams, a bit a lane
	up        bool   // the receiver was told
}

// allLanes is peer.inLanes of a complete session.
const allLanes = 1<<env.Lanes - 1

// NewNetwork makes a network that neither dials nor listens yet: Attach begins
// to dial, Register takes what arrives.
func NewNetwork(loop *osenv.Loop, cfg Config) *Network {
	cfg = cfg.withDefaults()
	n := &Network{cfg: cfg, loop: loop, peers: map[env.NodeID]*peer{}}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.inbox.limit = cfg.InboxBytes
	n.inbox.room.L = &n.inbox.mu
	deliver := n.deliver
	n.inbox.submit = func() bool { return loop.Submit(deliver) }
	for id, address := range cfg.Peers {
		if id == cfg.Node {
			continue
		}
		p := &peer{id: id, address: address}
		for lane := range env.Lanes {
			p.lanes[lane] = newLaneQueue(lane, cfg.QueueBytes, &n.counters)
		}
		n.peers[id] = p
	}
	return n
}

// Register puts the receiving side on a server. Before the server serves.
func (n *Network) Register(s grpc.ServiceRegistrar) {
	raftpb.RegisterRaftServer(s, &raftServer{network: n})
}

// Attach implements env.Network. It begins to dial the peers.
func (n *Network) Attach(r env.Receiver) {
	if n.receiver != nil {
		panic("rpc: Attach was called twice")
	}
	n.receiver = r
	for _, p := range n.peers {
		n.dials.Go(func() { n.dial(p) })
	}
}

// Send implements env.Network.
func (n *Network) Send(to env.NodeID, lane env.Lane, frame []byte) {
	p := n.peers[to]
	switch {
	case p == nil:
		n.counters.unknown.Add(1)
	case len(frame) > n.cfg.FrameBytes:
		n.counters.tooLarge.Add(1)
	default:
		p.lanes[lane].push(frame)
	}
}

// Close ends all sessions and waits for their goroutines; nothing is delivered
// any more. The streams that peers opened end with the server. Not on the loop.
func (n *Network) Close() {
	n.cancel()
	n.inbox.close()
	n.dials.Wait()
}

// deliver runs on the loop: it hands over what the streams brought.
func (n *Network) deliver() {
	for _, v := range n.inbox.take() {
		if n.ctx.Err() != nil || n.loop.Stopped() {
			return
		}
		switch v.kind {
		case noticeFrames:
			n.received(v)
		case noticeInUp:
			n.inUp(v)
		case noticeInDown:
			n.inDown(v)
		case noticeOutUp:
			v.peer.out = true
			n.checkUp(v.peer)
		case noticeOutDown:
			v.peer.out = false
			n.down(v.peer)
		}
	}
}

func (n *Network) received(v notice) {
	if n.receiver == nil {
		n.counters.early.Add(uint64(len(v.frames)))
		return
	}
	n.counters.received[v.lane].Add(uint64(len(v.frames)))
	n.counters.receivedBytes[v.lane].Add(uint64(v.bytes))
	for _, frame := range v.frames {
		n.receiver.Receive(v.peer.id, v.lane, frame)
	}
}

// inUp notes a stream from the peer. A new session means that the old one is
// over, even if its end has not been seen.
func (n *Network) inUp(v notice) {
	p := v.peer
	if p.inSession != v.session {
		n.down(p)
		p.inSession, p.inLanes = v.session, 0
	}
	p.inLanes |= 1 << v.lane
	n.checkUp(p)
}

func (n *Network) inDown(v notice) {
	p := v.peer
	if p.inSession == v.session {
		p.inLanes &^= 1 << v.lane
		n.down(p)
	}
}

func (n *Network) checkUp(p *peer) {
	if p.out && p.inLanes == allLanes && !p.up && n.receiver != nil {
		p.up = true
		n.receiver.PeerUp(p.id)
	}
}

func (n *Network) down(p *peer) {
	if p.up {
		p.up = false
		n.receiver.PeerDown(p.id)
	}
}
