package metadata

import (
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
)

// TopicID names a topic for ever: one that is created again under the same name
// has another. Zero means none.
type TopicID uint64

// Topic is a named set of partitions. A Topic never changes: a state that has
// changed has another one. Readers must not change it either.
type Topic struct {
	ID   TopicID
	Name string
	// Deleting says that nobody may use it any more. Its name is free already.
	Deleting bool
	Created  uint64 // index of the entry that created it
	// Factor is how many replicas a partition has that is added without placement.
	Factor       int
	Unreplicated bool // its partitions are logs without raft, package direct
	// Configs are the values set for this topic; see State.ConfigsOf for those in
	// force.
	Configs Configs
	// ConfigVersion is the index of the entry that changed Configs last.
	ConfigVersion uint64

	runs []run // the groups of the partitions 0, 1, ...
	left int   // partitions with replicas; fewer than there are only while Deleting
}

// run is count groups in sequence.
type run struct {
	first env.GroupID
	count int // at least 1
}

// end is the group after the last.
func (r run) end() env.GroupID { return r.first + env.GroupID(r.count) }

// Partitions is how many partitions the topic has.
func (t *Topic) Partitions() (count int) {
	for _, r := range t.runs {
		count += r.count
	}
	return count
}

// Group finds the group of a partition by its number; 0: there is none.
func (t *Topic) Group(number int32) env.GroupID {
	if number < 0 {
		return 0
	}
	n := int(number)
	for _, r := range t.runs {
		if n < r.count {
			return r.first + env.GroupID(n)
		}
		n -= r.count
	}
	return 0
}

// numbered gives each group with its partition's number.
func (t *Topic) numbered(yield func(int32, env.GroupID) bool) {
	number := int32(0)
	for _, r := range t.runs {
		for i := range r.count {
			if !yield(number, r.first+env.GroupID(i)) {
				return
			}
			number++
		}
	}
}

// grown gives the topic with count partitions more, in groups from first on.
func (t *Topic) grown(first env.GroupID, count int) *Topic {
	next := *t
	next.left += count
	next.runs = slices.Clone(t.runs)
	if last := len(next.runs) - 1; last >= 0 && next.runs[last].end() == first {
		next.runs[last].count += count
	} else {
		next.runs = append(next.runs, run{first, count})
	}
	return &next
}
