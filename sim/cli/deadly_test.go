package cli_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/sim/cli"
	"github.com/lockstep-log/lockstep/sim/cluster"
	"github.com/lockstep-log/lockstep/sim/explore"
)

// Whatever a run does to its worker is the failure of its seed: the real thing,
// with the binary's own workers, in the middle of a simulation.
func TestARunThatKillsItsWorkerFailsAlone(t *testing.T) {
	other(t, "deadly")
	dir := t.TempDir()
	r := run(t, dir, "sweep", "--seeds", "1..12", "--workers", "2", "--seed-timeout", "3s", "--worker-memory", "400", "--report", "r.json")
	if r.code != cli.Violated || !strings.Contains(r.out, "12 of 12: 8 passed, 4 failed") {
		t.Fatalf("code %d\n%s%s", r.code, r.out, r.errors)
	}
	report, err := explore.ParseReport(read(t, filepath.Join(dir, "r.json")))
	if err != nil || !report.Complete || len(report.Failures) != 4 {
		t.Fatalf("%v: %+v", err, report)
	}
	for i, want := range []struct {
		seed            uint64
		oracle, message string
	}{
		{2, explore.Crash, "the worker died: panic: somewhere else"},
		{4, explore.Hang, "no result after 3s"},
		{6, explore.Memory, "the worker held more than its budget of 400 MiB"},
		{8, explore.Crash, "the worker died: exit status 0"},
	} {
		f := report.Failures[i]
		if f.Seed != want.seed || f.Oracle != want.oracle || f.Message != want.message {
			t.Errorf("failure %d is %+v, want %+v", i, f, want)
		}
		if _, err := cluster.ParseSchedule(read(t, filepath.Join(dir, f.Schedule))); err != nil {
			t.Errorf("seed %d left a schedule that nobody can read: %v", f.Seed, err)
		}
	}
}
