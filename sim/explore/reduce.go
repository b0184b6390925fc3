package explore

import (
	"cmp"
	"crypto/sha256"
	"slices"

	"github.com/lockstep-log/lockstep/sim/cluster"
)

// reducer makes a schedule smaller as long as it keeps failing. It knows nothing
// of runs: try does.
type reducer struct {
	best  cluster.Schedule
	width int // how many candidates are tried at once
	// try tells of each candidate whether it still fails the same way. false: the
	// search has to end.
	try  func(candidates []cluster.Schedule) (fails []bool, ok bool)
	over bool
	seen map[[sha256.Size]byte]bool
}

// edit makes a schedule simpler, or leaves it as it is.
type edit func(s *cluster.Schedule)

// pass is a kind of simplification. It tells whether it got anywhere.
type pass struct {
	name string
	run  func(r *reducer) bool
}

// passes stand in the order that pays: what makes runs short comes first.
var passes = []pass{
	{"shorten the run", (*reducer).shorten},
	{"remove faults", (*reducer).removeFaults},
	{"reduce the cluster", func(r *reducer) bool { return r.edits(topologyEdits()) }},
	{"reduce the load", func(r *reducer) bool { return r.edits(loadEdits()) }},
	{"quiet the models", func(r *reducer) bool { return r.edits(quietEdits()) }},
	{"weaken faults", func(r *reducer) bool { return r.edits(faultEdits(len(r.best.Faults))) }},
	{"close gaps", func(r *reducer) bool { return r.edits(gapEdits(len(r.best.Faults))) }},
	{"round times", func(r *reducer) bool { return r.edits(roundEdits(len(r.best.Faults))) }},
	{"name the targets", func(r *reducer) bool { return r.edits(targetEdits(len(r.best.Faults), r.best.Nodes)) }},
}

// reduce repeats the passes until none of them gets anywhere. It tells each one
// to begin.
func (r *reducer) reduce(begin func(pass string)) {
	r.seen = map[[sha256.Size]byte]bool{}
	r.fresh(&r.best)
	for changed := true; changed && !r.over; {
		changed = false
		for _, p := range passes {
			if r.over {
				return
			}
			begin(p.name)
			changed = p.run(r) || changed
		}
	}
}

// take tries n candidates in order and adopts the first that fails the same way;
// it returns its number, -1 if there is none.
func (r *reducer) take(n int, candidate func(i int) cluster.Schedule) int {
	var batch []cluster.Schedule
	var numbers []int
	for i := 0; i < n && !r.over; i++ {
		if c := candidate(i); r.fresh(&c) && c.Validate() == nil {
			batch, numbers = append(batch, c), append(numbers, i)
		}
		if len(batch) == 0 || len(batch) < r.width && i < n-1 {
			continue
		}
		fails, ok := r.try(batch)
		r.over = !ok
		if at := slices.Index(fails, true); at >= 0 {
			r.best = batch[at]
			for j := at + 1; j < len(batch); j++ {
				r.forget(&batch[j])
			}
			return numbers[at]
		}
		batch, numbers = batch[:0:0], numbers[:0]
	}
	return -1
}

// fresh tells whether a schedule is met for the first time.
func (r *reducer) fresh(s *cluster.Schedule) bool {
	key := sha256.Sum256(s.JSON())
	known := r.seen[key]
	r.seen[key] = true
	return !known
}

// forget lets a schedule come again that failed beside an adopted one.
func (r *reducer) forget(s *cluster.Schedule) { delete(r.seen, sha256.Sum256(s.JSON())) }

// edits applies one edit after the other to the best schedule of the moment.
func (r *reducer) edits(list []edit) bool {
	changed := false
	for len(list) > 0 {
		at := r.take(len(list), func(i int) cluster.Schedule { return edited(r.best, list[i]) })
		if at < 0 {
			break
		}
		changed, list = true, list[at+1:]
	}
	return changed
}

// edited is the schedule with an edit, which does not reach the original.
func edited(s cluster.Schedule, e edit) cluster.Schedule {
	s.Faults = slices.Clone(s.Faults)
	for i := range s.Faults {
		s.Faults[i].Nodes = slices.Clone(s.Faults[i].Nodes)
	}
	e(&s)
	slices.SortStableFunc(s.Faults, func(a, b cluster.Fault) int { return cmp.Compare(a.AtNs, b.AtNs) })
	return s
}

// removeFaults takes faults out, halves first, then smaller parts, single ones
// until each that is left is needed.
func (r *reducer) removeFaults() bool {
	changed := false
	for size := len(r.best.Faults); size >= 1; size = min(size/2, len(r.best.Faults)) {
		for r.removeRuns(size) {
			changed = true
			if size > 1 {
				break
			}
		}
	}
	return changed
}

// removeRuns goes over the faults once and takes out runs of so many.
func (r *reducer) removeRuns(size int) bool {
	changed := false
	for from := 0; from < len(r.best.Faults); {
		n := (len(r.best.Faults) - from + size - 1) / size
		at := r.take(n, func(i int) cluster.Schedule {
			return edited(r.best, func(s *cluster.Schedule) {
				first := from + i*size
				s.Faults = slices.Delete(s.Faults, first, min(first+size, len(s.Faults)))
			})
		})
		if at < 0 {
			break
		}
		changed, from = true, from+at*size
	}
	return changed
}

// shorten ends the first phase earlier, and drops the faults that would begin
// after it.
func (r *reducer) shorten() bool {
	changed := false
	for {
		at := r.take(len(shares), func(i int) cluster.Schedule {
			return edited(r.best, func(s *cluster.Schedule) {
				s.DurationNs = max(s.DurationNs*shares[i]/32, 1)
				s.Faults = slices.DeleteFunc(s.Faults, func(f cluster.Fault) bool { return f.AtNs >= s.DurationNs })
			})
		})
		if at < 0 {
			return changed
		}
		changed = true
	}
}

// shares of a run's length, in 32ths, that are tried in its place.
var shares = []int64{4, 8, 16, 20, 24, 28, 30}
