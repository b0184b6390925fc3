package envtest

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
)

// largestFrame is what every network carries.
const largestFrame = 8 << 20

// Network tests an env.Network. Each part gets a world of its own.
func Network(t *testing.T, world func(t *testing.T) NetworkWorld) {
	for _, part := range []struct {
		name string
		body func(n *lan)
	}{
		{"frames arrive whole, once, from whom they came, on their lane", networkFrames},
		{"a lane keeps its order, whatever the sizes", networkOrder},
		{"all nodes send to all others at once", networkMesh},
		{"a busy lane keeps no other lane waiting for ever", networkLanes},
		{"the bytes of a frame stay as they are", networkBytes},
		{"nothing is called inside Send, Attach, or another call", networkNotInside},
		{"Send may be called inside a callback", networkEcho},
		{"a frame to an unknown peer or to oneself is dropped", networkUnknown},
		{"frames before a receiver is attached are dropped", networkUnattached},
		{"a second Attach is a bug", networkAttachTwice},
		{"both sides hear once that a peer is up", networkPeerUp},
		{"a node without a receiver is not up", networkNotUp},
		{"what is sent to a peer that is up arrives", networkUpMeansUp},
		{"a stopped peer is reported down, and up again", networkRestart},
		{"a quick restart is reported too", networkQuickRestart},
		{"after restarts frames flow both ways", networkRestarts},
		{"frames to a process never reach its successor", networkSuccessor},
		{"a stop disturbs no other connection", networkBystander},
	} {
		t.Run(part.name, func(t *testing.T) {
			n := &lan{w: world(t)}
			defer func() {
				if t.Failed() && n.waits != "" {
					t.Logf("waited in vain for: %s", n.waits)
				}
			}()
			run(t, n.w, func(s *script) {
				n.script = s
				part.body(n)
				n.checkNotices()
			})
		})
	}
}

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

// pattern is a frame whose every part tells where it belongs.
func pattern(size int, salt byte) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i) ^ byte(i>>8)*31 ^ byte(i>>16)*17 ^ salt
	}
	return b
}

func networkFrames(n *lan) {
	a, b := n.pair()
	for _, size := range []int{0, 1, 100, 4096, 1 << 20, largestFrame} {
		for lane := range env.Lanes {
			for _, way := range []struct{ from, to *node }{{a, b}, {b, a}} {
				want := pattern(size, byte(lane))
				way.to.frames = nil
				way.from.Send(way.to.id, lane, want)
				n.wait(fmt.Sprintf("%d bytes arrive at node %d", size, way.to.id), func() bool { return len(way.to.frames) > 0 })
				got := way.to.frames[0]
				n.check(got.from == way.from.id && got.lane == lane, "a frame from %d on lane %s came from %d on %s", way.from.id, lane, got.from, got.lane)
				n.check(bytes.Equal(got.bytes, want), "a frame of %d bytes was changed", size)
				n.check(len(way.to.frames) == 1, "one frame arrived %d times", len(way.to.frames))
			}
		}
	}
}

// burst sends count frames of mixed sizes on each lane; the first four bytes
// number them.
func burst(from *node, to env.NodeID, count int) {
	for i := range count {
		for lane := range env.Lanes {
			size := 4 + (i*7919)%1000
			if i%40 == 39 {
				size = 300 << 10
			}
			b := pattern(size, byte(lane))
			copy(b, []byte{byte(i), byte(i >> 8), byte(from.id), byte(lane)})
			from.Send(to, lane, b)
		}
	}
}

// checkBurst waits for a burst and checks that it came whole and in order.
func (n *lan) checkBurst(from, to *node, count int) {
	n.t.Helper()
	of := func(lane env.Lane) (got []frame) {
		for _, f := range to.frames {
			if f.from == from.id && f.lane == lane {
				got = append(got, f)
			}
		}
		return got
	}
	for lane := range env.Lanes {
		n.wait(fmt.Sprintf("all %d frames of node %d arrive at %d on lane %s", count, from.id, to.id, lane), func() bool { return len(of(lane)) >= count })
		for i, f := range of(lane) {
			head := []byte{byte(i), byte(i >> 8), byte(from.id), byte(lane)}
			n.check(bytes.HasPrefix(f.bytes, head), "on lane %s %x came in place of %x", lane, f.bytes[:4], head)
			n.check(bytes.Equal(f.bytes[4:], pattern(len(f.bytes), byte(lane))[4:]), "frame %d on lane %s was changed", i, lane)
		}
	}
}

func networkOrder(n *lan) {
	a, b := n.pair()
	burst(a, 2, 300)
	n.checkBurst(a, b, 300)
}

func networkMesh(n *lan) {
	nodes := []*node{n.start(1), n.start(2), n.start(3)}
	n.meet(nodes...)
	for _, from := range nodes {
		for _, to := range nodes {
			if from != to {
				burst(from, to.id, 80)
			}
		}
	}
	for _, from := range nodes {
		for _, to := range nodes {
			if from != to {
				n.checkBurst(from, to, 80)
			}
		}
	}
}

// networkLanes keeps the other lanes full, and full again with each frame that
// arrives, until the one that must get through has.
func networkLanes(n *lan) {
	for lane := range env.Lanes {
		a, b := n.start(1), n.start(2)
		n.meet(a, b)
		through := false
		b.hears = func(f frame) {
			through = through || f.lane == lane
			if !through {
				a.Send(2, f.lane, f.bytes)
			}
			b.frames, b.sums = nil, nil // they would be many
		}
		for busy := range env.Lanes {
			for range 16 {
				if busy != lane {
					a.Send(2, busy, pattern(64<<10, 0))
				}
			}
		}
		a.Send(2, lane, []byte("through"))
		n.wait("a frame gets through on lane "+lane.String(), func() bool { return through })
		n.w.Stop(1)
		n.w.Stop(2)
	}
}

// networkBytes also keeps what it receives while other frames pass: nobody's
// buffer may be used again.
func networkBytes(n *lan) {
	a, b := n.pair()
	c := n.start(3)
	n.meet(a, b, c)
	shared := []byte("the same bytes to two peers, on all lanes")
	before := bytes.Clone(shared)
	for lane := range env.Lanes {
		a.Send(2, lane, shared)
		a.Send(3, lane, shared)
	}
	burst(a, 2, 50)
	burst(a, 3, 50)
	for _, to := range []*node{b, c} {
		n.wait("all frames arrive", func() bool { return len(to.frames) == 51*int(env.Lanes) })
		n.check(to.heard(string(before)) == int(env.Lanes), "a shared frame arrived %d times", to.heard(string(before)))
		for i, f := range to.frames {
			n.check(bytes.Equal(f.bytes, to.sums[i]), "a frame changed after it was received")
		}
	}
	n.check(bytes.Equal(shared, before), "the sender's frame was changed")
}

func networkNotInside(n *lan) {
	a, b := n.create(1), n.create(2)
	within := func(f func()) {
		a.inside++ // node.enter looks for it
		f()
		a.inside--
	}
	within(func() { a.Attach(a) })
	within(func() { b.Attach(b) })
	n.meet(a, b)
	within(func() {
		for lane := range env.Lanes {
			a.Send(2, lane, []byte("out"))
			b.Send(1, lane, []byte("back"))
		}
	})
	n.wait("all arrive", func() bool { return b.heard("out") == int(env.Lanes) && a.heard("back") == int(env.Lanes) })
}

func networkEcho(n *lan) {
	a, b := n.pair()
	rounds := 0
	b.hears = func(f frame) { b.Send(f.from, f.lane, f.bytes) }
	a.hears = func(f frame) {
		if rounds++; rounds < 100 {
			a.Send(f.from, f.lane, f.bytes)
		}
	}
	a.Send(2, env.Append, []byte("ball"))
	n.wait("the ball came back a hundred times", func() bool { return rounds == 100 })
}

func networkUnknown(n *lan) {
	a, b := n.pair()
	for _, to := range []env.NodeID{0, 1, 77, 1 << 63} {
		for lane := range env.Lanes {
			a.Send(to, lane, []byte("nobody"))
		}
	}
	b.hears = func(f frame) { b.Send(1, f.lane, f.bytes) }
	for lane := range env.Lanes {
		text := "there and back on " + lane.String()
		a.Send(2, lane, []byte(text))
		n.arrives(a, text)
	}
	n.check(a.heard("nobody")+b.heard("nobody") == 0, "a frame to nobody arrived")
}

// networkUnattached cannot tell when an early frame comes: one that comes after
// Attach is a frame like others. But it is not kept until later ones came.
func networkUnattached(n *lan) {
	a, b := n.start(1), n.create(2)
	for range 10 {
		a.Send(2, env.Urgent, []byte("early"))
		n.Sleep(n.w.Clock(), 5*time.Millisecond)
	}
	b.Attach(b)
	n.meet(a, b)
	a.Send(2, env.Urgent, []byte("late"))
	b.Send(1, env.Urgent, []byte("late"))
	n.arrives(a, "late")
	n.arrives(b, "late")
	n.check(string(b.frames[len(b.frames)-1].bytes) == "late", "an early frame came behind a late one")
}

func networkAttachTwice(n *lan) {
	a, b := n.pair()
	func() {
		defer func() {
			if recover() == nil {
				n.t.Error("no panic")
			}
		}()
		a.Attach(b)
	}()
	b.Send(1, env.Append, []byte("to the first receiver"))
	n.arrives(a, "to the first receiver")
}

func networkPeerUp(n *lan) {
	a := n.start(1)
	n.Sleep(n.w.Clock(), 20*time.Millisecond)
	n.check(len(a.notices) == 0, "a node that is alone heard: %q", a.notices)
	b := n.start(2)
	n.meet(a, b)
	c := n.start(3)
	n.meet(a, b, c)
	a.Send(2, env.Append, []byte("x"))
	n.arrives(b, "x")
	for _, r := range n.nodes {
		n.check(len(r.notices) == 2, "node %d heard: %q", r.id, r.notices)
	}
}

func networkNotUp(n *lan) {
	a, b := n.start(1), n.create(2)
	c := n.start(3)
	n.meet(a, c)
	n.check(!a.isUp(2) && !c.isUp(2) && len(b.notices) == 0, "a node without a receiver is up")
	b.Attach(b)
	n.meet(a, b, c)
}

// networkUpMeansUp: inside PeerUp already, and nobody needs to ask twice.
func networkUpMeansUp(n *lan) {
	a, b := n.create(1), n.create(2)
	for _, r := range []*node{a, b} {
		r.told = func(peer env.NodeID, _ bool) {
			for lane := range env.Lanes {
				r.Send(peer, lane, []byte("hello on "+lane.String()))
			}
		}
		r.Attach(r)
	}
	for lane := range env.Lanes {
		text := "hello on " + lane.String()
		n.arrives(a, text)
		n.arrives(b, text)
		n.check1(a, text)
		n.check1(b, text)
	}
}

func (n *lan) isDown(r *node, peer env.NodeID) {
	n.t.Helper()
	n.wait(fmt.Sprintf("node %d hears that %d is down", r.id, peer), func() bool { return !r.isUp(peer) })
}

func networkRestart(n *lan) {
	a, b := n.pair()
	n.w.Stop(2)
	n.isDown(a, 2)
	a.Send(2, env.Append, []byte("into the void"))
	again := n.start(2)
	n.meet(a, again)
	a.Send(2, env.Append, []byte("again"))
	again.Send(1, env.Append, []byte("back"))
	n.arrives(again, "again")
	n.arrives(a, "back")
	n.check(b.heard("into the void")+again.heard("into the void") == 0, "a frame to a stopped node arrived")
	n.check(len(b.frames) == 0, "a stopped node received a frame")
}

// networkQuickRestart restarts before anybody can have seen the end.
func networkQuickRestart(n *lan) {
	a, _ := n.pair()
	n.w.Stop(2)
	again := n.start(2)
	n.wait("node 1 hears down and up", func() bool { return slices.Equal(a.notices, []string{"up 2", "down 2", "up 2"}) })
	n.meet(a, again)
	a.Send(2, env.Urgent, []byte("again"))
	n.arrives(again, "again")
}

func networkRestarts(n *lan) {
	now := map[env.NodeID]*node{1: n.start(1), 2: n.start(2), 3: n.start(3)}
	for round := range 6 {
		n.meet(now[1], now[2], now[3])
		id := env.NodeID(round%3 + 1)
		n.w.Stop(id)
		for other := env.NodeID(1); other <= 3; other++ {
			if other != id {
				n.isDown(now[other], id)
			}
		}
		now[id] = n.start(id)
		n.meet(now[1], now[2], now[3])
		for lane := range env.Lanes {
			for from := env.NodeID(1); from <= 3; from++ {
				to := from%3 + 1
				text := fmt.Sprintf("round %d from %d on %s", round, from, lane)
				now[from].Send(to, lane, []byte(text))
				n.arrives(now[to], text)
				n.check1(now[to], text)
			}
		}
	}
}

func networkSuccessor(n *lan) {
	a, b := n.pair()
	for range 3 {
		for lane := range env.Lanes {
			for range 20 {
				a.Send(2, lane, pattern(10<<10, 1))
			}
		}
		ups := a.count("up 2")
		n.w.Stop(2)
		a.Send(2, env.Append, []byte("to the dead"))
		b.Send(1, env.Append, []byte("from the dead"))
		alive := len(b.frames)
		again := n.start(2)
		n.wait("node 1 hears of a new connection", func() bool { return a.count("up 2") > ups && a.isUp(2) })
		for lane := range env.Lanes {
			a.Send(2, lane, []byte("new"))
		}
		n.wait("the new frames arrive", func() bool { return again.heard("new") == int(env.Lanes) })
		n.check(len(again.frames) == int(env.Lanes), "%d frames reached a process to which %d were sent", len(again.frames), env.Lanes)
		n.check(len(b.frames) == alive, "a dead process received a frame")
		n.check(a.heard("from the dead") == 0, "a dead process sent a frame")
		b = again
	}
}

func networkBystander(n *lan) {
	a, b := n.pair()
	c := n.start(3)
	n.meet(a, b, c)
	for range 3 {
		a.frames, b.frames = nil, nil
		burst(a, 2, 50)
		n.w.Stop(3)
		burst(b, 1, 50)
		n.isDown(a, 3)
		n.isDown(b, 3)
		n.meet(a, b, n.start(3))
		n.checkBurst(a, b, 50)
		n.checkBurst(b, a, 50)
	}
	n.check(a.count("down 2")+b.count("down 1") == 0, "the bystanders heard %q and %q", a.notices, b.notices)
}
