package producer

// order lists the producers by when they last appended, and the free places. It
// is threaded through the entries, so that a move costs nothing.
type order struct {
	oldest, newest int32
	free           int32 // linked by older
}

const nowhere = -1

var empty = order{oldest: nowhere, newest: nowhere, free: nowhere}

// add makes the entry the newest.
func (o *order) add(entries []entry, at int32) {
	entries[at].newer, entries[at].older = nowhere, o.newest
	if o.newest == nowhere {
		o.oldest = at
	} else {
		entries[o.newest].newer = at
	}
	o.newest = at
}

// remove takes the entry out.
func (o *order) remove(entries []entry, at int32) {
	newer, older := entries[at].newer, entries[at].older
	if newer == nowhere {
		o.newest = older
	} else {
		entries[newer].older = older
	}
	if older == nowhere {
		o.oldest = newer
	} else {
		entries[older].newer = newer
	}
}

// forget lets the producer go.
func (t *Table) forget(at int32) {
	delete(t.places, t.entries[at].id)
	t.order.remove(t.entries, at)
	t.entries[at] = entry{older: t.order.free}
	t.order.free = at
}

// evict lets those go whose time is over, and those that are too many.
func (t *Table) evict() {
	for t.order.oldest != nowhere {
		tooMany := int64(len(t.places)) > t.settings.MaxProducers
		if !tooMany && !t.expired(t.entries[t.order.oldest].timeMs) {
			return
		}
		t.forget(t.order.oldest)
	}
}

// expired tells whether who last appended at that log time is to go. Log time is
// never below timeMs, so the difference fits.
func (t *Table) expired(timeMs int64) bool {
	return t.settings.ExpiryMs > 0 && t.timeMs-timeMs >= t.settings.ExpiryMs
}
