package netmodel

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/sim"
)

// host is a process with a port; it notes what it hears.
type host struct {
	env.Network
	id     env.NodeID
	heard  []string
	frames [][]byte
}

func (h *host) Receive(from env.NodeID, lane env.Lane, frame []byte) {
	h.heard = append(h.heard, fmt.Sprintf("%d/%s/%s", from, lane, frame))
	h.frames = append(h.frames, frame)
}

func (h *host) PeerUp(peer env.NodeID)   { h.heard = append(h.heard, fmt.Sprintf("up %d", peer)) }
func (h *host) PeerDown(peer env.NodeID) { h.heard = append(h.heard, fmt.Sprintf("down %d", peer)) }

// take gives what was heard since the last take.
func (h *host) take() []string {
	heard := h.heard
	h.heard = nil
	return heard
}

// story drives a network of hosts.
type story struct {
	testing.TB
	*sim.Kernel
	*Net
	hosts map[env.NodeID]*host
}

func newStory(t testing.TB, seed uint64, knobs Link, nodes ...env.NodeID) *story {
	k := sim.New(seed)
	s := &story{TB: t, Kernel: k, Net: New(k, Config{Default: knobs}), hosts: map[env.NodeID]*host{}}
	for _, id := range nodes {
		s.boot(id)
	}
	s.settle()
	for _, id := range nodes {
		s.hosts[id].take()
	}
	return s
}

func (s *story) boot(id env.NodeID) *host {
	h := &host{Network: s.Net.Attach(id, func(f func()) { f() }), id: id}
	h.Attach(h)
	s.hosts[id] = h
	return h
}

func (s *story) settle() {
	for s.Step() {
	}
}

// heard checks what a host heard since the last time, in any order.
func (s *story) heard(id env.NodeID, want ...string) {
	s.Helper()
	got := s.hosts[id].take()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		s.Errorf("node %d heard %q, not %q", id, got, want)
	}
}

func (s *story) send(from, to env.NodeID, frame string) {
	s.hosts[from].Send(to, env.Append, []byte(frame))
}

// TestASnapshotOverABadLine tells how the faults of one line meet.
func TestASnapshotOverABadLine(t *testing.T) {
	const kb = 1000
	s := newStory(t, 1, Link{Base: 10 * time.Millisecond, BytesPerSecond: 100 * kb, QueueBytes: 300 * kb}, 1, 2)
	begun := s.Now()
	after := func(d time.Duration) { s.Run(begun + sim.Time(d)) }
	arrived := func(want string) {
		t.Helper()
		if got := s.lengths(2); got != want {
			t.Errorf("after %s arrived %q, not %q", time.Duration(s.Now()-begun), got, want)
		}
	}

	// Five chunks are given to the line; the queue has room for three behind the first.
	for range 5 {
		s.sendOn(1, 2, env.Bulk, 100*kb)
	}
	after(1500 * time.Millisecond)
	arrived("bulk 100000")
	s.sendOn(1, 2, env.Urgent, 1*kb)
	after(1520 * time.Millisecond)
	arrived("urgent 1000") // it did not wait for the second chunk

	// The line clogs for a second. The votes of that time come as a burst.
	s.Clog(1, 2, begun+sim.Time(2600*time.Millisecond))
	for ms := 1600; ms <= 2400; ms += 200 {
		after(time.Duration(ms) * time.Millisecond)
		s.sendOn(1, 2, env.Urgent, 1*kb)
	}
	after(2599 * time.Millisecond)
	arrived("")
	after(2600 * time.Millisecond)
	arrived("urgent 1000, urgent 1000, urgent 1000, bulk 100000, urgent 1000, urgent 1000")

	// The connection breaks while the third chunk is sent: it and the fourth are gone.
	s.Reset(1, 2)
	s.settle()
	s.sendOn(1, 2, env.Append, 2*kb)
	s.settle()
	heard := s.hosts[1].take()
	heard = append(heard, s.hosts[2].heard...)
	if got := strings.Join(heard[:4], ", "); got != "down 2, up 2, down 1, up 1" {
		t.Errorf("heard: %s", got)
	}
	arrived("append 2000")
	if st := s.Net.Stats(); st.QueueFull != 1 || st.Reset != 2 || st.Held != 6 || st.Delivered != st.Sent-3 {
		t.Errorf("%+v", st)
	}
}
