package scenarios

import (
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/checker"
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
			led := len(w.Base().Faults) // to the procedure
			f := s.Faults[led]
			if f.On != cluster.OnIO || f.AtNs != int64(w.from) || s.Seed != crashSeed {
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

// TestEachStrideMeetsAllWays: whoever tries each n-th point alone tries all ways
// to crash all the same.
func TestEachStrideMeetsAllWays(t *testing.T) {
	w := CrashWorkloads()[0]
	for _, stride := range []uint64{2, 3, 5, 6, 10, 15, 30} {
		seen := map[[2]any]bool{}
		for seed := uint64(1); seed <= w.Points(100); seed += stride {
			s := w.point(seed)
			twice := len(s.Faults) == 4
			seen[[2]any{s.Faults[0].Mode, twice}] = true
		}
		if len(seen) != 2*len(crashModes) {
			t.Errorf("each %d-th point: %d of %d ways", stride, len(seen), 2*len(crashModes))
		}
	}
}

// TestThePointsStrike: the operations that are counted are those that the trigger
// counts, in all workloads, whose procedures happen; and some points of each pass.
func TestThePointsStrike(t *testing.T) {
	for _, w := range CrashWorkloads() {
		t.Run(w.Name, func(t *testing.T) {
			operations, err := w.Operations(cluster.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if operations < 100 || operations > 1000 {
				t.Errorf("%d operations", operations)
			}
			all := w.Points(operations)
			for i := range uint64(6) { // the last one, too
				seed := all - i*(all/6)
				r, err := cluster.Run(w.point(seed), cluster.Options{})
				if err != nil || !r.Passed {
					t.Fatal(seed, err, r.Violations)
				}
				if !struck(r, w) {
					t.Errorf("seed %d: the operation did not come: %v", seed, r.Faults)
				}
			}
			r, err := cluster.Run(w.point(all+crashAgain*uint64(len(crashModes))), cluster.Options{})
			if err != nil || struck(r, w) {
				t.Errorf("there are more than %d operations", operations)
			}
		})
	}
}

// struck tells whether node 1 met its end within the window.
func struck(r *cluster.Result, w CrashWorkload) bool {
	return slices.ContainsFunc(r.Timeline, func(m cluster.Mark) bool {
		at := m.AtNs - r.LoadedNs
		return m.Kind == cluster.MarkFault && slices.Equal(m.Nodes, []uint64{1}) && strings.Contains(m.Text, "right after an operation of the disk") &&
			at >= int64(w.from) && at < int64(w.until)
	})
}

// TestAWorkloadWithoutItsProcedure: what never happens has no points.
func TestAWorkloadWithoutItsProcedure(t *testing.T) {
	w := CrashWorkloads()[0]
	w.shows = []checker.EventKind{checker.EventPersisted, checker.EventSnapshot}
	_, err := w.Operations(cluster.Options{})
	if err == nil || !strings.Contains(err.Error(), `does not contain its procedure: no event "snapshot" of node 1 from 0s to 1.5s`) {
		t.Errorf("%v", err)
	}
}

// isPoint tells whether a seed of a scenario is a crash point, of runs that all
// have the same seed.
func isPoint(sc Scenario) bool { return strings.HasPrefix(sc.Name, "crashpoints-") }
