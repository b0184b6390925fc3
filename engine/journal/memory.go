package journal

// memory accounts for entries held in memory over all groups, in bytes.
type memory struct {
	window int64 // all windows
	pinned int64 // of these: not durable or not applied
	cold   int64 // all cold caches
	turn   int   // the group whose memory is taken next
}

// evict frees memory beyond the budget: first the oldest of v's own window,
// then, group by group in turn, cold caches and the oldest of windows. What is
// pinned stays.
func (j *Journal) evict(v *View) {
	m := &j.memory
	if !j.overBudget() {
		return
	}
	v.shrink()
	for n := len(j.order); n > 0 && j.overBudget() && m.window-m.pinned+m.cold > 0; n-- {
		m.turn = (m.turn + 1) % len(j.order)
		other := &j.order[m.turn].view
		other.dropCold()
		other.shrink()
	}
}

func (j *Journal) overBudget() bool { return j.memory.window+j.memory.cold > j.cfg.WindowBytes }
