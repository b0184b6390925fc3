package diskmodel

import (
	"bytes"
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
)

// reference is a file as the contract describes it, in the simplest way.
type reference struct {
	id       uint64
	open     env.File
	name     string        // as seen; empty: removed or replaced
	states   [][]byte      // what was synced, then the content after each unsynced change
	changes  []refChange   // the unsynced ones
	medium   []refByte     // before all of those
	cached   [1 << 15]bool // bytes that a failed sync lost: only the page cache has them
	durably  string        // its durable name
	names    []string      // all names since, that one first
	replaced bool          // since its name was durable, it was removed or replaced
	lost     bool          // a sync of changes failed
	hidden   bool          // its name is lost
}

// refByte is one byte of the medium: what was written, what it holds, and
// whether it gives that.
type refByte struct {
	written, holds byte
	unreadable     bool
}

// refChange is one change of the bytes [from, to): a write, which the device may
// lose or put elsewhere, or a truncation.
type refChange struct {
	from, to int
	value    byte // all bytes of a write have the same
	truncate bool
	fate     fate
	shift    int
}

func newReference(name string) *reference {
	return &reference{name: name, states: [][]byte{{}}, names: []string{"", name}}
}

func (r *reference) now() []byte { return r.states[len(r.states)-1] }

func (c refChange) covers(i int) bool { return c.from <= i && i < c.to }

// seen is the content after a change.
func (c refChange) seen(content []byte) []byte {
	content = bytes.Clone(content)
	if c.truncate {
		return resized(content, c.from)
	}
	content = resized(content, max(c.to, len(content)))
	for i := c.from; i < c.to; i++ {
		content[i] = c.value
	}
	return content
}

// reached is the medium after a change.
func (c refChange) reached(medium []refByte) []refByte {
	medium = slices.Clone(medium)
	if c.truncate {
		return resized(medium, c.from)
	}
	medium = resized(medium, max(c.to, len(medium)))
	for i := c.from; i < c.to; i++ {
		medium[i].written = c.value
		if c.fate == fateNone {
			medium[i] = refByte{written: c.value, holds: c.value}
		}
	}
	for i := c.from; i < c.to && c.fate == fateMisdirected; i++ {
		if at := i + c.shift; at >= 0 && at < len(medium) {
			medium[at] = refByte{written: medium[at].written, holds: c.value}
		}
	}
	return medium
}

func resized[T any](s []T, n int) []T {
	return append(s[:min(n, len(s))], make([]T, max(n-len(s), 0))...)
}

// change notes one more unsynced change.
func (r *reference) change(c refChange) {
	r.states = append(r.states, c.seen(r.now()))
	r.changes = append(r.changes, c)
}

func (r *reference) write(value byte, n, off int) {
	r.change(refChange{from: off, to: off + n, value: value})
}

func (r *reference) truncate(size int) {
	r.change(refChange{from: size, to: 1 << 30, truncate: true})
}

func (r *reference) synced() {
	if r.lost {
		r.syncedAfterFailure()
	} else {
		media := r.media()
		r.medium = media[len(media)-1]
	}
	r.states = [][]byte{r.now()}
	r.changes = nil
}

// syncedAfterFailure: whole sectors are written, as the page cache has them.
func (r *reference) syncedAfterFailure() {
	now := r.now()
	for _, c := range r.changes {
		if c.truncate {
			r.medium = resized(slices.Clone(r.medium), c.from)
			clear(r.cached[c.from:])
			continue
		}
		end := min((c.to+511)/512*512, len(now))
		r.medium = resized(slices.Clone(r.medium), max(len(r.medium), end))
		for i := c.from / 512 * 512; i < end; i++ {
			r.medium[i] = refByte{written: now[i], holds: now[i]}
			r.cached[i] = false
		}
	}
	r.medium = resized(slices.Clone(r.medium), len(now))
}

func (r *reference) syncFailed() {
	r.lost = r.lost || len(r.changes) > 0
	for _, c := range r.changes {
		for i := c.from; i < min(c.to, len(r.cached)); i++ {
			r.cached[i] = true
		}
	}
	r.states = [][]byte{r.now()}
	r.changes = nil
}

// reads is what a read gives for byte i, and whether it gives anything.
func (r *reference) reads(i int) (value byte, readable bool) {
	unsynced := slices.ContainsFunc(r.changes, func(c refChange) bool { return c.covers(i) })
	if unsynced || r.cached[i] || i >= len(r.medium) {
		return r.now()[i], true
	}
	return r.medium[i].holds, !r.medium[i].unreadable
}

// readRaw is what ReadRaw gives.
func (r *reference) readRaw() []byte {
	out := make([]byte, len(r.now()))
	for i := range out {
		if value, readable := r.reads(i); readable {
			out[i] = value
		}
	}
	return out
}

// durable says what Durable has to say of a file whose syncs never failed.
func (r *reference) durable(off, n int) bool {
	if r.name == "" || r.durably != r.name || len(r.names) != 1 || off+n > min(len(r.states[0]), len(r.now())) {
		return false
	}
	return !slices.ContainsFunc(r.changes, func(c refChange) bool { return c.from < off+n && off < c.to })
}

func (b refByte) hurt() bool { return b.unreadable || b.holds != b.written }

// intact says what Intact has to say.
func (r *reference) intact(off, n int) bool {
	if r.name == "" || r.hidden || off+n > len(r.now()) {
		return false
	}
	return !slices.ContainsFunc(r.medium[min(off, len(r.medium)):min(off+n, len(r.medium))], refByte.hurt)
}

// lift takes all faults off.
func (r *reference) lift() {
	r.hidden = false
	r.medium = slices.Clone(r.medium)
	for i := range r.medium {
		r.medium[i] = refByte{written: r.medium[i].written, holds: r.medium[i].written}
	}
	for i := range r.changes {
		r.changes[i].fate = fateNone
	}
}

// media are all that the medium may be if the changes reach it in order.
func (r *reference) media() [][]refByte {
	media := [][]refByte{r.medium}
	for i, c := range r.changes {
		media = append(media, c.reached(media[i]))
	}
	return media
}

// mayHold tells whether byte i of the medium was so in some of the media; behind
// the end of one it counts as zero, since a hole can come to lie there.
func mayHold(media [][]refByte, i int, got refByte) bool {
	written, holds := false, false
	for _, medium := range media {
		var b refByte
		if i < len(medium) {
			b = medium[i]
		}
		written = written || b.written == got.written
		holds = holds || b.holds == got.holds && b.unreadable == got.unreadable
	}
	return written && holds
}
