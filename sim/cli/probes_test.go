package cli_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/sim/cli"
	"github.com/lockstep-log/lockstep/sim/cluster"
)

func TestASweepThatReachesTooLittleProvesNothing(t *testing.T) {
	other(t, "quiet")
	dir := t.TempDir()
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

// The gate looks at all seeds of mixed, however many scenarios and shards they
// are spread over.
func TestTheGateOfShardsAndOfAllScenarios(t *testing.T) {
	other(t, "quiet")
	dir := t.TempDir()
	for _, shard := range []string{"0", "1"} {
		if r := run(t, dir, "sweep", "--seeds", "1..200", "--scenario", "all", "--shard", shard+"/2", "--report", shard+".json"); r.code != cli.Passed {
			t.Fatalf("100 seeds: code %d: %s", r.code, lastLines(r.errors, 2))
		}
	}
	r := run(t, dir, "merge", "0.json", "1.json", "-o", "both.json")
	if r.code != cli.NothingProven || !strings.Contains(r.errors, "sim: merge: required probes never reached: election/") {
		t.Errorf("merged: code %d: %s", r.code, lastLines(r.errors, 2))
	}
	if last := lastLines(r.out, 1)[0]; !strings.HasPrefix(last, "NOTHING PROVEN seeds=1..200 runs=400 ") {
		t.Errorf("merged: last line %q", last)
	}
	if again := run(t, dir, "report", "both.json"); again.code != r.code || again.out != r.out || !strings.Contains(again.errors, "sim: report: required") {
		t.Errorf("the report of it: code %d: %s\n%s", again.code, again.errors, again.out)
	}
	if r = run(t, dir, "merge", "0.json", "1.json", "--probes", "off"); r.code != cli.Passed {
		t.Errorf("--probes off: code %d: %s", r.code, lastLines(r.errors, 2))
	}
	if r = run(t, dir, "sweep", "--seeds", "1..200", "--scenario", "still"); r.code != cli.Passed {
		t.Errorf("another scenario: code %d: %s", r.code, lastLines(r.errors, 2))
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
