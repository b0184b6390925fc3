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
	diverged bool
}

// change is one unsynced write or truncation.
type change struct {
	truncate bool
	zeros    bool  // a write of zeros: nothing is held for it
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
	var sector [sectorBytes]byte
	for _, ch := range c.changes {
		if ch.truncate {
			c.durable.truncate(ch.off, &c.cache, pages)
			continue
		}
		end := min(ch.off+ch.n, c.cache.size)
		for off := ch.off &^ (sectorBytes - 1); off < end; off += sectorBytes {
			n := c.cache.read(sector[:], off)
			c.durable.write(sector[:n], off, &c.cache, pages)
		}
	}
	c.durable.truncate(c.cache.size, &c.cache, pages)
}

// failSync loses what a sync would have written.
func (c *content) failSync() {
	if len(c.changes) > 0 {
		c.diverged = true
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
}

// apply carries out a change on the medium: the bytes [from, to) of a write.
func (c *content) apply(ch change, from, to int64, pages *pool) {
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
	c.forget()
}
