package scenarios

import (
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/sim/cluster"
)

// Base is the run without a crash, up to the end of the window. All crash points'
// runs are the same as this one until they crash.
func (w CrashWorkload) Base() cluster.Schedule {
	s := cluster.Defaults(crashSeed)
	s.Scenario = "crashpoints-" + w.Name
	s.DurationNs = int64(w.until)
	s.Engine.MaxBatchBytes = 2 << 10
	s.Workload = cluster.WorkloadSpec{
		Clients: 4, ProducesPerMinute: 6000, FetchesPerMinute: 600, ListsPerMinute: 600,
		LinearizablePPM: 500_000, ValueBytes: 400, RetryUnknown: true,
		AttemptTimeoutNs: int64(300 * time.Millisecond), DeadlineNs: int64(4 * time.Second),
	}
	w.knobs(&s)
	return s
}

// Operations counts those of node 1's disk within the window of the run without a
// crash: the points there are. The error tells that this run fails, or that the
// procedure does not happen in its window.
func (w CrashWorkload) Operations(o cluster.Options) (uint64, error) {
	s := w.Base()
	left := w.shows
	o.OnEvent = nil
	boot, err := cluster.Run(s, o)
	if err != nil {
		return 0, err
	}
	s.DurationNs = boot.LoadedNs + int64(w.until)
	o.OnEvent = func(e checker.Event) {
		at := e.AtNs - boot.LoadedNs
		if len(left) > 0 && e.Node == 1 && e.Kind == left[0] && at >= int64(w.from) && at < int64(w.until) {
			left = left[1:]
		}
	}
	r, err := cluster.Run(s, o)
	switch {
	case err != nil:
		return 0, err
	case !r.Passed:
		return 0, fmt.Errorf("the run without a crash fails: %v", r.Violations[0])
	case len(left) > 0:
		return 0, fmt.Errorf("the run without a crash does not contain its procedure: no event %q of node 1 from %v to %v", left[0].String(), w.from, w.until)
	}
	return w.count(s, r.DiskOperations[0], o)
}

// count finds the last operation at which a crash comes within the window.
func (w CrashWorkload) count(s cluster.Schedule, most uint64, o cluster.Options) (uint64, error) {
	o.OnEvent, o.WithoutPorcupine = nil, true
	var failed error
	faults := s.Faults
	n := sort.Search(int(most), func(i int) bool {
		s.Faults = append(slices.Clip(faults), w.crash(i+1, "all"))
		r, err := cluster.Run(s, o)
		if err != nil {
			failed = err
			return true
		}
		return r.Faults[cluster.PowerLoss] == 0
	})
	return uint64(n), failed
}
