package cli_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/sim/cli"
	"github.com/lockstep-log/lockstep/sim/explore"
)

// flawed builds testdata/flawed and makes it what run runs.
func flawed(t *testing.T) {
	t.Helper()
	other(t, "flawed")
}

// other makes a sim in testdata what run runs.
func other(t *testing.T, name string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "./testdata/"+name).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	was := binary
	t.Cleanup(func() { binary = was })
	binary = path
}

func TestASweepShowsAKindOfFailureOnce(t *testing.T) {
	flawed(t)
	dir := t.TempDir()
	r := run(t, dir, "sweep", "--seeds", "1..17", "--report", "r.json", "--keep", "1")
	if r.code != cli.Violated {
		t.Fatalf("code %d: %s", r.code, r.errors)
	}
	report, err := explore.ParseReport(read(t, filepath.Join(dir, "r.json")))
	if err != nil || len(report.Kinds) != 1 || report.Kinds[0].Count != 8 || len(report.Failures) != 8 {
		t.Fatalf("kinds %+v of %d failures, %v", report.Kinds, len(report.Failures), err)
	}
	row := strings.Fields("8 times " + checker.Convergence + " even 2, 4, 6, 8, 10, ... out/artefacts/even-2")
	if got := strings.Join(strings.Fields(r.out), " "); strings.Count(got, strings.Join(row, " ")) != 1 {
		t.Errorf("no row %q in\n%s", row, strings.Join(lastLines(r.out, 8), "\n"))
	}
}
