package isr

import (
	"cmp"
	"math"
	"slices"
	"sort"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
)

const (
	maxSamples = 256
	// resolution is how finely, as a part of the lag limit, growth is remembered.
	resolution = 64
	// never is older than any lag limit, and far enough from overflow.
	never = time.Duration(math.MinInt64 / 4)
)

// Tracker is a leader's knowledge of its followers, for one term.
type Tracker struct {
	lag       time.Duration
	self      env.ReplicaID
	followers []follower // sorted by id, without the leader
	growth    []sample   // oldest first; the first is the base, beyond which nothing is known
	end       uint64
}

// follower is what the leader knows of one of them.
type follower struct {
	id       env.ReplicaID
	match    uint64
	caughtUp time.Duration // the last moment at which it had the leader's whole log
	learner  bool          // has no vote, and no place in the set
}

// sample remembers that the leader's end rose to end at a time.
type sample struct {
	at  time.Duration
	end uint64
}

// NewTracker starts a leader's term at now. all are the group's voters. Members of
// the replicated set are given the benefit of the doubt for one lag limit; others
// must show first that they are caught up.
func NewTracker(now, lag time.Duration, self env.ReplicaID, all []env.ReplicaID, state State, end uint64) *Tracker {
	t := &Tracker{lag: lag, self: self, end: end, growth: []sample{{at: now, end: end}}}
	for _, id := range all {
		if id == self {
			continue
		}
		f := follower{id: id, caughtUp: never}
		if state.Contains(id) {
			f.caughtUp = now
		}
		t.followers = append(t.followers, f)
	}
	slices.SortFunc(t.followers, func(a, b follower) int { return cmp.Compare(a.id, b.id) })
	return t
}

// SetFollowers names the group's members from now on. Who is new must show that
// it is caught up; learners are tracked and not wanted in the set.
func (t *Tracker) SetFollowers(voters, learners []env.ReplicaID) {
	before := t.followers
	t.followers = nil
	for _, list := range [...]struct {
		ids     []env.ReplicaID
		learner bool
	}{{voters, false}, {learners, true}} {
		for _, id := range list.ids {
			if id == t.self {
				continue
			}
			f := follower{id: id, caughtUp: never}
			if i, ok := slices.BinarySearchFunc(before, id, compareFollower); ok {
				f = before[i]
			}
			f.learner = list.learner
			t.followers = append(t.followers, f)
		}
	}
	slices.SortFunc(t.followers, func(a, b follower) int { return cmp.Compare(a.id, b.id) })
}

func compareFollower(f follower, id env.ReplicaID) int { return cmp.Compare(f.id, id) }

// CaughtUp is the last moment at which a follower is known to have had the
// leader's whole log; far in the past if it never did.
func (t *Tracker) CaughtUp(id env.ReplicaID) time.Duration {
	if i, ok := slices.BinarySearchFunc(t.followers, id, compareFollower); ok {
		return t.followers[i].caughtUp
	}
	return never
}

// Grew tells the tracker where the leader's log ends now.
func (t *Tracker) Grew(now time.Duration, end uint64) {
	if end <= t.end {
		return
	}
	t.end = end
	if n := len(t.growth); n > 1 && now-t.growth[n-1].at < t.lag/resolution {
		// Too fine to remember: the entry counts as old as the sample, which makes
		// a follower that lacks it look staler by at most 1/64 of the limit.
		t.growth[n-1].end = end
		return
	}
	if len(t.growth) == maxSamples {
		t.growth = slices.Delete(t.growth, 0, maxSamples/2)
	}
	t.growth = append(t.growth, sample{at: now, end: end})
}

// Heard records an answer of this term from a follower, whose log is durable
// and equal to the leader's up to match.
func (t *Tracker) Heard(now time.Duration, id env.ReplicaID, match uint64) {
	i, ok := slices.BinarySearchFunc(t.followers, id, compareFollower)
	if !ok {
		return
	}
	f := &t.followers[i]
	f.match = max(f.match, match)
	f.caughtUp = max(f.caughtUp, t.caughtUpAt(now, f.match))
}

// caughtUpAt is the last moment at which a log up to match was the leader's
// whole log: until the first growth beyond it.
func (t *Tracker) caughtUpAt(now time.Duration, match uint64) time.Duration {
	if match >= t.end {
		return now
	}
	if match < t.growth[0].end {
		return never
	}
	i := sort.Search(len(t.growth), func(i int) bool { return t.growth[i].end > match })
	return t.growth[i].at
}

// inSync tells whether a follower was caught up within the lag limit.
func (t *Tracker) inSync(now time.Duration, f *follower) bool { return now-f.caughtUp <= t.lag }

// InForce appends to dst the members of the replicated set that do not lag, the
// leader among them, sorted.
func (t *Tracker) InForce(dst []env.ReplicaID, now time.Duration, state State) []env.ReplicaID {
	for _, id := range state.Members {
		if id == t.self || t.follows(now, id) {
			dst = append(dst, id)
		}
	}
	return dst
}

func (t *Tracker) follows(now time.Duration, id env.ReplicaID) bool {
	for i := range t.followers {
		if t.followers[i].id == id {
			return t.inSync(now, &t.followers[i])
		}
	}
	return false
}

// Wanted appends to dst what the replicated set should be: members that do not
// lag, and followers that are caught up and hold everything up to commit.
func (t *Tracker) Wanted(dst []env.ReplicaID, now time.Duration, state State, commit uint64) []env.ReplicaID {
	dst = append(dst, t.self)
	for i := range t.followers {
		f := &t.followers[i]
		if !f.learner && t.inSync(now, f) && (state.Contains(f.id) || f.match >= commit) {
			dst = append(dst, f.id)
		}
	}
	slices.Sort(dst)
	return dst
}

// AckIndex is the highest index that is durable on at least minISR of the given
// members' logs, self (the leader's own) included; 0 if there are too few.
// matches are the durable ends of the members in force, the leader's among
// them; the slice is reordered.
func AckIndex(matches []uint64, self uint64, minISR int) uint64 {
	if minISR < 1 || len(matches) < minISR {
		return 0
	}
	slices.Sort(matches)
	return min(self, matches[len(matches)-minISR])
}
