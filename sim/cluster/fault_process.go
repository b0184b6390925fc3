package cluster

import (
	"time"

	"github.com/lockstep-log/lockstep/diskmodel"
)

// lossModes names the power loss modes of a schedule.
var lossModes = map[string]diskmodel.LossMode{
	"": diskmodel.LossAny, "any": diskmodel.LossAny, "all": diskmodel.LoseAll,
	"prefix": diskmodel.KeepPrefix, "subset": diskmodel.KeepSubset, "torn": diskmodel.TornSector,
}

func (c *Cluster) beginCrash(_ *Fault, targets []*host) {
	for _, h := range targets {
		h.down++
		if h.process != nil {
			c.count.crashes++
			if h.process.failed == nil && !h.process.ready {
				c.count.crashesInRecovery++
			}
		}
		h.crash()
	}
}

func (c *Cluster) beginPowerLoss(f *Fault, targets []*host) {
	for _, h := range targets {
		h.down++
		c.count.powerLosses++
		c.countLoss(h.powerLoss(lossModes[f.Mode]))
	}
}

// stopLimit is how long a clean stop may take before the process is killed, as
// an init system would.
const stopLimit = 2 * time.Second

func (c *Cluster) beginStop(_ *Fault, targets []*host) {
	for _, h := range targets {
		h.down++
		p := h.process
		if !h.serves() {
			h.crash()
			continue
		}
		c.count.stops++
		p.stopping = true
		gone := func() {
			if h.process == p {
				h.crash()
				h.revive() // if the fault is over already
			}
		}
		p.exec(func() { p.node.Stop(func(error) { c.k.After(0, gone) }) })
		c.k.After(stopLimit, gone)
	}
}

// release lets the targets of a crash, power loss or stop come back.
func (c *Cluster) release(_ *Fault, targets []*host) {
	for _, h := range targets {
		h.down--
		h.revive()
	}
}

func (c *Cluster) beginPause(_ *Fault, targets []*host) {
	for _, h := range targets {
		h.paused++
		c.count.pauses++
	}
}

func (c *Cluster) endPause(_ *Fault, targets []*host) {
	for _, h := range targets {
		h.paused--
		if h.paused == 0 && h.process != nil {
			h.process.resume()
		}
	}
}
