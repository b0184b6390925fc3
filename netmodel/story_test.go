package netmodel

import (
	"fmt"
	"slices"
	"testing"

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
