package explore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
)

// Mutant is one planted bug: a patch, and the oracle that has to name it.
type Mutant struct {
	ID       string // as "B01"
	About    string
	Oracle   string // the one that counts; others may fire beside it
	Scenario string
	File     string // the patch
	files    []FilePatch
}

// ErrMutant is wrapped by the error of a mutant that cannot be read or built.
var ErrMutant = errors.New("mutant")

// LoadMutants reads the patches of a directory, sorted by file name.
func LoadMutants(dir string) ([]Mutant, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.patch"))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		if _, err := os.Stat(dir); err != nil {
			return nil, fmt.Errorf("%w: %w; --dir is the folder of the patches, scenarios/mutants by default", ErrMutant, err)
		}
		return nil, fmt.Errorf("%w: no *.patch in %s; --dir is the folder of the patches, scenarios/mutants by default", ErrMutant, dir)
	}
	slices.Sort(paths)
	mutants := make([]Mutant, 0, len(paths))
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		m, err := ParseMutant(b)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		m.File = path
		if i := slices.IndexFunc(mutants, func(o Mutant) bool { return o.ID == m.ID }); i >= 0 {
			return nil, fmt.Errorf("%w: %s and %s have the same id %s", ErrMutant, mutants[i].File, path, m.ID)
		}
		mutants = append(mutants, m)
	}
	return mutants, nil
}

// ParseMutant reads a patch: header lines "# id: B01", "# about: ...",
// "# oracle: durability", "# scenario: mixed", other text, then a unified diff.
func ParseMutant(b []byte) (Mutant, error) {
	header, files, err := ParsePatch(b)
	if err != nil {
		return Mutant{}, err
	}
	m := Mutant{files: files}
	fields := map[string]*string{"id": &m.ID, "about": &m.About, "oracle": &m.Oracle, "scenario": &m.Scenario}
	for _, line := range header {
		rest, ok := strings.CutPrefix(line, "#")
		name, value, colon := strings.Cut(rest, ":")
		field := fields[strings.TrimSpace(name)]
		if !ok || !colon || field == nil {
			continue
		}
		if *field != "" {
			return Mutant{}, fmt.Errorf("%w: its header has %q twice", ErrMutant, strings.TrimSpace(name))
		}
		*field = strings.TrimSpace(value)
	}
	for _, name := range []string{"id", "about", "oracle", "scenario"} {
		if *fields[name] == "" {
			return Mutant{}, fmt.Errorf("%w: its header lacks a line \"# %s: ...\"", ErrMutant, name)
		}
	}
	return m, nil
}

// Module is the source tree that mutants are made from.
type Module struct {
	Dir  string // its root
	Main string // import path of this binary's main package
}

// FindModule finds the module around the working directory.
func FindModule(ctx context.Context) (*Module, error) {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Path == "" || info.Path == "command-line-arguments" {
		return nil, fmt.Errorf("%w: this binary does not know its main package; build it by its package path, as go build ./cmd/sim does", ErrMutant)
	}
	cmd := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}")
	out, err := cmd.Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" || strings.Contains(dir, "\n") {
		return nil, fmt.Errorf("%w: mutants are built from source: run this inside the module's folder, with go in the path", ErrMutant)
	}
	return &Module{Dir: dir, Main: info.Path}, nil
}

// Build builds the binary with the mutant in it, under the given name. The
// tree is not touched: go build takes the patched files from dir.
func (m *Module) Build(ctx context.Context, mutant *Mutant, dir, name string) (string, error) {
	overlay, err := m.overlay(mutant, dir, name)
	if err != nil {
		return "", fmt.Errorf("%w %s: %w", ErrMutant, mutant.ID, err)
	}
	modfile, err := m.replaceModules(ctx, mutant, dir, name)
	if err != nil {
		return "", fmt.Errorf("%w %s: %w", ErrMutant, mutant.ID, err)
	}
	binary := filepath.Join(dir, name)
	args := []string{"build", "-overlay", overlay, "-o", binary}
	if modfile != "" {
		args = append(args, "-modfile", modfile)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, m.Main)...)
	cmd.Dir = m.Dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w %s does not build: %w\n%s", ErrMutant, mutant.ID, err, strings.TrimSpace(string(out)))
	}
	return binary, nil
}

// overlay writes the patched files of our own module, and the file that tells
// go build of them.
func (m *Module) overlay(mutant *Mutant, dir, name string) (string, error) {
	replace := make(map[string]string)
	for i := range mutant.files {
		f := &mutant.files[i]
		if f.ofDependency() {
			continue
		}
		source := filepath.Join(m.Dir, filepath.FromSlash(f.Path))
		replace[source] = filepath.Join(dir, fmt.Sprintf("%s-%d-%s", name, i, filepath.Base(source)))
		if err := f.applyTo(source, replace[source]); err != nil {
			return "", err
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, name+".json")
	return path, os.WriteFile(path, overlay, 0o644)
}
