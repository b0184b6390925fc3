package lockstep_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

const module = "github.com/lockstep-log/lockstep"

// floors is the policy: a package imports only packages of strictly lower
// floors. "x/..." are all packages below x. A line "a !> b" forbids an import
// that the floors alone would allow. It binds files that are not tests.
const floors = `
	0: engine/env engine/machine engine/record engine/producer checker sim
	1: engine/env/envtest engine/wire engine/journal engine/wal engine/isr engine/membership engine/lease engine/quiet netmodel diskmodel
	2: engine/ship engine/metadata engine/memstate
	3: engine/replica engine/direct
	4: engine
	5: engine/kafka engine/client adapter/osenv adapter/rpc/raftpb adapter/rpc/clientpb
	6: adapter/rpc adapter/kafka adapter/admin sim/cluster
	7: adapter scenarios
	8: sim/explore adapter/bench
	9: sim/cli
	10: cmd/... examples/...

	# The engine never learns that a simulator exists, nor does the real world.
	engine/...  !> sim/... netmodel diskmodel checker scenarios
	adapter/... !> sim/... netmodel diskmodel scenarios
	cmd/adapter !> sim/... netmodel diskmodel scenarios
`

func TestFloors(t *testing.T) {
	for _, fault := range checkFloors(os.DirFS("."), parsePolicy(t, floors)) {
		t.Error(fault)
	}
}

// TestFloorsFindsFaults plants one of each kind.
func TestFloorsFindsFaults(t *testing.T) {
	ours := func(p string) string { return "package p\n\nimport _ \"" + module + "/" + p + "\"\n" }
	policy := parsePolicy(t, "0: low other\n1: mid\n2: high/...\nhigh/... !> other")
	for name, c := range map[string]struct {
		file, text string
		want       string // empty: clean
	}{
		"down":             {"mid/a.go", ours("low"), ""},
		"down two":         {"high/deep/a.go", ours("mid"), ""},
		"same floor":       {"low/a.go", ours("other"), "low/a.go:3: low (floor 0) imports other (floor 0)"},
		"up":               {"low/a.go", ours("high/x"), "low/a.go:3: low (floor 0) imports high/x (floor 2)"},
		"below a pattern":  {"high/a/a.go", ours("high/b"), "high/a/a.go:3: high/a (floor 2) imports high/b (floor 2)"},
		"forbidden":        {"high/a/a.go", ours("other"), "high/a/a.go:3: high/a must not import other"},
		"unknown package":  {"new/a.go", "package p\n", "new: on no floor; add it to the table"},
		"unknown import":   {"mid/a.go", ours("new"), "mid/a.go:3: mid imports new, which is on no floor"},
		"a sub-package":    {"mid/sub/a.go", "package p\n", "mid/sub: on no floor; add it to the table"},
		"not Go":           {"mid/a.go", "pakage p\n", "mid/a.go:1:1: expected 'package', found pakage"},
		"test":             {"low/a_test.go", ours("high/x"), ""},
		"testdata":         {"new/testdata/a.go", ours("high/x"), ""},
		"built":            {"out/a/a.go", ours("high/x"), ""},
		"hidden":           {".cache/a.go", ours("high/x"), ""},
		"other platform":   {"low/a_plan9.go", "//go:build plan9\n\n" + ours("mid"), "low/a_plan9.go:5: low (floor 0) imports mid (floor 1)"},
		"standard library": {"low/a.go", "package p\n\nimport _ \"os\"\n", ""},
		"root":             {"a.go", ours("low"), "a.go:3: the root package imports low; it holds no code"},
	} {
		got := checkFloors(fstest.MapFS{c.file: {Data: []byte(c.text)}}, policy)
		if c.want == "" && len(got) > 0 || c.want != "" && !slices.Equal(got, []string{c.want}) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

// policy is the parsed table.
type policy struct {
	floor  map[string]int // by package, or by "x/..."
	forbid []forbidden
}

type forbidden struct{ from, to string }

func parsePolicy(t *testing.T, text string) policy {
	t.Helper()
	p := policy{floor: map[string]int{}}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if from, to, isRule := strings.Cut(line, "!>"); isRule {
			for pattern := range strings.FieldsSeq(to) {
				p.forbid = append(p.forbid, forbidden{strings.TrimSpace(from), pattern})
			}
			continue
		}
		number, packages, _ := strings.Cut(line, ":")
		floor, err := strconv.Atoi(number)
		if err != nil {
			t.Fatalf("floors table: line %q: %v", line, err)
		}
		for pkg := range strings.FieldsSeq(packages) {
			if _, twice := p.floor[pkg]; twice {
				t.Fatalf("floors table: %s stands twice", pkg)
			}
			p.floor[pkg] = floor
		}
	}
	return p
}

// of finds a package's floor.
func (p policy) of(pkg string) (floor int, known bool) {
	if floor, known = p.floor[pkg]; known {
		return floor, true
	}
	for dir := pkg; dir != "."; dir = path.Dir(dir) {
		if floor, known = p.floor[dir+"/..."]; known {
			return floor, true
		}
	}
	return 0, false
}

// covers tells whether a pattern of the table means pkg.
func covers(pattern, pkg string) bool {
	base, all := strings.CutSuffix(pattern, "/...")
	return pkg == base || all && strings.HasPrefix(pkg, base+"/")
}

// judge names what is wrong with one import, or nothing.
func (p policy) judge(pkg, imported string) string {
	if pkg == "." {
		return "the root package imports " + imported + "; it holds no code"
	}
	above, known := p.of(imported)
	if !known {
		return fmt.Sprintf("%s imports %s, which is on no floor", pkg, imported)
	}
	if floor, _ := p.of(pkg); above >= floor {
		return fmt.Sprintf("%s (floor %d) imports %s (floor %d)", pkg, floor, imported, above)
	}
	for _, f := range p.forbid {
		if covers(f.from, pkg) && covers(f.to, imported) {
			return fmt.Sprintf("%s must not import %s", pkg, imported)
		}
	}
	return ""
}

// checkFloors reads every Go file of the module, whatever platform it is for,
// and returns the faults in the order of the files.
func checkFloors(module fs.FS, p policy) (faults []string) {
	unknown := map[string]bool{}
	err := fs.WalkDir(module, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if notSource(name) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		pkg := path.Dir(name)
		if _, known := p.of(pkg); !known && pkg != "." {
			if !unknown[pkg] {
				faults = append(faults, pkg+": on no floor; add it to the table")
			}
			unknown[pkg] = true
			return nil
		}
		more, err := fileFaults(module, name, pkg, p)
		faults = append(faults, more...)
		return err
	})
	if err != nil {
		faults = append(faults, err.Error())
	}
	return faults
}

// notSource tells which directories the go command, or .gitignore, leaves out.
func notSource(dir string) bool {
	base := path.Base(dir)
	return base == "testdata" || base != "." && (base[0] == '.' || base[0] == '_') || dir == "bin" || dir == "out"
}

func fileFaults(fsys fs.FS, name, pkg string, p policy) (faults []string, err error) {
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, text, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	for _, spec := range file.Imports {
		whole, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		imported, ours := strings.CutPrefix(whole, module+"/")
		if !ours {
			continue
		}
		if fault := p.judge(pkg, imported); fault != "" {
			faults = append(faults, fmt.Sprintf("%s:%d: %s", name, fset.Position(spec.Pos()).Line, fault))
		}
	}
	return faults, nil
}
