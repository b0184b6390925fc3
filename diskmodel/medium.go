package diskmodel

// fate is what the device does with a write that reaches it.
type fate uint8

const (
	fateNone        fate = iota
	fateLost             // nothing, and says it did
	fateMisdirected      // puts it elsewhere, and says nothing
)

// laid gives the file's overlay, made if there is none.
func (c *content) laid() *overlay {
	if c.overlay == nil {
		c.overlay = new(overlay)
	}
	return c.overlay
}

// mediumSize is where the bytes end that are on the medium and in the file as
// seen: what can be damaged.
func (c *content) mediumSize() int64 { return min(c.durable.size, c.cache.size) }

// doom decides the fate of the change noted last.
func (c *content) doom(f fate, shift int64) {
	if len(c.changes) > 0 {
		ch := &c.changes[len(c.changes)-1]
		ch.fate, ch.shift = f, int32(shift/sectorBytes)
		c.laid()
	}
}

// absolve lets all changes reach their places.
func (c *content) absolve() (some bool) {
	for i := range c.changes {
		some = some || c.changes[i].fate != fateNone
		c.changes[i].fate = fateNone
	}
	return some
}

// syncOverlaid is sync of a file with an overlay, change by change.
func (c *content) syncOverlaid(pages *pool) {
	for _, ch := range c.changes {
		c.apply(ch, 0, ch.n, pages)
	}
	c.durable.become(&c.cache, pages)
}

// land carries out what a change does to the overlay: write makes its true
// bytes [off, off+n) durable.
func (c *content) land(ch change, off, n int64, write func()) {
	o := c.overlay
	switch {
	case o == nil:
		write()
		return
	case ch.truncate:
		o.written(ch.off, forever)
		write()
		return
	case ch.fate == fateNone:
		o.written(off, off+n)
		write()
		return
	}
	stood := c.onMedium(off, n)
	write()
	meant := make([]byte, n)
	c.durable.read(meant, off)
	if ch.fate == fateLost {
		o.cover(off, difference(stood, meant), KindLostWrite)
		return
	}
	o.cover(off, difference(stood, meant), KindMisdirected)
	c.landElsewhere(meant, off+int64(ch.shift)*sectorBytes)
}

// landElsewhere writes p where it does not belong.
func (c *content) landElsewhere(p []byte, off int64) {
	if off < 0 {
		p, off = p[min(-off, int64(len(p))):], 0
	}
	p = p[:max(min(int64(len(p)), c.durable.size-off), 0)]
	if len(p) == 0 {
		return
	}
	c.overlay.written(off, off+int64(len(p)))
	belongs := make([]byte, len(p))
	c.durable.read(belongs, off)
	c.overlay.cover(off, difference(p, belongs), KindMisdirected)
}

// onMedium gives the bytes that the medium holds at [off, off+n), also those it
// would not give; zeros behind its end.
func (c *content) onMedium(off, n int64) []byte {
	p := make([]byte, n)
	c.durable.read(p, off)
	c.overlay.distort(p, off)
	return p
}

// difference is the bits in which two readings differ.
func difference(a, b []byte) []byte {
	mask := make([]byte, len(a))
	for i := range mask {
		mask[i] = a[i] ^ b[i]
	}
	return mask
}

// show turns p, the true bytes at off as seen, into what a read gives. What the
// page cache holds stays: unsynced bytes, and those that a failed sync lost. It
// reports false, and clears what cannot be read, if the medium refuses.
func (c *content) show(p []byte, off int64) bool {
	end := off + int64(len(p))
	if c.overlay.intact(off, end) {
		return true
	}
	fromMedium := extents{{off, end}}
	for _, e := range c.unwritten {
		fromMedium = fromMedium.without(e.off, e.end)
	}
	for i := range c.changes {
		fromMedium = fromMedium.without(c.changes[i].covers())
	}
	readable := true
	for _, e := range fromMedium {
		part := p[e.off-off : e.end-off]
		c.overlay.distort(part, e.off)
		for _, u := range c.overlay.unreadable {
			if from, to := max(u.off, e.off), min(u.end, e.end); from < to {
				clear(p[from-off : to-off])
				readable = false
			}
		}
	}
	return readable
}

// covers is the bytes that the change decides, as an extent.
func (ch *change) covers() (off, end int64) {
	if ch.truncate {
		return ch.off, forever
	}
	return ch.off, ch.off + ch.n
}

// lostUnwritten notes that the cache holds what no sync will write.
func (c *content) lostUnwritten() {
	for i := range c.changes {
		c.unwritten = c.unwritten.with(c.changes[i].covers())
	}
}

// damages appends the damage of one file.
func (n *node) damages(out []Damage) []Damage {
	for _, p := range n.overlay.patches {
		out = append(out, Damage{n.name, p.off, int64(len(p.mask)), p.kind})
	}
	for _, u := range n.overlay.unreadable {
		out = append(out, Damage{n.name, u.off, u.end - u.off, KindUnreadable})
	}
	return out
}
