package journal

import "time"

// memory accounts for entries held in memory over all groups, in bytes.
type memory struct {
	window int64 // all windows
	pinned int64 // of these: not durable or not applied
	cold   int64 // all cold caches
	turn   int   // the group whose memory is taken next

	reading int64 // read-backs under way
}

const (
	// evictVisits bounds how many other groups one eviction looks at.
	evictVisits = 64
	// coldKeep is how long entries that were read back stay whatever the budget
	// says: raft asks again at a heartbeat response, and groups that short of
	// memory took each other's would never get on.
	coldKeep = 500 * time.Millisecond
)

// evict frees memory beyond the budget: first the oldest of v's own window,
// then, group by group in turn, cold caches and the oldest of windows. What is
// pinned stays.
func (j *Journal) evict(v *View) {
	m := &j.memory
	if !j.overBudget() {
		return
	}
	v.shrink()
	for n := min(len(j.order), evictVisits); n > 0 && j.overBudget() && m.window-m.pinned+m.cold > 0; n-- {
		m.turn = (m.turn + 1) % len(j.order)
		other := &j.order[m.turn].view
		if len(other.cold.entries) > 0 && other.cold.keep <= j.env.Clock.Monotonic() {
			other.dropCold()
		}
		other.shrink()
	}
}

func (j *Journal) overBudget() bool { return j.memory.window+j.memory.cold > j.cfg.WindowBytes }

// readBacksAtLeast is how many groups may read back at once, however small the
// budget is.
const readBacksAtLeast = 4

// mayReadBack holds what is read back for slow followers, all groups together, to a
// quarter of the budget: a node that comes back is behind in all of its groups at
// once. Whoever has to wait asks again; what nobody took in time makes room.
func (j *Journal) mayReadBack() bool {
	m, each := &j.memory, int64(j.cfg.ReadBackBytes)
	most := max(j.cfg.WindowBytes/4, readBacksAtLeast*each)
	if m.cold+(m.reading+1)*each <= most {
		return true
	}
	for n := min(len(j.order), evictVisits); n > 0; n-- {
		m.turn = (m.turn + 1) % len(j.order)
		if v := &j.order[m.turn].view; len(v.cold.entries) > 0 && v.cold.keep <= j.env.Clock.Monotonic() {
			v.dropCold()
		}
	}
	return m.cold+(m.reading+1)*each <= most
}
