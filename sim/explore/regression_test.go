package explore

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/sim/cluster"
)

// TestRegressionCompiles vets and runs generated tests where they would stand in this
// module, without touching it.
func TestRegressionCompiles(t *testing.T) {
	registry := Standard()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	replace := map[string]string{}
	for seed, scenario := range []string{"mixed", "by hand"} {
		s := cluster.Defaults(uint64(seed))
		s.Scenario = scenario
		found := &Shrunk{Schedule: s, Signature: Signature{"isr-accuracy", "node # reports # in sync"}}
		b, err := registry.Regression(RegressionPackage, found)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(b), fmt.Sprintf("func TestIsrAccuracySeed%d(t *testing.T)", seed)) {
			t.Errorf("%s", b)
		}
		file := filepath.Join(dir, fmt.Sprintf("seed_%d_test.go", seed))
		if err := os.WriteFile(file, b, 0o644); err != nil {
			t.Fatal(err)
		}
		replace[filepath.Join(root, "scenarios", "regressions", filepath.Base(file))] = file
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(path, overlay, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "test", "-overlay", path, "-vet=all", "-count=1", "./scenarios/regressions")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestRegressionRefusesBadNames(t *testing.T) {
	registry := Standard()
	for _, pkg := range []string{"", "a-b", "func", "_", "a b"} {
		if b, err := registry.Regression(pkg, &Shrunk{}); err == nil {
			t.Errorf("package %q: %s", pkg, b)
		}
	}
	s := cluster.Defaults(1)
	s.Scenario = "`"
	if _, err := registry.Regression("a", &Shrunk{Schedule: s}); err == nil {
		t.Error("a back-quote went into the file")
	}
}
