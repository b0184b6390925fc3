package lockstep_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

// purePackages are the packages in which determinism is a law. sim/explore and
// sim/cli drive worker processes and are not among them.
var purePackages = []string{"./engine/...", "./sim", "./netmodel", "./diskmodel", "./sim/cluster", "./scenarios/..."}

// notPure are packages below those that are meant for tests only.
var notPure = []string{"engine/env/envtest"}

// loadMode is syntax and types of the packages asked for; of what they import,
// only the export data in the build cache is read.
const loadMode = packages.NeedName | packages.NeedFiles | packages.NeedSyntax | packages.NeedTypes |
	packages.NeedTypesInfo | packages.NeedImports | packages.NeedExportFile

func load(t *testing.T, overlay map[string][]byte, patterns ...string) (root string, loaded []*packages.Package) {
	t.Helper()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	loaded, err = packages.Load(&packages.Config{Mode: loadMode, Dir: root, Overlay: overlay}, patterns...)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range loaded {
		if len(p.Errors) > 0 { // the compiler tells the rest
			t.Errorf("%s does not compile: %v", p.PkgPath, p.Errors[0])
		}
	}
	return root, loaded
}

func TestPurity(t *testing.T) {
	root, loaded := load(t, nil, purePackages...)
	for _, pattern := range purePackages { // a package that moved must not slip out
		name := module + strings.TrimPrefix(strings.TrimSuffix(pattern, "/..."), ".")
		if !slices.ContainsFunc(loaded, func(p *packages.Package) bool { return p.PkgPath == name }) {
			t.Errorf("%s: no such package", pattern)
		}
	}
	for _, p := range loaded {
		rel := strings.TrimPrefix(p.PkgPath, module+"/")
		if slices.Contains(notPure, rel) {
			continue
		}
		for _, fault := range pure(p, root, rel) {
			t.Error(fault)
		}
	}
}

// TestPurityFindsFaults plants a sample of each rule: exactly the lines that
// say what they want are found.
func TestPurityFindsFaults(t *testing.T) {
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	overlay := map[string][]byte{}
	var patterns []string
	for _, name := range slices.Sorted(maps.Keys(impureSamples)) {
		dir := "engine/planted/" + name
		overlay[filepath.Join(root, dir, "sample.go")] = []byte("package " + name + "\n" + impureSamples[name])
		patterns = append(patterns, "./"+dir)
	}
	root, loaded := load(t, overlay, patterns...)
	if len(loaded) != len(impureSamples) {
		t.Fatalf("%d samples loaded of %d", len(loaded), len(impureSamples))
	}
	for _, p := range loaded {
		rel := strings.TrimPrefix(p.PkgPath, module+"/")
		if p.Name == "simcluster" {
			rel = "sim/cluster"
		}
		got := pure(p, root, rel)
		want := wanted("engine/planted/"+p.Name+"/sample.go", "\n"+impureSamples[p.Name])
		if !slices.EqualFunc(got, want, strings.HasPrefix) {
			t.Errorf("%s:\n got  %s\n want %s", p.Name, strings.Join(got, "\n      "), strings.Join(want, "\n      "))
		}
	}
}

// TestPurityWantsWholePackages: a file that the build leaves out is a fault.
func TestPurityWantsWholePackages(t *testing.T) {
	root := t.TempDir()
	p := &packages.Package{IgnoredFiles: []string{filepath.Join(root, "engine", "a_plan9.go"), filepath.Join(root, "engine", "a_plan9_test.go")}}
	want := []string{"engine/a_plan9.go:1: a build constraint leaves this file out, so nobody checks it"}
	if got := pure(p, root, "engine"); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// wanted reads a sample's expectations: "want: ..." in a comment on the line,
// several of them between bars.
func wanted(file, source string) (lines []string) {
	number := 0
	for line := range strings.Lines(source) {
		number++
		_, what, found := strings.Cut(line, "want: ")
		if !found {
			continue
		}
		what, _, _ = strings.Cut(what, "*/")
		for one := range strings.SplitSeq(what, "|") {
			lines = append(lines, fmt.Sprintf("%s:%d: %s", file, number, strings.TrimSpace(one)))
		}
	}
	return lines
}
