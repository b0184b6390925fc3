package envtest

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
)

// Network tests an env.Network. Each part gets a world of its own.
func Network(t *testing.T, world func(t *testing.T) NetworkWorld) {
	for _, part := range []struct {
		name string
		body func(s *script, w NetworkWorld)
	}{
		{"frames arrive whole, from whom they came, on their lane", networkFrames},
		{"a lane without faults keeps its order", networkOrder},
		{"the sender's bytes stay as they are", networkBytes},
		{"nothing is called inside Send", networkNotInside},
		{"a frame to an unknown peer is dropped", networkUnknown},
		{"frames before a receiver is attached are dropped", networkUnattached},
		{"both sides hear that a peer is up", networkPeerUp},
		{"a stopped peer is reported down, and up again", networkRestart},
	} {
		t.Run(part.name, func(t *testing.T) {
			w := world(t)
			run(t, w, func(s *script) { part.body(s, w) })
		})
	}
}

// received is one frame at a node.
type received struct {
	from  env.NodeID
	lane  env.Lane
	frame []byte
}

// node is a receiver that notes everything.
type node struct {
	env.Network
	frames   []received
	ups      []env.NodeID
	downs    []env.NodeID
	received func()
}

func (n *node) Receive(from env.NodeID, lane env.Lane, frame []byte) {
	n.frames = append(n.frames, received{from, lane, bytes.Clone(frame)})
	if n.received != nil {
		n.received()
	}
}

func (n *node) PeerUp(peer env.NodeID)   { n.ups = append(n.ups, peer) }
func (n *node) PeerDown(peer env.NodeID) { n.downs = append(n.downs, peer) }

func start(w NetworkWorld, id env.NodeID) *node {
	n := &node{Network: w.Start(id)}
	n.Attach(n)
	return n
}

// eventually waits until cond holds; act, if any, is done again and again.
func (s *script) eventually(w NetworkWorld, what string, cond func() bool, act func()) {
	s.t.Helper()
	for range 1000 {
		if cond() {
			return
		}
		if act != nil {
			act()
		}
		s.Sleep(w.Clock(), 10*time.Millisecond)
	}
	s.check(false, "never: %s", what)
}

// opened gives two nodes between which all lanes carry frames.
func (s *script) opened(w NetworkWorld) (a, b *node) {
	s.t.Helper()
	a, b = start(w, 1), start(w, 2)
	for lane := range env.Lanes {
		for _, way := range []struct {
			from, to *node
			id       env.NodeID
		}{{a, b, 2}, {b, a, 1}} {
			arrived := func() bool {
				return slices.ContainsFunc(way.to.frames, func(r received) bool { return r.lane == lane })
			}
			s.eventually(w, "a frame arrives on lane "+lane.String(), arrived, func() { way.from.Send(way.id, lane, []byte("hello")) })
		}
	}
	s.Sleep(w.Clock(), 50*time.Millisecond)
	a.frames, b.frames = nil, nil
	return a, b
}

func networkFrames(s *script, w NetworkWorld) {
	a, b := s.opened(w)
	for _, size := range []int{1, 100, 4096, 1 << 20} {
		for lane := range env.Lanes {
			frame := bytes.Repeat([]byte{byte(lane) + 1, 0, 0xff}, size/3+1)[:size]
			b.frames = nil
			a.Send(2, lane, frame)
			s.eventually(w, "the frame arrives", func() bool { return len(b.frames) > 0 }, nil)
			got := b.frames[0]
			s.check(got.from == 1 && got.lane == lane, "a frame from 1 on lane %s came from %d on %s", lane, got.from, got.lane)
			s.check(bytes.Equal(got.frame, frame), "a frame of %d bytes was changed", size)
			s.check(len(b.frames) == 1, "one frame arrived %d times", len(b.frames))
		}
	}
}

func networkOrder(s *script, w NetworkWorld) {
	a, b := s.opened(w)
	const count = 50
	for i := range byte(count) {
		for lane := range env.Lanes {
			a.Send(2, lane, []byte{i})
		}
	}
	s.eventually(w, "all frames arrive", func() bool { return len(b.frames) == count*int(env.Lanes) }, nil)
	var next [env.Lanes]byte
	for _, r := range b.frames {
		s.check(r.frame[0] == next[r.lane], "on lane %s frame %d came in place of %d", r.lane, r.frame[0], next[r.lane])
		next[r.lane]++
	}
}

func networkBytes(s *script, w NetworkWorld) {
	a, b := s.opened(w)
	c := start(w, 3)
	frame := []byte("the same bytes to two peers")
	before := bytes.Clone(frame)
	s.eventually(w, "the third node hears", func() bool { return len(c.frames) > 0 }, func() { a.Send(3, env.Append, frame) })
	a.Send(2, env.Append, frame)
	s.eventually(w, "the second node hears", func() bool { return len(b.frames) > 0 }, nil)
	s.check(bytes.Equal(b.frames[0].frame, before) && bytes.Equal(c.frames[0].frame, before), "a frame was changed on its way")
	s.check(bytes.Equal(frame, before), "the sender's frame was changed")
}

func networkNotInside(s *script, w NetworkWorld) {
	a, b := s.opened(w)
	inside := false
	b.received = func() { s.t.Helper(); reportInside(s.t, inside) }
	a.received = b.received
	inside = true
	a.Send(2, env.Urgent, []byte("to another"))
	inside = false
	s.eventually(w, "the frame arrives", func() bool { return len(b.frames) > 0 }, nil)
}

func reportInside(t *testing.T, inside bool) {
	t.Helper()
	if inside {
		t.Error("a receiver was called inside Send")
	}
}

func networkUnknown(s *script, w NetworkWorld) {
	a, b := s.opened(w)
	a.Send(77, env.Append, []byte("nobody"))
	a.Send(2, env.Append, []byte("somebody"))
	s.eventually(w, "the frame behind it arrives", func() bool { return len(b.frames) > 0 }, nil)
	s.check(string(b.frames[0].frame) == "somebody", "another's frame arrived")
}

func networkUnattached(s *script, w NetworkWorld) {
	a := start(w, 1)
	b := &node{Network: w.Start(2)}
	for range 10 {
		a.Send(2, env.Urgent, []byte("early"))
		s.Sleep(w.Clock(), 5*time.Millisecond)
	}
	s.Sleep(w.Clock(), 100*time.Millisecond)
	b.Attach(b)
	arrived := func() bool {
		return slices.ContainsFunc(b.frames, func(r received) bool { return string(r.frame) == "late" })
	}
	s.eventually(w, "a frame arrives once a receiver is attached", arrived, func() { a.Send(2, env.Urgent, []byte("late")) })
}

func networkPeerUp(s *script, w NetworkWorld) {
	a := start(w, 1)
	s.Sleep(w.Clock(), 20*time.Millisecond)
	s.check(len(a.ups) == 0, "a node that is alone heard of %d", a.ups)
	b := start(w, 2)
	s.eventually(w, "node 1 hears that 2 is up", func() bool { return slices.Contains(a.ups, 2) }, nil)
	s.eventually(w, "node 2 hears that 1 is up", func() bool { return slices.Contains(b.ups, 1) }, nil)
}

func networkRestart(s *script, w NetworkWorld) {
	a, b := s.opened(w)
	s.eventually(w, "node 1 hears that 2 is up", func() bool { return slices.Contains(a.ups, 2) }, nil)
	a.ups, a.downs = nil, nil
	w.Stop(2)
	s.eventually(w, "node 1 hears that 2 is down", func() bool { return slices.Contains(a.downs, 2) }, nil)
	a.Send(2, env.Append, []byte("into the void"))
	s.Sleep(w.Clock(), 20*time.Millisecond)
	s.check(len(b.frames) == 0, "a stopped node received a frame")
	again := start(w, 2)
	s.eventually(w, "node 1 hears that 2 is up again", func() bool { return slices.Contains(a.ups, 2) }, nil)
	arrived := func() bool {
		return slices.ContainsFunc(again.frames, func(r received) bool { return string(r.frame) == "again" })
	}
	s.eventually(w, "frames flow again", arrived, func() { a.Send(2, env.Append, []byte("again")) })
}
