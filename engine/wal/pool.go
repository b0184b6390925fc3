package wal

import (
	"slices"
	"time"
)

// Pool bounds the open files of all logs of a node and closes those that idle.
// A file that owes a sync is synced before it is closed. It belongs to the
// node's loop.
type Pool struct {
	limit     int
	idleClose time.Duration
	open      []*handle // open, in no order
	count     int       // open, or being opened
	waiting   []*handle
	uses      uint64
	evicting  bool
}

// place is what a handle is to its pool.
type place struct {
	used   uint64        // the later, the larger
	fresh  bool          // used since the last Sweep
	since  time.Duration // unused since then
	syncs  bool          // to be closed once its sync is done
	member bool
}

// NewPool makes a pool of at most limit open files (at least 1), which closes
// those that were unused for idleClose when Sweep looks.
func NewPool(limit int, idleClose time.Duration) *Pool {
	return &Pool{limit: max(limit, 1), idleClose: idleClose}
}

// Open is how many files are open or being opened.
func (p *Pool) Open() int { return p.count }

func (p *Pool) touch(h *handle) {
	p.uses++
	h.place.used = p.uses
	h.place.fresh = true
}

// admit opens the file of h, at once or when another one was closed.
func (p *Pool) admit(h *handle) {
	p.waiting = append(p.waiting, h)
	p.serve()
}

// serve opens files for those who wait, as far as there is room, and makes
// room otherwise.
func (p *Pool) serve() {
	for len(p.waiting) > 0 && p.count < p.limit {
		h := p.waiting[0]
		p.waiting = p.waiting[1:]
		if h.closed {
			continue
		}
		p.count++
		h.place.member = true
		p.open = append(p.open, h)
		h.open()
	}
	if len(p.waiting) > 0 {
		p.evict()
	}
}

// left notes that a file is closed.
func (p *Pool) left(h *handle) {
	if !h.place.member {
		return
	}
	h.place.member = false
	p.count--
	p.open = slices.DeleteFunc(p.open, func(o *handle) bool { return o == h })
	if len(p.waiting) > 0 {
		p.serve()
	}
}

// idled is called when the last use of some file has ended.
func (p *Pool) idled() {
	if len(p.waiting) > 0 {
		p.evict()
	}
}

// evict closes the idle file that was used longest ago. It does nothing while
// another one is on its way out.
func (p *Pool) evict() {
	if p.evicting {
		return
	}
	var oldest *handle
	for _, h := range p.open {
		if h.idle() && !h.place.syncs && (oldest == nil || h.place.used < oldest.place.used) {
			oldest = h
		}
	}
	if oldest == nil {
		return // the next one that falls idle
	}
	p.evicting = true
	p.shut(oldest, func() {
		p.evicting = false
		p.serve()
	})
}

// shut closes an idle file, after a sync if it owes one. Who uses it meanwhile
// keeps it open.
func (p *Pool) shut(h *handle, done func()) {
	if !h.dirty() {
		h.release()
		done()
		return
	}
	h.place.syncs = true
	h.sync(func(err error) {
		h.place.syncs = false
		switch {
		case err != nil:
			h.log.failed(err)
		case h.idle() && !h.dirty():
			h.release()
		}
		done()
	})
}

// Sweep closes files that were unused for the pool's time; now is monotonic. Of
// those that owe a sync it begins with at most syncs ones.
func (p *Pool) Sweep(now time.Duration, syncs int) {
	for _, h := range slices.Clone(p.open) {
		if h.place.fresh {
			h.place.fresh = false
			h.place.since = now
		}
		if now-h.place.since < p.idleClose || !h.idle() || h.place.syncs {
			continue
		}
		if h.dirty() {
			if syncs--; syncs < 0 {
				continue
			}
		}
		p.shut(h, func() {})
	}
}
