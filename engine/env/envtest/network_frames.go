package envtest

import (
	"bytes"
	"fmt"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
)

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
