package explore

import (
	"strings"
	"testing"
)

// Every patch of our catalogue fits the code as it stands. Whether its bug is
// found takes a sweep: sim mutants.
func TestTheCatalogueFitsTheCode(t *testing.T) {
	mutants, err := LoadMutants("../../scenarios/mutants")
	if err != nil {
		t.Fatal(err)
	}
	m := Module{Dir: "../.."}
	for i := range mutants {
		if _, err := m.overlay(&mutants[i], t.TempDir(), "fit"); err != nil {
			t.Errorf("%s: %v", mutants[i].File, err)
		}
	}
	if len(mutants) < 20 {
		t.Errorf("%d planted bugs; were some lost?", len(mutants))
	}
}

// A patch that does not fit says which hunk of which file.
func TestAPatchThatDoesNotFitIsNamed(t *testing.T) {
	m, err := ParseMutant([]byte("# id: X\n# about: x\n# oracle: crash\n# scenario: mixed\n--- a/doc.go\n+++ b/doc.go\n@@ -1,1 +1,1 @@\n-no such line\n+another\n"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = (&Module{Dir: "../.."}).overlay(&m, t.TempDir(), "misfit")
	if err == nil || !strings.Contains(err.Error(), "doc.go") {
		t.Fatalf("error %v; want one that names doc.go", err)
	}
}
