package cli

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTwoOptionsNeverMeanOneFile(t *testing.T) {
	dir := t.TempDir()
	there := filepath.Join(dir, "there")
	if err := os.WriteFile(there, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(there, link); err != nil {
		t.Fatal(err)
	}
	absent := filepath.Join(dir, "absent")
	for name, c := range map[string]struct {
		paths [2]string
		fine  bool
	}{
		"the same name":          {[2]string{there, there}, false},
		"a link to it":           {[2]string{there, link}, false},
		"the same absent name":   {[2]string{absent, filepath.Join(dir, ".", "absent")}, false},
		"different names":        {[2]string{there, absent}, true},
		"one is not given":       {[2]string{"", absent}, true},
		"neither is given":       {[2]string{"", ""}, true},
		"a device may be shared": {[2]string{os.DevNull, os.DevNull}, true},
	} {
		if err := distinct("--a", c.paths[0], "--b", c.paths[1]); (err == nil) != c.fine {
			t.Errorf("%s: %v", name, err)
		}
	}
}
