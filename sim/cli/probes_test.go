package cli_test

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/sim/cli"
	"github.com/lockstep-log/lockstep/sim/cluster"
)

func TestASweepThatReachesTooLittleProvesNothing(t *testing.T) {
	dir := t.TempDir()
	quiet := filepath.Join(dir, "quiet")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", quiet, "./testdata/quiet").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	defer func(was string) { binary = was }(binary)
	binary = quiet
	const line = "sim: sweep: required probes never reached: election/"
	r := run(t, dir, "sweep", "--seeds", "1..200")
	if r.code != cli.NothingProven || !strings.Contains(r.errors, line) || strings.Contains(r.errors, "client/long-poll") {
		t.Errorf("code %d: %s", r.code, lastLines(r.errors, 2))
	}
	if last := lastLines(r.out, 1)[0]; !strings.HasPrefix(last, "NOTHING PROVEN seeds=1..200 runs=200 ") {
		t.Errorf("last line %q", last)
	}
	for _, row := range []string{"\nProbes: ", "\n  never     client/long-poll ", "\n  never     process/all-down ", "\n  reached   client/hint-followed "} {
		if !strings.Contains(r.out, row) {
			t.Errorf("no %q in the list of probes", row)
		}
	}
	if r = run(t, dir, "sweep", "--seeds", "1..199"); r.code != cli.Passed {
		t.Errorf("a short one: code %d: %s", r.code, lastLines(r.errors, 2))
	}
	if r = run(t, dir, "sweep", "--seeds", "1..200", "--probes=off"); r.code != cli.Passed || strings.Contains(r.out, "Probes") || strings.Contains(r.errors, line) {
		t.Errorf("--probes=off: code %d: %s\n%s", r.code, lastLines(r.errors, 2), lastLines(r.out, 1))
	}
	if r = run(t, dir, "sweep", "--seeds", "1..2", "--probes=no"); r.code != cli.BadInput || !strings.Contains(r.errors, `--probes "no": give on or off`) {
		t.Errorf("--probes=no: code %d: %s", r.code, r.errors)
	}
}

func TestListTellsTheProbes(t *testing.T) {
	var got struct {
		Probes []cluster.Probe `json:"probes"`
	}
	r := run(t, t.TempDir(), "list", "--json")
	if err := json.Unmarshal([]byte(r.out), &got); err != nil || r.code != cli.Passed {
		t.Fatalf("code %d, %v", r.code, err)
	}
	for i, p := range cluster.Probes() {
		if i >= len(got.Probes) || got.Probes[i] != p {
			t.Fatalf("probe %d is not listed as %+v", i, p)
		}
	}
	r = run(t, t.TempDir(), "list")
	for _, said := range []string{"\nProbes (", "\n  election/split-vote* ", "\n  client/long-poll "} {
		if !strings.Contains(r.out, said) {
			t.Errorf("no %q", said)
		}
	}
}
