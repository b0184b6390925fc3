package explore

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

const before = "one\ntwo\nthree\nfour\nfive\nsix\nseven\n"

const goodPatch = `# id: B99
# about: swaps

text that nobody reads
diff --git a/x/y.go b/x/y.go
index 1234..5678 100644
--- a/x/y.go
+++ b/x/y.go
@@ -1,3 +1,3 @@ func f() {
 one
-two
+TWO
 three
@@ -6,2 +6,3 @@
 six
+six and a half
 seven
`

func TestPatchApplies(t *testing.T) {
	header, files, err := ParsePatch([]byte(goodPatch))
	if err != nil {
		t.Fatal(err)
	}
	if want := "# id: B99"; header[0] != want {
		t.Errorf("header begins with %q, want %q", header[0], want)
	}
	if len(files) != 1 || files[0].Path != "x/y.go" {
		t.Fatalf("files %+v, want x/y.go alone", files)
	}
	const want = "one\nTWO\nthree\nfour\nfive\nsix\nsix and a half\nseven\n"
	for name, prefix := range map[string]string{"in place": "", "moved down": "new\nnewer\n"} {
		got, err := files[0].Apply([]byte(prefix + before))
		if err != nil || string(got) != prefix+want {
			t.Errorf("%s: got %q, %v; want %q", name, got, err, prefix+want)
		}
	}
}

func TestPatchThatDoesNotFit(t *testing.T) {
	_, files, err := ParsePatch([]byte(goodPatch))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"another line":   strings.Replace(before, "two", "2", 1),
		"order reversed": "six\nseven\none\ntwo\nthree\n",
		"too short":      "one\ntwo\n",
		"empty":          "",
	} {
		if got, err := files[0].Apply([]byte(content)); !errors.Is(err, ErrPatchContext) {
			t.Errorf("%s: got %q, %v; want ErrPatchContext", name, got, err)
		}
	}
}

func TestPatchTakesTheNearestPlace(t *testing.T) {
	_, files, err := ParsePatch([]byte("--- a/f\n+++ b/f\n@@ -5 +5 @@\n-x\n+y\n"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := files[0].Apply([]byte("x\n1\n2\n3\n4\nx\n"))
	if want := "x\n1\n2\n3\n4\ny\n"; err != nil || string(got) != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

var badPatches = map[string]string{
	"empty":            "",
	"header only":      "# id: B1\n",
	"one side":         "--- a/f\n",
	"new file":         "--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+x\n",
	"removed file":     "--- a/f\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n",
	"rename":           "--- a/f\n+++ b/g\n@@ -1 +1 @@\n-x\n+y\n",
	"outside":          "--- a/../f\n+++ b/../f\n@@ -1 +1 @@\n-x\n+y\n",
	"absolute":         "--- a//etc/passwd\n+++ b//etc/passwd\n@@ -1 +1 @@\n-x\n+y\n",
	"no hunk":          "--- a/f\n+++ b/f\n",
	"bad head":         "--- a/f\n+++ b/f\n@@ -1 @@\n-x\n",
	"bad range":        "--- a/f\n+++ b/f\n@@ -a,b +1 @@\n-x\n+y\n",
	"negative range":   "--- a/f\n+++ b/f\n@@ --1,1 +1 @@\n-x\n+y\n",
	"cut short":        "--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n x\n",
	"too many lines":   "--- a/f\n+++ b/f\n@@ -1,1 +1,2 @@\n-x\n-z\n+y\n+w\n",
	"no newline":       "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n-x\n\\ No newline at end of file\n+y\n z\n",
	"text after hunks": "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-x\n+y\nwhat is this\n",
}

func TestBadPatches(t *testing.T) {
	for name, text := range badPatches {
		if _, files, err := ParsePatch([]byte(text)); !errors.Is(err, ErrPatch) {
			t.Errorf("%s: got %+v, %v; want ErrPatch", name, files, err)
		}
	}
}

func FuzzParsePatch(f *testing.F) {
	f.Add(goodPatch, before)
	for _, text := range badPatches {
		f.Add(text, before)
	}
	f.Fuzz(func(t *testing.T, text, content string) {
		_, files, err := ParsePatch([]byte(text))
		if err != nil {
			return
		}
		for i := range files {
			got, err := files[i].Apply([]byte(content))
			if err != nil {
				continue
			}
			// What was applied can be undone.
			back := FilePatch{Path: files[i].Path}
			for _, h := range files[i].hunks {
				back.hunks = append(back.hunks, hunk{at: h.at, old: h.new, new: h.old})
			}
			if _, err := back.Apply(got); err != nil && !slices.ContainsFunc(back.hunks, func(h hunk) bool { return len(h.old) == 0 }) {
				t.Errorf("applied to %q, but the reverse does not fit %q: %v", content, got, err)
			}
		}
	})
}

func TestParseMutant(t *testing.T) {
	const diff = "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-x\n+y\n"
	m, err := ParseMutant([]byte("# id: B01\n#about:  skips the sync: all of it\n# oracle: durability\n# scenario: mixed\n# note: more\n\n" + diff))
	if err != nil {
		t.Fatal(err)
	}
	if m.ID != "B01" || m.About != "skips the sync: all of it" || m.Oracle != "durability" || m.Scenario != "mixed" {
		t.Errorf("got %+v", m)
	}
	for name, text := range map[string]string{
		"no oracle":    "# id: B01\n# about: a\n# scenario: s\n" + diff,
		"empty oracle": "# id: B01\n# about: a\n# oracle:\n# scenario: s\n" + diff,
		"id twice":     "# id: B01\n# id: B02\n# about: a\n# oracle: o\n# scenario: s\n" + diff,
	} {
		if _, err := ParseMutant([]byte(text)); !errors.Is(err, ErrMutant) {
			t.Errorf("%s: got %v, want ErrMutant", name, err)
		}
	}
}
