package cluster

// The fault atlas keeps damage within what the protocol promises to survive: in
// every group fewer than half of the replicas may have lost something of what
// they promised. What has no such bound needs none: any number of machines may
// crash, lose power or be cut off, for what was acknowledged is on their disks.
// A schedule with Beyond has no atlas. An unreplicated partition may lose its one
// copy at any time: it promises to say so.

// admit tells whether a host's disk may be damaged in a file; an empty name is
// all of it.
func (c *Cluster) admit(h *host, name string) bool {
	if c.schedule.Beyond {
		return true
	}
	_, only := areaOf(name)
	for _, g := range c.groups {
		if g.alone == nil && (only == 0 || only == g.id) {
			if !c.spares(g, h) {
				c.count.withheld++
				c.probes.reach(damageWithheld)
				return false
			}
		}
	}
	return true
}

// spares tells whether a group can do without its replica on a host, if it has
// one there, beside those that are damaged.
func (c *Cluster) spares(g *group, h *host) bool {
	hurt, member := 0, false
	for _, r := range g.members {
		if r.host == h {
			member = true
			if r.hurt() {
				return true
			}
		} else if r.hurt() {
			hurt++
		}
	}
	return !member || hurt+1 <= (len(g.members)-1)/2
}
