package scenarios

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/sim/cluster"
)

// TestRegressions runs the schedules that real bugs once failed, made small by
// sim shrink. docs/found.md tells their stories.
func TestRegressions(t *testing.T) {
	files, err := filepath.Glob("regressions/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no schedules: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s, err := cluster.ParseSchedule(b)
			if err != nil {
				t.Fatal(err)
			}
			sc, err := Lookup(s.Scenario)
			if err != nil {
				t.Fatal(err)
			}
			r, err := Run(sc, s, cluster.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range r.Violations {
				t.Errorf("at %v: %v", time.Duration(v.AtNs), v)
			}
			if r.Ops.OK == 0 {
				t.Error("no operation succeeded: nothing was proven")
			}
		})
	}
}
