package cli_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/sim/cli"
)

const bisectSkip = 125

// What git bisect is told of a schedule: 0 good, 1 bad, 125 says nothing.
func TestExitCodesForGitBisect(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "good.json", healthy(5).JSON())
	bad := healthy(5)
	bad.HealNs = 1 // nothing comes to rest so soon
	write(t, dir, "bad.json", bad.JSON())
	idle := healthy(5)
	idle.Workload.ProducesPerMinute, idle.Workload.FetchesPerMinute, idle.Workload.ListsPerMinute = 0, 0, 0
	write(t, dir, "idle.json", idle.JSON())
	// Files of a later sim: a later version, a field and a fault that are not known.
	write(t, dir, "version.json", bytes.Replace(healthy(5).JSON(), []byte(`"version": 1`), []byte(`"version": 2`), 1))
	write(t, dir, "field.json", bytes.Replace(healthy(5).JSON(), []byte(`"nodes"`), []byte(`"flux": 1, "nodes"`), 1))
	write(t, dir, "kind.json", bytes.Replace(healthy(5).JSON(), []byte(`"faults": []`), []byte(`"faults": [{"atNs": 1, "kind": "flux"}]`), 1))
	for args, want := range map[string]int{
		"--schedule good.json":                                cli.Passed,
		"--schedule bad.json":                                 cli.Violated,
		"--schedule bad.json --oracle " + checker.Convergence: cli.Violated,
		"--schedule bad.json --oracle " + checker.LostWrite:   bisectSkip, // it fails, but not so
		"--schedule good.json --oracle flux":                  bisectSkip, // an oracle that is not known
		"--schedule idle.json":                                bisectSkip,
		"--schedule version.json":                             bisectSkip,
		"--schedule field.json":                               bisectSkip,
		"--schedule kind.json":                                bisectSkip,
		"--schedule none.json":                                bisectSkip,
		"--schedule good.json --flux":                         bisectSkip, // an option that is not known
		"--schedule good.json more":                           bisectSkip,
	} {
		if r := run(t, dir, append([]string{"run", "--bisect"}, strings.Fields(args)...)...); r.code != want {
			t.Errorf("sim run --bisect %s: code %d, want %d: %s", args, r.code, want, r.errors)
		}
	}
	if r := run(t, dir, "run", "--schedule", "good.json", "--oracle", checker.LostWrite); r.code != cli.BadInput || !strings.Contains(r.errors, "--oracle") {
		t.Errorf("--oracle without --bisect: code %d: %s", r.code, r.errors)
	}
}

// The command line of the README, on a history with a bug in it.
func TestGitBisectFindsTheCommit(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("there is no git")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	repo, outside := t.TempDir(), t.TempDir()
	shell := func(line string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "sh", "-ec", line)
		cmd.Dir = repo
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GOFLAGS=-mod=mod -buildvcs=false", "SIM="+filepath.Join(outside, "sim"),
			"SCHEDULE="+write(t, outside, "small.json", healthy(5).JSON()))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
		return string(out)
	}
	write(t, repo, "go.mod", bisectModule(t, root))
	write(t, repo, "go.sum", read(t, filepath.Join(root, "go.sum")))
	shell(`git init -q && git config user.email nobody@example.com && git config user.name nobody && git add .`)
	for i, change := range []string{"", "", "", "does not compile", "", bug, bug} {
		write(t, repo, "main.go", fmt.Appendf(nil, bisectMain, change, i))
		shell(fmt.Sprintf("git add . && git commit -q -m 'change %d'", i))
	}
	shell(`git bisect start HEAD HEAD~6`)
	said := shell(`git bisect run sh -c 'go build -o "$SIM" . || exit 125; "$SIM" run --bisect --schedule "$SCHEDULE"'`)
	if commit := shell(`git log -1 --format=%s refs/bisect/bad`); commit != "change 5\n" || !strings.Contains(said, "is the first bad commit") || !strings.Contains(said, "syntax error") {
		t.Errorf("git bisect says that it was %q\n%s", commit, said)
	}
}

const (
	bug        = `options.NewWorkload = func(cluster.World) cluster.Workload { panic("the bug") }`
	bisectMain = `package main

import (
	"os"

	"github.com/lockstep-log/lockstep/scenarios"
	"github.com/lockstep-log/lockstep/sim/cli"
	"github.com/lockstep-log/lockstep/sim/cluster"
	"github.com/lockstep-log/lockstep/sim/explore"
)

var options cluster.Options

func init() {
	%s
}

const version = %d

func main() { os.Exit(cli.Main(explore.Registry{Scenarios: scenarios.All(), Options: options})) }
`
)

// bisectModule is a module of a user's own that takes ours from this tree.
func bisectModule(t *testing.T, root string) []byte {
	t.Helper()
	ours := string(read(t, filepath.Join(root, "go.mod")))
	const name = "github.com/lockstep-log/lockstep"
	theirs := strings.Replace(ours, "module "+name, "module example.com/theirs", 1)
	return fmt.Appendf(nil, "%s\nrequire %s v0.0.0\n\nreplace %s => %s\n", theirs, name, name, root)
}
