package cluster

import (
	"slices"

	"github.com/lockstep-log/lockstep/diskmodel"
)

// swap is a fault that gives each of its targets the disk of another one.
type swap struct {
	fault   *Fault
	targets []*host
}

func (c *Cluster) beginSwapDisks(f *Fault, targets []*host) {
	c.swaps = append(c.swaps, swap{f, targets})
	c.moveDisks(f, targets)
}

func (c *Cluster) endSwapDisks(f *Fault, targets []*host) {
	i := slices.IndexFunc(c.swaps, func(s swap) bool { return s.fault == f && slices.Equal(s.targets, targets) })
	c.swaps = slices.Delete(c.swaps, i, i+1)
	c.moveDisks(f, targets)
}

// moveDisks puts every disk where the swaps in force want it. The targets, and
// whoever else gets another disk by it, lose their power and start again.
func (c *Cluster) moveDisks(f *Fault, targets []*host) {
	wanted := c.placement()
	var moved []*host
	for i, h := range c.hosts {
		if slices.Contains(targets, h) || h.disk != wanted[i] {
			moved = append(moved, h)
		}
	}
	for _, h := range moved {
		h.down++
		c.countLoss(h.powerLoss(lossModes[f.Mode]))
	}
	for i, h := range c.hosts {
		h.disk, h.foreign = wanted[i], wanted[i] != h.home
	}
	for _, h := range moved {
		h.settleDisk()
		h.down--
		h.revive()
	}
}

// placement is which host has which disk, by node id - 1: each its own, then one
// swap after the other.
func (c *Cluster) placement() []*diskmodel.Disk {
	at := make([]*diskmodel.Disk, len(c.hosts))
	for i, h := range c.hosts {
		at[i] = h.home
	}
	for _, s := range c.swaps {
		for _, h := range s.targets[1:] {
			a, b := s.targets[0].id-1, h.id-1
			at[a], at[b] = at[b], at[a]
		}
	}
	return at
}
