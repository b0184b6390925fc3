package rpc

import (
	"context"
	"math/rand/v2"
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
	process  uint64 // a number of this process alone
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

// NewNetwork makes a network that neither dials nor listens yet: Attach begins
// to dial, Register takes what arrives.
func NewNetwork(loop *osenv.Loop, cfg Config) *Network {
	cfg = cfg.withDefaults()
	n := &Network{cfg: cfg, process: rand.Uint64(), loop: loop, peers: map[env.NodeID]*peer{}}
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
			v.peer.opened(v.lane, v.session, v.process)
		case noticeInDown:
			v.peer.closed(v.lane, v.session)
		case noticeOutUp:
			v.peer.out = outSession{v.session, v.process, v.end}
		case noticeOutDown:
			v.peer.out = outSession{}
		}
		if v.kind != noticeFrames {
			n.tell(v.peer)
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

// tell tells the receiver of a connection that ended or was made.
func (n *Network) tell(p *peer) {
	now := p.connection()
	if now == p.up || n.receiver == nil {
		return
	}
	before := p.up
	p.up = now
	if before != (connection{}) {
		n.receiver.PeerDown(p.id)
	}
	if now != (connection{}) {
		n.receiver.PeerUp(p.id)
	}
}
