package rpc

import (
	"fmt"
	"slices"
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
)

// told is a receiver that notes what it is told.
type told []string

func (*told) Receive(env.NodeID, env.Lane, []byte) {}
func (r *told) PeerUp(peer env.NodeID)             { *r = append(*r, fmt.Sprintf("up %d", peer)) }
func (r *told) PeerDown(peer env.NodeID)           { *r = append(*r, fmt.Sprintf("down %d", peer)) }

// ends is the loop's view of one peer; processes 1 and 2 are the peer's.
type ends struct {
	network *Network
	peer    *peer
	told    told
	ended   []uint64 // our sessions that were ended from here
}

func newEnds() *ends {
	e := &ends{network: &Network{}, peer: &peer{id: 9}}
	e.network.receiver = &e.told
	return e
}

func (e *ends) out(number, process uint64) {
	e.peer.out = outSession{number, process, func(error) { e.ended = append(e.ended, number) }}
	e.network.tell(e.peer)
}

func (e *ends) outEnds() {
	e.peer.out = outSession{}
	e.network.tell(e.peer)
}

func (e *ends) in(number, process uint64) {
	for lane := range env.Lanes {
		e.peer.opened(lane, number, process)
		e.network.tell(e.peer)
	}
}

func (e *ends) inEnds(number uint64) {
	for lane := range env.Lanes {
		e.peer.closed(lane, number)
		e.network.tell(e.peer)
	}
}

// TestAConnectionIsBothWaysWithOneProcess plays what the streams report, in
// orders in which they may.
func TestAConnectionIsBothWaysWithOneProcess(t *testing.T) {
	for name, c := range map[string]struct {
		play  func(e *ends)
		told  []string
		ended []uint64
	}{
		"ours first":           {func(e *ends) { e.out(1, 1); e.in(11, 1) }, []string{"up 9"}, nil},
		"the peer's first":     {func(e *ends) { e.in(11, 1); e.out(1, 1) }, []string{"up 9"}, nil},
		"ours alone":           {func(e *ends) { e.out(1, 1) }, nil, nil},
		"the peer's alone":     {func(e *ends) { e.in(11, 1) }, nil, nil},
		"a lane is missing":    {func(e *ends) { e.out(1, 1); e.peer.opened(env.Urgent, 11, 1); e.network.tell(e.peer) }, nil, nil},
		"a lane ends":          {func(e *ends) { e.out(1, 1); e.in(11, 1); e.peer.closed(env.Bulk, 11); e.network.tell(e.peer) }, []string{"up 9", "down 9"}, nil},
		"ours ends":            {func(e *ends) { e.out(1, 1); e.in(11, 1); e.outEnds(); e.out(2, 1) }, []string{"up 9", "down 9", "up 9"}, nil},
		"the peer's ends":      {func(e *ends) { e.out(1, 1); e.in(11, 1); e.inEnds(11); e.in(12, 1) }, []string{"up 9", "down 9", "up 9"}, nil},
		"the peer dials again": {func(e *ends) { e.out(1, 1); e.in(11, 1); e.in(12, 1); e.inEnds(11) }, []string{"up 9", "down 9", "up 9"}, nil},
		"a straggler": {func(e *ends) {
			e.out(1, 1)
			e.in(12, 1)
			e.peer.opened(env.Urgent, 11, 1)
			e.network.tell(e.peer)
			e.inEnds(11)
		}, []string{"up 9"}, nil},
		"a straggler in between": {func(e *ends) {
			e.out(1, 1)
			e.peer.opened(env.Urgent, 12, 1)
			e.peer.opened(env.Urgent, 11, 1)
			e.in(12, 1)
		}, []string{"up 9"}, nil},
		// The successor's session is complete before the end of ours was seen.
		"a restart": {func(e *ends) {
			e.out(1, 1)
			e.in(11, 1)
			e.inEnds(11)
			e.in(21, 2)
			e.outEnds()
			e.out(2, 2)
		}, []string{"up 9", "down 9", "up 9"}, []uint64{1}},
		// After a power loss neither end is seen.
		"a restart after a silent end": {func(e *ends) { e.out(1, 1); e.in(11, 1); e.in(21, 2); e.out(2, 2); e.inEnds(11) }, []string{"up 9", "down 9", "up 9"}, []uint64{1}},
		"ours leads to the successor": {func(e *ends) {
			e.out(1, 1)
			e.in(11, 1)
			e.outEnds()
			e.out(2, 2)
			e.inEnds(11)
			e.in(21, 2)
		}, []string{"up 9", "down 9", "up 9"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnds()
			c.play(e)
			if !slices.Equal(e.told, c.told) || !slices.Equal(e.ended, c.ended) {
				t.Errorf("told %q and ended %d, not %q and %d", e.told, e.ended, c.told, c.ended)
			}
		})
	}
}
