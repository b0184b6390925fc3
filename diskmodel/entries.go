package diskmodel

// entryChange is one unsynced change of directory entries: node appears in dir
// under base (create), or leaves it (remove), or both at once (rename).
type entryChange struct {
	node *node
	from entry // where it leaves; no directory: nowhere
	to   entry // where it appears; no directory: nowhere
}

// entry is a place for a name.
type entry struct {
	dir  *node
	base string
}

func (e entry) set() bool { return e.dir != nil }

// touches tells whether the change needs the entry's history.
func (c *entryChange) touches(e entry) bool { return e.set() && (c.from == e || c.to == e) }

// follows tells whether c, the later one, changes a name that earlier does.
func (c *entryChange) follows(earlier *entryChange) bool {
	return earlier.touches(c.from) || earlier.touches(c.to)
}

// see carries a change out as processes see it, and notes it as unsynced.
func (d *Disk) see(c entryChange) {
	if c.from.set() {
		delete(c.from.dir.dir.entries, c.from.base)
	}
	c.node.at = c.to
	if c.to.set() {
		entries := c.to.dir.dir.entries
		if old := entries[c.to.base]; old != nil {
			old.at = entry{}
			d.removed = true
		}
		entries[c.to.base] = c.node
		c.node.renamed(join(c.to.dir, c.to.base))
	}
	d.entryChanges = append(d.entryChanges, c)
}

// settle carries a change out on the medium. A change before it may have been
// lost with a failed sync, so the node leaves the place where it is, which need
// not be the one that the change names.
func (c *entryChange) settle() {
	if at := c.node.durableAt; at.set() {
		delete(at.dir.dir.durable, at.base)
	}
	c.node.durableAt = c.to
	if c.to.set() {
		durable := c.to.dir.dir.durable
		if old := durable[c.to.base]; old != nil {
			old.durableAt = entry{}
		}
		durable[c.to.base] = c.node
	}
}

// nameless tells whether no name leads to the node, on the medium either.
func (n *node) nameless() bool { return !n.at.set() && !n.durableAt.set() }

// syncEntries makes the changes of one directory durable, and those of others
// that they depend on. If lost, they only count as durable.
func (d *Disk) syncEntries(dir *node, lost bool) {
	covered := d.covered
	clear(covered)
	covered = append(covered[:0], make([]bool, len(d.entryChanges))...)
	d.covered = covered
	for i := len(d.entryChanges) - 1; i >= 0; i-- {
		c := &d.entryChanges[i]
		covered[i] = c.from.dir == dir || c.to.dir == dir
		for j := i + 1; j < len(d.entryChanges) && !covered[i]; j++ {
			covered[i] = covered[j] && d.entryChanges[j].follows(c)
		}
	}
	kept := d.entryChanges[:0]
	for i := range d.entryChanges {
		switch {
		case !covered[i]:
			kept = append(kept, d.entryChanges[i])
		case !lost:
			d.entryChanges[i].settle()
		}
	}
	clear(d.entryChanges[len(kept):])
	d.entryChanges = kept
	if len(kept) == 0 && d.removed {
		d.sweep()
	}
}

// sweep forgets files that have no name, on the medium either, and that nobody
// has open. It is called with no entry change pending.
func (d *Disk) sweep() {
	d.removed = false
	kept := d.files[:0]
	for _, n := range d.files {
		if n.nameless() && n.handles == 0 && n.queue.empty() {
			n.release(&d.pages)
		} else {
			d.removed = d.removed || n.nameless()
			kept = append(kept, n)
		}
	}
	clear(d.files[len(kept):])
	d.files = kept
}
