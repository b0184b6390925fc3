package cli_test

import (
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/sim/cli"
)

func TestBeyondAndDamageAreScenarios(t *testing.T) {
	flawed(t)
	dir := t.TempDir()
	for option, scenario := range map[string]string{"--beyond": "beyond", "--damage": "damaged"} {
		short, long := run(t, dir, "run", "--seed", "1", option), run(t, dir, "run", "--seed", "1", "--scenario", scenario)
		a, b := lastLines(short.out, 1)[0], lastLines(long.out, 1)[0]
		if short.code != cli.Passed || a != b || !strings.Contains(short.out, scenario+", seed 1") {
			t.Errorf("run %s: code %d, %q; by its name %q", option, short.code, a, b)
		}
		if r := run(t, dir, "run", "--seed", "1", option, "--scenario", scenario); r.code != cli.Passed {
			t.Errorf("run with both: code %d: %s", r.code, r.errors)
		}
		if r := run(t, dir, "sweep", "--seeds", "1..2", option, "--json"); r.code != cli.Passed || !strings.Contains(r.out, `"`+scenario+`"`) || strings.Contains(r.out, `"even"`) {
			t.Errorf("sweep %s: code %d: %s", option, r.code, r.errors)
		}
		for _, command := range [][]string{
			{"run", "--seed", "1", option, "--scenario", "even"},
			{"sweep", "--seeds", "1..2", option, "--scenario", "all"},
			{"shrink", "--seed", "1", option, "--scenario", "even"},
		} {
			r := run(t, dir, command...)
			if r.code != cli.BadInput || !strings.Contains(r.errors, option+" is --scenario "+scenario+", and --scenario ") {
				t.Errorf("%q: code %d: %s", command, r.code, r.errors)
			}
		}
	}
	if r := run(t, dir, "run", "--seed", "1", "--beyond", "--damage"); r.code != cli.BadInput || !strings.Contains(r.errors, "leave one of the two out") {
		t.Errorf("both: code %d: %s", r.code, r.errors)
	}
	other(t, "quiet")
	if r := run(t, dir, "run", "--seed", "1", "--beyond"); r.code != cli.BadInput || !strings.Contains(r.errors, `--beyond: unknown scenario "beyond"; known: mixed, still`) {
		t.Errorf("a binary without it: code %d: %s", r.code, r.errors)
	}
}

func TestExtraScenariosAreNotPartOfAll(t *testing.T) {
	flawed(t)
	dir := t.TempDir()
	r := run(t, dir, "sweep", "--seeds", "1..1", "--scenario", "all", "--audit", "0%", "--json")
	if !strings.Contains(r.out, `"even"`) || !strings.Contains(r.out, `"fickle"`) || strings.Contains(r.out, `"beyond"`) {
		t.Errorf("code %d: %s\n%s", r.code, r.errors, r.out)
	}
	if r = run(t, dir, "list"); !strings.Contains(r.out, "\n  beyond+ ") || !strings.Contains(r.out, "\n  even ") {
		t.Errorf("the list does not mark them:\n%s", r.out)
	}
	if r = run(t, dir, "list", "--json"); strings.Count(r.out, `"extra": true`) != 2 {
		t.Errorf("the list does not mark them:\n%s", r.out)
	}
}
