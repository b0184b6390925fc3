package cluster

import (
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/env/envtest"
)

// clockWorld is the clock of one process, as the engine is given it.
type clockWorld struct {
	c *Cluster
	p *process
}

func (w clockWorld) Clock() env.Clock { return (*clock)(w.p) }
func (w clockWorld) Do(f func())      { w.p.exec(f) }

func (w clockWorld) Until(cond func() bool) bool {
	for !cond() {
		if !w.c.k.Step() {
			return false
		}
	}
	return true
}

// TestClockConforms: on time, drifting either way, and with a loop that gathers.
func TestClockConforms(t *testing.T) {
	for name, knobs := range map[string]struct{ driftPPM, turnNs int64 }{
		"true": {}, "fast": {driftPPM: 500}, "slow": {driftPPM: -500}, "busy": {turnNs: 300_000}, "fast and busy": {driftPPM: 200, turnNs: 3_000_000},
	} {
		t.Run(name, func(t *testing.T) {
			envtest.Clock(t, func(t *testing.T) envtest.ClockWorld {
				s := Defaults(1)
				s.Engine.TurnNs = knobs.turnNs
				c := newCluster(s, Options{})
				t.Cleanup(c.entropy.install())
				h := c.hosts[0]
				h.clock.ppm = knobs.driftPPM
				return clockWorld{c, &process{c: c, host: h}}
			})
		})
	}
}
