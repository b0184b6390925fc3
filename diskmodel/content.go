package diskmodel

// content is what a file holds.
//
// Invariants:
//  1. cache is durable with changes applied in order, unless diverged.
//  2. A page that both images hold at the same place is never written to.
//  3. held has the bytes of all changes, one behind the other.
type content struct {
	cache   image
	durable image
	changes []change
	held    []byte
	dirty   int64 // bytes that changes cover
	// diverged: a sync failed; cache holds bytes that no sync will write.
	diverged  bool
	unwritten extents // where they are
	// overlay is nil unless a fault lies over the medium's bytes or a change has a
	// fate.
	overlay *overlay
}

// change is one unsynced write or truncation.
type change struct {
	truncate bool
	zeros    bool  // a write of zeros: nothing is held for it
	fate     fate  // of a write
	shift    int32 // how many sectors off a misdirected one lands
	off      int64 // a truncation's new size
	n        int64
	at       int // where its bytes are held
}

// keptHeldBytes is how much room for held bytes outlives a sync.
const keptHeldBytes = 1 << 20

func (c *content) write(p []byte, off int64, pages *pool) {
	if len(p) == 0 {
		return
	}
	ch := change{off: off, n: int64(len(p)), at: len(c.held), zeros: isZero(p)}
	if !ch.zeros {
		c.held = append(c.held, p...)
	}
	c.changes = append(c.changes, ch)
	c.dirty += ch.n
	c.cache.write(p, off, &c.durable, pages)
}

func (c *content) truncate(size int64, pages *pool) {
	c.changes = append(c.changes, change{truncate: true, off: size})
	c.cache.truncate(size, &c.durable, pages)
}

// sync makes the cache durable, except what an earlier failed sync lost.
func (c *content) sync(pages *pool) {
	switch {
	case c.diverged:
		c.syncDiverged(pages)
	case c.overlay != nil:
		c.syncOverlaid(pages)
	case c.truncated():
		c.durable.become(&c.cache, pages)
	default:
		c.durable.grow(c.cache.size)
		for _, ch := range c.changes {
			for i := int(ch.off / pageBytes); i < pagesFor(ch.off+ch.n); i++ {
				c.durable.adopt(i, &c.cache, pages)
			}
		}
	}
	c.forget()
}

// syncDiverged writes the sectors that changes touched, and no others.
func (c *content) syncDiverged(pages *pool) {
	for _, ch := range c.changes {
		if ch.truncate {
			c.unwritten = c.unwritten.without(ch.covers())
			c.land(ch, 0, 0, func() { c.durable.truncate(ch.off, &c.cache, pages) })
			continue
		}
		off, end := ch.off&^(sectorBytes-1), (ch.off+ch.n+sectorBytes-1)&^(sectorBytes-1)
		if end = min(end, c.cache.size); off < end {
			c.unwritten = c.unwritten.without(off, end)
			c.land(ch, off, end-off, func() { c.writeSectors(off, end, pages) })
		}
	}
	cut := change{truncate: true, off: c.cache.size}
	c.land(cut, 0, 0, func() { c.durable.truncate(c.cache.size, &c.cache, pages) })
}

func (c *content) writeSectors(off, end int64, pages *pool) {
	var sector [sectorBytes]byte
	for ; off < end; off += sectorBytes {
		n := c.cache.read(sector[:], off)
		c.durable.write(sector[:n], off, &c.cache, pages)
	}
}

// failSync loses what a sync would have written.
func (c *content) failSync() {
	if len(c.changes) > 0 {
		c.diverged = true
		c.lostUnwritten()
	}
	c.forget()
}

func (c *content) truncated() bool {
	for _, ch := range c.changes {
		if ch.truncate {
			return true
		}
	}
	return false
}

func (c *content) forget() {
	c.changes = c.changes[:0]
	c.dirty = 0
	if cap(c.held) > keptHeldBytes {
		c.held = nil
	}
	c.held = c.held[:0]
	if c.overlay != nil && c.overlay.empty() {
		c.overlay = nil
	}
}

// apply carries out a change on the medium: the bytes [from, to) of a write.
func (c *content) apply(ch change, from, to int64, pages *pool) {
	c.land(ch, ch.off+from, to-from, func() { c.applyTrue(ch, from, to, pages) })
}

// applyTrue is apply as far as the true bytes are concerned.
func (c *content) applyTrue(ch change, from, to int64, pages *pool) {
	switch {
	case ch.truncate:
		c.durable.truncate(ch.off, &c.cache, pages)
	case ch.zeros:
		c.durable.grow(ch.off + to)
		c.durable.writeZeros(ch.off+from, to-from, &c.cache, pages)
	default:
		c.durable.write(c.held[ch.at+int(from):ch.at+int(to)], ch.off+from, &c.cache, pages)
	}
}

// survives tells whether [off, off+n) is the same after any power loss now.
func (c *content) survives(off, n int64) bool {
	if off < 0 || n < 0 || off+n > min(c.durable.size, c.cache.size) {
		return false
	}
	for _, ch := range c.changes {
		if ch.overlaps(off, n) {
			return false
		}
	}
	return !c.diverged || c.cache.equal(&c.durable, off, n)
}

func (ch *change) overlaps(off, n int64) bool {
	if ch.truncate {
		return ch.off < off+n
	}
	return ch.off < off+n && off < ch.off+ch.n
}

// release gives all pages back.
func (c *content) release(pages *pool) {
	c.cache.become(&c.durable, pages)
	var none image
	c.cache.pages = nil
	c.durable.truncate(0, &none, pages)
	c.overlay = nil
	c.forget()
}
