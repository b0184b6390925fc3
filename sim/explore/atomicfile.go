package explore

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// AtomicFile is a file that appears under its name only once it is complete.
// What stands under the name and is no regular file, a device or a pipe, is
// written into as it is.
type AtomicFile struct {
	*bufio.Writer
	file *os.File
	path string      // where it belongs
	mode fs.FileMode // what it shall have; 0: it was opened in its place
}

// CreateAtomic begins a file beside path; missing folders are made. A symbolic
// link stays, and the file that it leads to is written.
func CreateAtomic(path string) (*AtomicFile, error) {
	mode := fs.FileMode(0o644)
	switch there, err := os.Stat(path); {
	case err == nil && !there.Mode().IsRegular():
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return nil, err
		}
		return &AtomicFile{bufio.NewWriterSize(f, 64<<10), f, path, 0}, nil
	case err == nil:
		mode = there.Mode().Perm()
	}
	target, err := followLinks(path)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(filepath.Dir(target), "."+filepath.Base(target)+".*")
	if err != nil {
		return nil, fmt.Errorf("creating %s: %w", path, err)
	}
	return &AtomicFile{bufio.NewWriterSize(f, 64<<10), f, target, mode}, nil
}

// followLinks gives what a path leads to, also if nothing is there yet.
func followLinks(path string) (string, error) {
	for range 40 { // as many as Linux follows
		there, err := os.Lstat(path)
		if err != nil || there.Mode()&fs.ModeSymlink == 0 {
			return path, nil // what is wrong with it shows when it is written
		}
		next, err := os.Readlink(path)
		if err != nil {
			return "", err
		}
		if !filepath.IsAbs(next) {
			next = filepath.Join(filepath.Dir(path), next)
		}
		path = next
	}
	return "", fmt.Errorf("%s: too many symbolic links", path)
}

// Commit puts the file in its place.
func (a *AtomicFile) Commit() error {
	err := a.Flush()
	if err == nil && a.mode != 0 {
		err = a.file.Chmod(a.mode)
	}
	if closed := a.file.Close(); err == nil {
		err = closed
	}
	if err == nil && a.mode != 0 {
		err = os.Rename(a.file.Name(), a.path)
	}
	if err != nil {
		a.remove()
		return fmt.Errorf("writing %s: %w", a.path, err)
	}
	return nil
}

// Discard drops the file unless it was committed.
func (a *AtomicFile) Discard() {
	_ = a.file.Close()
	a.remove()
}

func (a *AtomicFile) remove() {
	if a.mode != 0 {
		_ = os.Remove(a.file.Name())
	}
}

// WriteFile writes a whole file atomically.
func WriteFile(path string, write func(io.Writer) error) error {
	f, err := CreateAtomic(path)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		f.Discard()
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return f.Commit()
}

// WriteBytes is WriteFile for bytes at hand.
func WriteBytes(path string, b []byte) error {
	return WriteFile(path, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}
