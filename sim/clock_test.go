package sim_test

import (
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/env/envtest"
	"github.com/lockstep-log/lockstep/sim"
)

// clockWorld is the kernel as one process' clock, without drift or pause.
type clockWorld struct{ kernel *sim.Kernel }

func (w clockWorld) Do(f func()) { f() }

func (w clockWorld) Until(cond func() bool) bool {
	for !cond() {
		if !w.kernel.Step() {
			return false
		}
	}
	return true
}

func (w clockWorld) Clock() env.Clock { return w }

func (w clockWorld) Monotonic() time.Duration { return time.Duration(w.kernel.Now()) }
func (w clockWorld) Wall() int64              { return w.kernel.Now() }
func (w clockWorld) Post(f func())            { w.kernel.After(0, f) }

func (w clockWorld) AfterFunc(d time.Duration, f func()) env.Timer { return w.kernel.After(d, f) }

func TestKernelConformsAsClock(t *testing.T) {
	envtest.Clock(t, func(*testing.T) envtest.ClockWorld { return clockWorld{sim.New(1)} })
}
