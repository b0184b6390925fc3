package scenarios

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/sim/cluster"
)

var update = flag.Bool("update", false, "write the golden hashes anew")

func run(t *testing.T, sc Scenario, seed uint64) *cluster.Result {
	t.Helper()
	r, err := Run(sc, sc.Schedule(seed), cluster.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestEveryScenarioPasses(t *testing.T) {
	for _, sc := range All() {
		t.Run(sc.Name, func(t *testing.T) {
			for seed := uint64(1); seed <= 4; seed++ {
				r := run(t, sc, seed)
				for _, v := range r.Violations {
					t.Errorf("seed %d, at %v: %v", seed, time.Duration(v.AtNs), v)
				}
				if total := r.Ops.OK + r.Ops.Failed + r.Ops.Unknown; r.Unrecoverable == "" && r.Ops.OK*10 < total*6 {
					t.Errorf("seed %d: only %d of %d operations succeeded", seed, r.Ops.OK, total)
				}
			}
		})
	}
}

// TestGoldenHashes pins what a few seeds do. A change here means that runs of
// the same seed differ from before: on purpose or not. -update writes the file.
func TestGoldenHashes(t *testing.T) {
	const file = "testdata/golden.txt"
	var got bytes.Buffer
	for _, sc := range All() {
		for seed := uint64(1); seed <= 2; seed++ {
			fmt.Fprintf(&got, "%s %d %016x\n", sc.Name, seed, run(t, sc, seed).Hash)
		}
	}
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("hashes changed; run with -update if that is meant:\n%s", got.Bytes())
	}
}

func TestSchedulesAreFunctionsOfTheSeed(t *testing.T) {
	for _, sc := range All() {
		seen := map[string]bool{}
		for seed := range uint64(30) {
			s := sc.Schedule(seed)
			if !reflect.DeepEqual(s, sc.Schedule(seed)) {
				t.Fatalf("%s: seed %d gives two schedules", sc.Name, seed)
			}
			if s.Scenario != sc.Name || s.Seed != seed && !isPoint(sc) {
				t.Errorf("%s: the schedule of seed %d says %s, seed %d", sc.Name, seed, s.Scenario, s.Seed)
			}
			read, err := cluster.ParseSchedule(s.JSON())
			if err != nil {
				t.Fatalf("%s: seed %d: %v", sc.Name, seed, err)
			}
			if !reflect.DeepEqual(read, s) {
				t.Fatalf("%s: seed %d: the schedule changes when it is written and read", sc.Name, seed)
			}
			seen[string(s.JSON())] = true
		}
		if len(seen) != 30 && !isPoint(sc) {
			t.Errorf("%s: 30 seeds give %d schedules", sc.Name, len(seen))
		}
	}
}

// TestMixedDrawsEverything looks at many schedules: every kind of fault, every
// trigger, and every size of cluster must come up.
func TestMixedDrawsEverything(t *testing.T) {
	seen := map[string]int{}
	const seeds = 300
	for seed := range uint64(seeds) {
		s := mixed().Schedule(seed)
		seen[fmt.Sprintf("%d nodes", s.Nodes)]++
		seen[fmt.Sprintf("min ISR %d of %d", s.MinISR, s.Replication)]++
		crash, partition := false, false
		for _, f := range s.Faults {
			seen[f.Kind]++
			seen["on "+f.On]++
			seen["role "+f.Role]++
			crash = crash || f.Kind == cluster.Crash
			partition = partition || f.Kind == cluster.Partition
		}
		if !crash || !partition {
			seen["without a crash or a partition"]++
		}
	}
	for _, want := range []string{
		cluster.Crash, cluster.PowerLoss, cluster.Stop, cluster.Pause, cluster.Partition, cluster.OneWay, cluster.ClientCut,
		cluster.Degrade, cluster.SlowDisk, cluster.FailSync, cluster.WallJump,
		"on write", "on start", "role leader", "role follower", "role all", "3 nodes", "5 nodes",
		"min ISR 1 of 3", "min ISR 2 of 3", "min ISR 3 of 3", "min ISR 4 of 5",
	} {
		if seen[want] < 5 {
			t.Errorf("%q comes up %d times in %d seeds", want, seen[want], seeds)
		}
	}
	if n := seen["without a crash or a partition"]; n > seeds/20 {
		t.Errorf("%d of %d seeds lack a crash or a partition", n, seeds)
	}
}

func TestLookup(t *testing.T) {
	if sc, err := Lookup(""); err != nil || sc.Name != "mixed" {
		t.Errorf("the default is %q, %v", sc.Name, err)
	}
	for _, sc := range All() {
		if got, err := Lookup(sc.Name); err != nil || got.Name != sc.Name {
			t.Errorf("%s: %q, %v", sc.Name, got.Name, err)
		}
	}
	if _, err := Lookup("nonsense"); !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), "leader-election") {
		t.Errorf("an unknown scenario gives %v", err)
	}
}

// TestChecksObject runs each scenario's check on a run in which its point did
// not happen.
func TestChecksObject(t *testing.T) {
	for _, sc := range All() {
		if sc.Check == nil {
			continue
		}
		t.Run(sc.Name, func(t *testing.T) {
			s := sc.Schedule(1)
			s.Faults, s.DurationNs = nil, int64(2*time.Second)
			s.Workload.Clients, s.Workload.ProducesPerMinute = 1, 60
			r, err := Run(sc, s, cluster.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if r.Passed || r.History == nil {
				t.Errorf("passed %v with nothing done to the cluster", r.Passed)
			}
		})
	}
}
