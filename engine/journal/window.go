package journal

import (
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/engine/env"
)

// entryOverheadBytes is what an entry in memory costs beside its data.
const entryOverheadBytes = 160

func entryCost(e *raftpb.Entry) int64 { return int64(len(e.GetData())) + entryOverheadBytes }

// window is the end of a group's log, in memory.
//
// Invariants:
//  1. entries[i] is the entry at first+i; the last one is the log's last, and if
//     there is none, first is the log's last index plus one.
//  2. Entries from pin on are pinned: not durable or not applied.
type window struct {
	first   uint64
	entries []*raftpb.Entry
	pin     uint64
}

func (w *window) from(lo, hi uint64) []*raftpb.Entry { return w.entries[lo-w.first : hi-w.first] }

// hold adds the next entry of the log to the view's window.
func (j *Journal) hold(v *View, e *raftpb.Entry) {
	v.window.entries = append(v.window.entries, e)
	j.memory.window += entryCost(e)
	if e.GetIndex() >= v.window.pin {
		j.memory.pinned += entryCost(e)
	}
}

// drop removes the oldest entry unless it is pinned or there is none.
func (w *window) drop(m *memory) bool {
	if len(w.entries) == 0 || w.first >= w.pin {
		return false
	}
	m.window -= entryCost(w.entries[0])
	w.entries[0] = nil
	w.entries = w.entries[1:]
	w.first++
	return true
}

// cut removes entries from index from on.
func (w *window) cut(from uint64, m *memory) {
	keep := 0
	if from > w.first {
		keep = int(from - w.first)
	}
	for i := keep; i < len(w.entries); i++ {
		m.window -= entryCost(w.entries[i])
		if w.first+uint64(i) >= w.pin {
			m.pinned -= entryCost(w.entries[i])
		}
		w.entries[i] = nil
	}
	w.entries = w.entries[:min(keep, len(w.entries))]
	w.first = min(w.first, from)
	w.pin = min(w.pin, from)
}

// unpin moves the pin to what is neither durable nor applied now.
func (v *View) unpin() {
	w := &v.window
	pin := min(v.applied, v.durable, v.log.last) + 1
	for ; w.pin < pin; w.pin++ {
		if w.pin >= w.first && w.pin-w.first < uint64(len(w.entries)) {
			v.journal.memory.pinned -= entryCost(w.entries[w.pin-w.first])
		}
	}
}

// shrink drops the oldest entries while the budget is exceeded.
func (v *View) shrink() {
	for v.journal.overBudget() && v.window.drop(&v.journal.memory) {
	}
}

// cold is a stretch of the log that was read back from below the window.
type cold struct {
	first   uint64
	entries []*raftpb.Entry
	bytes   int64
	keep    time.Duration // not evicted before this time of the monotonic clock
	reading bool          // one read at a time
}

// from gives what is at hand of [lo, hi), from lo on.
func (c *cold) from(lo, hi uint64) []*raftpb.Entry {
	if lo < c.first || lo-c.first >= uint64(len(c.entries)) {
		return nil
	}
	return c.entries[lo-c.first : min(hi-c.first, uint64(len(c.entries)))]
}

func (c *cold) next() uint64 { return c.first + uint64(len(c.entries)) }

// cut removes entries from index from on.
func (c *cold) cut(from uint64, m *memory) {
	for len(c.entries) > 0 && c.next() > from {
		last := len(c.entries) - 1
		c.shed(c.entries[last], m)
		c.entries[last] = nil
		c.entries = c.entries[:last]
	}
}

func (c *cold) shed(e *raftpb.Entry, m *memory) {
	c.bytes -= entryCost(e)
	m.cold -= entryCost(e)
}

func (v *View) dropCold() {
	v.journal.memory.cold -= v.cold.bytes
	v.cold = cold{reading: v.cold.reading}
}

// begin gives the view its log, as recovered. What a checkpoint covers was
// committed, whether or not the commit index reached the disk; one that ran
// ahead of entries that did not is lowered.
func (v *View) begin(j *Journal, g *group) {
	*v = View{journal: j, group: g, replica: g.replica, fenced: g.fenced != nil, hs: g.hs, log: g.log.since(g.log.dummy()), durable: g.log.last, checkpoint: g.checkpoint}
	v.hs.Commit = min(max(g.hs.Commit, g.checkpoint.index), g.log.last)
	v.applied = v.hs.Commit
	v.window = window{first: g.log.last + 1, pin: v.applied + 1}
}

// end gives back what a group that ended had in memory.
func (v *View) end() {
	v.fenced = true
	v.release()
}

// release gives back what a view that nobody asks any more has in memory.
func (v *View) release() {
	v.window.cut(0, &v.journal.memory)
	v.dropCold()
}

// ended tells whether the group is not of the journal any more.
func (v *View) ended() bool { return v.journal.groups[v.group.id] != v.group }

// event begins an event about the view's group.
func (v *View) event(kind env.EventKind) env.Event {
	return env.Event{Kind: kind, Group: v.group.id, Replica: v.replica}
}
