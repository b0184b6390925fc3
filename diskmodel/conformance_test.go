package diskmodel_test

import (
	"testing"

	"github.com/lockstep-log/lockstep/diskmodel"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/env/envtest"
	"github.com/lockstep-log/lockstep/sim"
)

// world is one disk on a kernel, as a single process sees it.
type world struct {
	kernel *sim.Kernel
	disk   *diskmodel.Disk
}

func newWorld(seed uint64) *world {
	k := sim.New(seed)
	return &world{k, diskmodel.New(k, 1, diskmodel.DefaultConfig())}
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

func (w *world) Disk() env.Disk { return w.disk.Mount(func(f func()) { f() }) }

func TestDiskConforms(t *testing.T) {
	envtest.Disk(t, func(*testing.T) envtest.DiskWorld { return newWorld(1) })
}

// TestDiskConformsDelayed lets the process' loop run late, as a paused one does.
func TestDiskConformsDelayed(t *testing.T) {
	envtest.Disk(t, func(*testing.T) envtest.DiskWorld { return late{newWorld(2)} })
}

type late struct{ *world }

func (w late) Disk() env.Disk {
	return w.disk.Mount(func(f func()) { w.kernel.After(1e6, f) })
}
