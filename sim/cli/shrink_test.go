package cli_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/sim/cli"
	"github.com/lockstep-log/lockstep/sim/cluster"
	"github.com/lockstep-log/lockstep/sim/explore"
)

// restless never comes to rest in time.
func restless() cluster.Schedule {
	s := healthy(5)
	s.HealNs, s.DurationNs = 1, int64(2*time.Second)
	s.Faults = []cluster.Fault{
		{AtNs: int64(time.Second), ForNs: int64(time.Second), Kind: cluster.Crash, Nodes: []uint64{2}},
		{AtNs: int64(1500 * time.Millisecond), ForNs: int64(time.Second), Kind: cluster.Pause, Role: cluster.RoleLeader},
	}
	return s
}

func TestShrink(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "s.json", restless().JSON())
	r := run(t, dir, "shrink", "s.json", "-o", "small.json", "--go-test", "x_test.go", "--package", "x")
	if r.code != cli.Passed || !strings.Contains(r.out, "\nSHRUNK seed=5 scenario=none faults=2->") {
		t.Fatalf("code %d: %s%s", r.code, r.out, r.errors)
	}
	small, err := cluster.ParseSchedule(read(t, filepath.Join(dir, "small.json")))
	if err != nil {
		t.Fatal(err)
	}
	if len(small.Faults) > 1 || small.DurationNs >= restless().DurationNs || small.HealNs != 1 {
		t.Errorf("%s", small.JSON())
	}
	if b := read(t, filepath.Join(dir, "x_test.go")); !bytes.HasPrefix(b, []byte("package x\n")) {
		t.Errorf("%s", b)
	}
	again := run(t, dir, "run", "--schedule", "small.json")
	if again.code != cli.Violated || !strings.Contains(again.out, "oracle="+checker.Convergence) {
		t.Errorf("the small one: code %d, %s", again.code, again.out)
	}
}

func TestShrinkToStandardOutput(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "s.json", restless().JSON())
	r := run(t, dir, "shrink", "s.json", "--runs", "4", "--workers", "1")
	if _, err := cluster.ParseSchedule([]byte(r.out)); err != nil || r.code != cli.Passed || !strings.Contains(r.errors, explore.EndedRuns) {
		t.Errorf("code %d, %v: %s%s", r.code, err, r.out, r.errors)
	}
	r = run(t, dir, "shrink", "s.json", "--runs", "4", "--json")
	var found explore.Shrunk
	if err := json.Unmarshal([]byte(r.out), &found); err != nil || r.code != cli.Passed || found.Before.Faults != 2 || found.Signature.Oracle != checker.Convergence {
		t.Errorf("code %d, %v: %s", r.code, err, r.out)
	}
}

func TestShrinkRefuses(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "s.json", restless().JSON())
	write(t, dir, "good.json", healthy(5).JSON())
	write(t, dir, "cut.json", healthy(5).JSON()[:50])
	for args, says := range map[string]string{
		"shrink":                         "give --seed N, or the FILE",
		"shrink a b":                     "at most one argument",
		"shrink s.json --seed 3":         "leave one of the two out",
		"shrink s.json --scenario mixed": "leave one of the two out",
		"shrink good.json":               "the schedule passes: there is nothing to shrink",
		"shrink --seed 1 --scenario leader-election":   "the schedule passes: there is nothing to shrink",
		"shrink s.json --oracle lost-write":            "it fails " + checker.Convergence,
		"shrink cut.json":                              "shrink: cut.json",
		"shrink none.json":                             "no such file",
		"shrink --seed 1 --scenario nonsense":          "unknown scenario",
		"shrink s.json --go-test x --package a-b":      "--package",
		"shrink s.json --workers 0":                    "--workers",
		"shrink s.json --time -1s":                     "--time",
		"shrink s.json --runs x":                       "--runs",
		"shrink s.json --runs 1 -o s.json/x":           "--out",
		"shrink s.json --runs 1 --go-test s.json/x.go": "--go-test",
	} {
		r := run(t, dir, strings.Fields(args)...)
		if r.code != cli.BadInput || strings.Count(r.errors, "\n") != 1 || !strings.Contains(r.errors, says) {
			t.Errorf("sim %s: code %d, stderr %q; want code 2 and one line that says %q", args, r.code, r.errors, says)
		}
	}
}
