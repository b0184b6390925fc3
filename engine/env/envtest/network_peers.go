package envtest

import (
	"fmt"
	"slices"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
)

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
