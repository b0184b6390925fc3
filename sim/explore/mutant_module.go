package explore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A patch may also change a module that ours depends on: its paths begin with
// that module's path, as in go.etcd.io/raft/v3/raft.go. The overlay of go build
// cannot do that, for it refuses files of the module cache. So the module's
// folder is copied, the copy patched, and a second go.mod puts it in place of
// the original.

// ofDependency tells a dependency's file by the dot in the first element of its
// path, as the go command tells modules from the standard library.
func (f *FilePatch) ofDependency() bool {
	first, _, inFolder := strings.Cut(f.Path, "/")
	return inFolder && strings.Contains(first, ".")
}

// replaceModules writes name.mod, and name.sum beside it, in which each module
// that the mutant patches is replaced by a patched copy. It returns the path of
// the former, "" if no dependency is patched.
func (m *Module) replaceModules(ctx context.Context, mutant *Mutant, dir, name string) (string, error) {
	copies := map[string]string{} // module path -> its copy
	var replaced strings.Builder
	for i := range mutant.files {
		f := &mutant.files[i]
		if !f.ofDependency() {
			continue
		}
		module, source, err := m.dependency(ctx, f.Path)
		if err != nil {
			return "", err
		}
		if copies[module] == "" {
			copies[module] = filepath.Join(dir, fmt.Sprintf("%s-module-%d", name, len(copies)))
			if err := os.CopyFS(copies[module], os.DirFS(source)); err != nil {
				return "", err
			}
			fmt.Fprintf(&replaced, "\nreplace %s => %s\n", module, copies[module])
		}
		inside := filepath.FromSlash(strings.TrimPrefix(f.Path, module+"/"))
		if err := f.applyTo(filepath.Join(copies[module], inside), filepath.Join(copies[module], inside)); err != nil {
			return "", err
		}
	}
	if len(copies) == 0 {
		return "", nil
	}
	modfile := filepath.Join(dir, name+".mod")
	return modfile, errors.Join(
		copyAppend(modfile, filepath.Join(m.Dir, "go.mod"), replaced.String()),
		copyAppend(filepath.Join(dir, name+".sum"), filepath.Join(m.Dir, "go.sum"), ""),
	)
}

// dependency finds the module that holds a file, and its folder.
func (m *Module) dependency(ctx context.Context, file string) (module, source string, err error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Path}}\t{{.Dir}}", "all")
	cmd.Dir = m.Dir
	out, err := cmd.Output()
	if err != nil {
		return "", "", fmt.Errorf("the modules cannot be listed: %w", err)
	}
	for line := range strings.Lines(string(out)) {
		path, folder, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if strings.HasPrefix(file, path+"/") && len(path) > len(module) {
			module, source = path, folder
		}
	}
	if source == "" {
		return "", "", fmt.Errorf("%s is in no module that this one uses", file)
	}
	return module, source, nil
}

// applyTo patches the file source and writes the result to target.
func (f *FilePatch) applyTo(source, target string) error {
	content, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	if content, err = f.Apply(content); err != nil {
		return err
	}
	return os.WriteFile(target, content, 0o644)
}

func copyAppend(target, source, tail string) error {
	content, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	return os.WriteFile(target, append(content, tail...), 0o644)
}
