package cluster

import "slices"

func (c *Cluster) beginWallJump(f *Fault, targets []*host) {
	for _, h := range targets {
		h.clock.jump(f.LatencyNs)
	}
}

func (c *Cluster) beginDrift(f *Fault, targets []*host) {
	c.drift(targets, func(faults []*Fault) []*Fault { return append(faults, f) })
}

func (c *Cluster) endDrift(f *Fault, targets []*host) {
	c.drift(targets, func(faults []*Fault) []*Fault {
		if i := slices.Index(faults, f); i >= 0 {
			return slices.Delete(faults, i, i+1)
		}
		return faults
	})
}

func (c *Cluster) drift(targets []*host, edit func([]*Fault) []*Fault) {
	for _, h := range targets {
		h.drifts = edit(h.drifts)
		ppm := h.clock.ownPPM
		for _, f := range h.drifts {
			ppm += f.DriftPPM
		}
		h.clock.run(c.k.Now(), max(ppm, -slowestPPM))
	}
}

func (c *Cluster) beginFreeze(_ *Fault, targets []*host) {
	for _, h := range targets {
		h.frozen++
		h.clock.freeze(c.k.Now())
	}
}

func (c *Cluster) endFreeze(_ *Fault, targets []*host) {
	for _, h := range targets {
		h.frozen--
		if h.frozen == 0 {
			h.thaw()
		}
	}
}

// thaw lets the clock go on where it stood, and the timers that were due.
func (h *host) thaw() {
	h.clock.thaw(h.c.k.Now())
	if p := h.process; p != nil {
		iced := p.iced
		p.iced = nil
		for _, t := range iced {
			t.arm()
		}
	}
}
