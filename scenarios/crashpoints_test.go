package scenarios

import (
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/sim/cluster"
)

// TestEachSeedIsAPoint: the seeds of a workload are all pairs of an operation and
// a way to end there, and until that end all of them are the same run.
func TestEachSeedIsAPoint(t *testing.T) {
	for _, w := range CrashWorkloads() {
		const operations = 20
		seen := map[[3]any]int{}
		for seed := uint64(1); seed <= w.Points(operations); seed++ {
			s := w.point(seed)
			if err := s.Validate(); err != nil {
				t.Fatal(err)
			}
			f := s.Faults[0]
			if f.On != cluster.OnIO || s.Seed != crashSeed {
				t.Fatalf("seed %d: %+v", seed, f)
			}
			seen[[3]any{f.Nth, f.Kind, f.Mode}]++
		}
		if len(seen) != operations*len(crashModes) {
			t.Errorf("%s: %d different points", w.Name, len(seen))
		}
		for at, n := range seen {
			if n != crashAgain {
				t.Errorf("%s: %v has %d recoveries", w.Name, at, n)
			}
		}
	}
}

// TestTheLastPointStrikes: the operations that are counted are those that the
// trigger counts.
func TestTheLastPointStrikes(t *testing.T) {
	for _, w := range CrashWorkloads() {
		base, err := cluster.Run(w.Base(), cluster.Options{})
		if err != nil || !base.Passed {
			t.Fatal(err, base.Violations)
		}
		r, err := cluster.Run(w.point(w.Points(base.DiskOperations[0])), cluster.Options{})
		if err != nil || !r.Passed {
			t.Fatal(err, r.Violations)
		}
		if r.Counters["crashes"]+r.Counters["powerLosses"] < 3 {
			t.Errorf("%s: the last operation did not come: %v", w.Name, r.Faults)
		}
	}
}

// isPoint tells whether a seed of a scenario is a crash point, of runs that all
// have the same seed.
func isPoint(sc Scenario) bool { return strings.HasPrefix(sc.Name, "crashpoints-") }
