package explore

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// AtomicFile is a file that appears under its name only once it is complete.
type AtomicFile struct {
	*bufio.Writer
	file *os.File
	path string
}

// CreateAtomic begins a file beside path; missing folders are made.
func CreateAtomic(path string) (*AtomicFile, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return nil, fmt.Errorf("creating %s: %w", path, err)
	}
	return &AtomicFile{bufio.NewWriterSize(f, 64<<10), f, path}, nil
}

// Commit puts the file in its place.
func (a *AtomicFile) Commit() error {
	err := a.Flush()
	if err == nil {
		err = a.file.Chmod(0o644)
	}
	if closed := a.file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(a.file.Name(), a.path)
	}
	if err != nil {
		_ = os.Remove(a.file.Name())
		return fmt.Errorf("writing %s: %w", a.path, err)
	}
	return nil
}

// Discard drops the file unless it was committed.
func (a *AtomicFile) Discard() {
	_ = a.file.Close()
	_ = os.Remove(a.file.Name())
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
