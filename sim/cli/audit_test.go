package cli_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/sim/cli"
	"github.com/lockstep-log/lockstep/sim/explore"
)

func TestASweepAuditsDeterminism(t *testing.T) {
	flawed(t)
	dir := t.TempDir()
	r := run(t, dir, "sweep", "--seeds", "1..6", "--scenario", "fickle", "--audit", "100%", "--keep", "2", "--report", "r.json")
	report, err := explore.ParseReport(read(t, filepath.Join(dir, "r.json")))
	if err != nil || r.code != cli.Nondeterministic {
		t.Fatalf("code %d, %v: %s%s", r.code, err, r.out, r.errors)
	}
	if report.Audited != 6 || report.Failed != 6 || len(report.Kinds) != 1 || report.Kinds[0].Oracle != explore.Nondeterminism {
		t.Errorf("%d audited, %d failed, kinds %+v", report.Audited, report.Failed, report.Kinds)
	}
	if !strings.Contains(r.out, "6 runs made a second time, 6 were another run") {
		t.Errorf("no row of the audit in\n%s", r.out)
	}
	if r = run(t, dir, "sweep", "--seeds", "1..6", "--scenario", "fickle", "--audit", "0%"); r.code != cli.Passed {
		t.Errorf("without an audit: code %d: %s", r.code, r.errors)
	}
	r = run(t, dir, "sweep", "--seeds", "1..6", "--scenario", "even", "--audit", "0%", "--keep", "1")
	if r.code != cli.Violated || !strings.Contains(r.out, "3 runs made a second time, 0 were another run") {
		t.Errorf("failing ones: code %d\n%s%s", r.code, r.out, r.errors)
	}
}

// A load that reads the real clock differs in one event, and that is shown.
func TestTheFirstEventThatDiffersIsShown(t *testing.T) {
	other(t, "unsteady")
	dir := t.TempDir()
	r := run(t, dir, "sweep", "--seeds", "1..2", "--audit", "100%", "--report", "r.json")
	report, err := explore.ParseReport(read(t, filepath.Join(dir, "r.json")))
	if err != nil || r.code != cli.Nondeterministic || len(report.Failures) != 2 {
		t.Fatalf("code %d, %v: %s%s", r.code, err, r.out, r.errors)
	}
	for _, f := range report.Failures {
		if _, differs, found := strings.Cut(f.Message, "; the first event that differs is "); !found ||
			strings.Count(differs, "client 99: operation 0 ended") != 2 || !strings.Contains(differs, "recorded: #") || !strings.Contains(differs, "replayed: #") {
			t.Errorf("seed %d: %s", f.Seed, f.Message)
		}
	}
	trace := filepath.Join(report.Failures[0].Artefacts, "trace.bin")
	if r = run(t, dir, "replay", trace); r.code != cli.Nondeterministic || !strings.Contains(r.out, "\nreplayed  #") {
		t.Errorf("its trace replayed: code %d\n%s%s", r.code, r.out, r.errors)
	}
	r = run(t, dir, "run", "--seed", "1", "--repeat", "2")
	if r.code != cli.Nondeterministic || !strings.Contains(r.out, "FAIL seed=1 oracle=nondeterminism") {
		t.Errorf("run twice: code %d\n%s", r.code, lastLines(r.out, 2))
	}
}

func TestAWorkerNamesTheFirstEventThatDiffers(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "s.json", healthy(5).JSON())
	run(t, dir, "run", "--schedule", "s.json", "--trace", "t.bin")
	changeEvent(t, filepath.Join(dir, "t.bin"), filepath.Join(dir, "changed.bin"), 100)
	cmd := exec.CommandContext(t.Context(), binary, "worker")
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(`{"scenario":"mixed","seed":5,"replay":"changed.bin"}`)
	out, err := cmd.Output()
	if err != nil || !strings.Contains(string(out), "the first event that differs is 100, recorded: ") {
		t.Errorf("%v: %s", err, out)
	}
}
