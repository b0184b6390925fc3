package adapter_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/adapter"
)

// inspected writes files of zeros into a directory and gives all that Inspect says
// of the first.
func inspected(t *testing.T, names ...string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, 4096), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var lines strings.Builder
	err := adapter.Inspect(filepath.Join(dir, names[0]), func(i adapter.InspectedItem) { lines.WriteString(i.String() + "\n") })
	return lines.String(), err
}

// A spare of the journal is a file of a node, and nothing in it can be damaged. What
// was given back keeps its old bytes.
func TestInspectOfASpare(t *testing.T) {
	out, err := inspected(t, "spare-0000000000000003")
	if err != nil || !strings.Contains(out, "4096  spare of the journal") || !strings.Contains(out, "nothing is verified") {
		t.Errorf("%v, %s", err, out)
	}
}

// Zeros at the end of an unreplicated segment are in order where it is the newest;
// of any other it is said what they may hide.
func TestInspectOfASealedSegment(t *testing.T) {
	const first, later, last = "00000000000000000000.log", "00000000000000000007.log", "00000000000000000030.log"
	for _, test := range []struct {
		files []string
		says  string
	}{
		{[]string{first, "durable"}, "zeros, ahead of the log's end"},
		{[]string{last, first, later, "durable"}, "zeros, ahead of the log's end"},
		{[]string{first, last, later, "durable", "00000000000000000003.index"}, "zeros, and the next segment begins at offset 7"},
	} {
		if out, err := inspected(t, test.files...); err != nil || !strings.Contains(out, test.says) {
			t.Errorf("%v: %v, %s", test.files, err, out)
		}
	}
	if _, err := inspected(t, first, last); err == nil {
		t.Error("a replicated segment of zeros verifies")
	}
}
