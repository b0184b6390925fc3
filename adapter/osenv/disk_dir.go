package osenv

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
)

// Rename implements env.Disk.
func (d *Disk) Rename(from, to string, done func(error)) {
	act := func() error {
		if !fs.ValidPath(to) {
			return errName
		}
		return d.root.Rename(from, to)
	}
	d.directory(verbRename, from, act, func(err error) {
		if err == nil {
			d.renamed(from, to)
		}
		done(err)
	})
}

// renamed tells open files their new name, also below a renamed directory. A
// file that stood under the new name has lost it, though it still says so.
func (d *Disk) renamed(from, to string) {
	for f := range d.open {
		rest, under := strings.CutPrefix(f.name, from)
		switch {
		case f.unlinked:
		case under && (rest == "" || rest[0] == '/'):
			f.name = to + rest
		case f.name == to:
			f.unlinked = true
		}
	}
}

// Remove implements env.Disk. A directory must be empty.
func (d *Disk) Remove(name string, done func(error)) {
	d.directory(verbRemove, name, func() error { return d.root.Remove(name) }, func(err error) {
		if err == nil {
			for f := range d.open {
				f.unlinked = f.unlinked || f.name == name
			}
		}
		done(err)
	})
}

// rooted is dir, where "" and "." both name the data directory itself.
func rooted(dir string) string {
	if dir == "" {
		return "."
	}
	return dir
}

// Mkdir implements env.Disk.
func (d *Disk) Mkdir(dir string, done func(error)) {
	dir = rooted(dir)
	d.directory(verbMkdir, dir, func() error { return d.root.MkdirAll(dir, 0o755) }, done)
}

// List implements env.Disk.
func (d *Disk) List(dir string, done func([]string, error)) {
	dir = rooted(dir)
	var names []string
	act := func() error {
		return d.withDir(dir, func(f *os.File) (err error) {
			names, err = f.Readdirnames(-1)
			slices.Sort(names)
			return err
		})
	}
	d.directory(verbList, dir, act, func(err error) { done(names, err) })
}

// SyncDir implements env.Disk.
func (d *Disk) SyncDir(dir string, done func(error)) {
	dir = rooted(dir)
	act := func() error { return d.withDir(dir, (*os.File).Sync) }
	d.directory(verbSyncDir, dir, act, done)
}

// withDir opens a directory for f. A file is refused: a sync of one would
// succeed, and say nothing about names.
func (d *Disk) withDir(dir string, f func(*os.File) error) error {
	opened, err := d.root.Open(dir)
	if err != nil {
		return err
	}
	info, err := opened.Stat()
	switch {
	case err != nil:
	case !info.IsDir():
		err = syscall.ENOTDIR
	default:
		err = f(opened)
	}
	return errors.Join(err, opened.Close())
}
