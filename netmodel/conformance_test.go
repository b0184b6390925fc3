package netmodel_test

import (
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/env/envtest"
	"github.com/lockstep-log/lockstep/netmodel"
	"github.com/lockstep-log/lockstep/sim"
)

// world is a network on a kernel; its clock is the kernel's.
type world struct {
	kernel *sim.Kernel
	net    *netmodel.Net
}

func newWorld(seed uint64, link netmodel.Link) *world {
	k := sim.New(seed)
	return &world{k, netmodel.New(k, netmodel.Config{Default: link})}
}

func (w *world) Do(f func()) { f() }

func (w *world) Until(cond func() bool) bool {
	for !cond() {
		if !w.kernel.Step() {
			return false
		}
	}
	return true
}

func (w *world) Start(node env.NodeID) env.Network {
	return w.net.Attach(node, func(f func()) { f() })
}

func (w *world) Stop(node env.NodeID) { w.net.Close(node) }

func (w *world) Clock() env.Clock { return clock{w.kernel} }

type clock struct{ kernel *sim.Kernel }

func (c clock) Monotonic() time.Duration { return time.Duration(c.kernel.Now()) }
func (c clock) Wall() int64              { return c.kernel.Now() }
func (c clock) Post(f func())            { c.kernel.After(0, f) }

func (c clock) AfterFunc(d time.Duration, f func()) env.Timer { return c.kernel.After(d, f) }

func TestNetworkConforms(t *testing.T) {
	envtest.Network(t, func(*testing.T) envtest.NetworkWorld {
		return newWorld(1, netmodel.DefaultLink())
	})
}

// TestNetworkConformsDelayed lets the processes' loops run late.
func TestNetworkConformsDelayed(t *testing.T) {
	envtest.Network(t, func(*testing.T) envtest.NetworkWorld {
		return late{newWorld(2, netmodel.DefaultLink())}
	})
}

type late struct{ *world }

func (w late) Start(node env.NodeID) env.Network {
	return w.net.Attach(node, func(f func()) { w.kernel.After(time.Millisecond, f) })
}
