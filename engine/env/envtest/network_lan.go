package envtest

import (
	"bytes"
	"fmt"

	"github.com/lockstep-log/lockstep/engine/env"
)

// lan is a script with nodes that wake it when they hear something: it waits for
// conditions, never for a time.
type lan struct {
	*script
	w     NetworkWorld
	nodes []*node // all that ever ran
	waits string
	wake  func()
}

// wait waits until cond holds.
func (n *lan) wait(what string, cond func() bool) {
	n.t.Helper()
	n.waits = what
	for !cond() {
		n.Await(func(done func()) { n.wake = done })
	}
	n.waits = ""
}

// stir lets the script look again, outside the callback that changed something.
func (n *lan) stir() {
	if wake := n.wake; wake != nil {
		n.wake = nil
		n.w.Clock().Post(wake)
	}
}

// frame is one that a node received.
type frame struct {
	from  env.NodeID
	lane  env.Lane
	bytes []byte // as they came: not copied
}

// node is a receiver that notes everything.
type node struct {
	env.Network
	lan     *lan
	id      env.NodeID
	frames  []frame
	sums    [][]byte // copies of their bytes
	notices []string // "up 2", "down 2"
	inside  int      // calls that are not over
	hears   func(f frame)
	told    func(peer env.NodeID, up bool)
}

func (r *node) Receive(from env.NodeID, lane env.Lane, b []byte) {
	r.enter()
	defer r.leave()
	f := frame{from, lane, b}
	r.frames = append(r.frames, f)
	r.sums = append(r.sums, bytes.Clone(b))
	if r.hears != nil {
		r.hears(f)
	}
}

func (r *node) PeerUp(peer env.NodeID)   { r.notice("up", peer, true) }
func (r *node) PeerDown(peer env.NodeID) { r.notice("down", peer, false) }

func (r *node) notice(what string, peer env.NodeID, up bool) {
	r.enter()
	defer r.leave()
	r.notices = append(r.notices, fmt.Sprintf("%s %d", what, peer))
	if r.told != nil {
		r.told(peer, up)
	}
}

// enter and leave frame what nothing may be called in.
func (r *node) enter() {
	for _, other := range r.lan.nodes {
		if other.inside > 0 {
			r.lan.t.Errorf("node %d was called inside a call of or to node %d", r.id, other.id)
		}
	}
	r.inside++
}

func (r *node) leave() {
	r.inside--
	r.lan.stir()
}

// create starts a node that has no receiver yet.
func (n *lan) create(id env.NodeID) *node {
	r := &node{Network: n.w.Start(id), lan: n, id: id}
	n.nodes = append(n.nodes, r)
	return r
}

// start starts a node with a receiver.
func (n *lan) start(id env.NodeID) *node {
	r := n.create(id)
	r.Attach(r)
	return r
}

func (r *node) count(notice string) (times int) {
	for _, n := range r.notices {
		if n == notice {
			times++
		}
	}
	return times
}

// isUp tells whether the peer is up, as far as the node was told.
func (r *node) isUp(peer env.NodeID) bool {
	return r.count(fmt.Sprintf("up %d", peer)) > r.count(fmt.Sprintf("down %d", peer))
}

// meet waits until all of some nodes know that the others are up.
func (n *lan) meet(nodes ...*node) {
	n.t.Helper()
	for _, r := range nodes {
		for _, peer := range nodes {
			if r != peer {
				n.wait(fmt.Sprintf("node %d hears that %d is up", r.id, peer.id), func() bool { return r.isUp(peer.id) })
			}
		}
	}
}

// pair starts two nodes that know each other.
func (n *lan) pair() (a, b *node) {
	n.t.Helper()
	a, b = n.start(1), n.start(2)
	n.meet(a, b)
	return a, b
}

func (n *lan) arrives(r *node, text string) {
	n.t.Helper()
	n.wait(fmt.Sprintf("%q arrives at node %d", text, r.id), func() bool { return r.heard(text) > 0 })
}

// heard counts the frames with a text.
func (r *node) heard(text string) (times int) {
	for _, f := range r.frames {
		if string(f.bytes) == text {
			times++
		}
	}
	return times
}

func (n *lan) check1(r *node, text string) {
	n.t.Helper()
	n.check(r.heard(text) == 1, "%q arrived %d times", text, r.heard(text))
}

// checkNotices: of each peer a node hears in turns that it is up and down.
func (n *lan) checkNotices() {
	n.t.Helper()
	for _, r := range n.nodes {
		last := map[env.NodeID]string{1: "down", 2: "down", 3: "down"}
		for _, notice := range r.notices {
			var what string
			var peer env.NodeID
			_, err := fmt.Sscanf(notice, "%s %d", &what, &peer)
			n.must(err)
			n.check(peer != r.id && last[peer] != "" && last[peer] != what, "node %d was told: %q", r.id, r.notices)
			last[peer] = what
		}
	}
}
