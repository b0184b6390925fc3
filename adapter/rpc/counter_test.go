package rpc_test

import (
	"sync/atomic"

	"github.com/lockstep-log/lockstep/engine/env"
)

// counter is a receiver that only counts; done closes when want have come.
type counter struct {
	got, want atomic.Int64
	done      chan struct{}
}

func (c *counter) Receive(env.NodeID, env.Lane, []byte) {
	if c.got.Add(1) == c.want.Load() {
		close(c.done)
	}
}
func (*counter) PeerUp(env.NodeID)   {}
func (*counter) PeerDown(env.NodeID) {}
