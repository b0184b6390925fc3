package env

import (
	"errors"
	"io"
	"time"
)

// The methods below are the ports' asynchronous calls as straight-line code.

// Sleep waits for d on the clock's monotonic time.
func (t *Task) Sleep(c Clock, d time.Duration) {
	t.Await(func(done func()) { c.AfterFunc(d, done) })
}

// Open is Disk.Open.
func (t *Task) Open(d Disk, name string, mode OpenMode) (f File, err error) {
	t.Await(func(done func()) {
		d.Open(name, mode, func(got File, e error) { f, err = got, e; done() })
	})
	return f, err
}

// Rename is Disk.Rename.
func (t *Task) Rename(d Disk, from, to string) error {
	return t.awaitError(func(done func(error)) { d.Rename(from, to, done) })
}

// Remove is Disk.Remove.
func (t *Task) Remove(d Disk, name string) error {
	return t.awaitError(func(done func(error)) { d.Remove(name, done) })
}

// Mkdir is Disk.Mkdir.
func (t *Task) Mkdir(d Disk, dir string) error {
	return t.awaitError(func(done func(error)) { d.Mkdir(dir, done) })
}

// List is Disk.List.
func (t *Task) List(d Disk, dir string) (names []string, err error) {
	t.Await(func(done func()) {
		d.List(dir, func(got []string, e error) { names, err = got, e; done() })
	})
	return names, err
}

// SyncDir is Disk.SyncDir.
func (t *Task) SyncDir(d Disk, dir string) error {
	return t.awaitError(func(done func(error)) { d.SyncDir(dir, done) })
}

// WriteAt is File.WriteAt.
func (t *Task) WriteAt(f File, p []byte, off int64) error {
	return t.awaitError(func(done func(error)) { f.WriteAt(p, off, done) })
}

// ReadAt is File.ReadAt.
func (t *Task) ReadAt(f File, p []byte, off int64) (n int, err error) {
	t.Await(func(done func()) {
		f.ReadAt(p, off, func(got int, e error) { n, err = got, e; done() })
	})
	return n, err
}

// ReadFile reads all of f from its beginning.
func (t *Task) ReadFile(f File) ([]byte, error) {
	size, err := t.Size(f)
	if err != nil {
		return nil, err
	}
	p := make([]byte, size)
	n, err := t.ReadAt(f, p, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return p[:n], nil
}

// Truncate is File.Truncate.
func (t *Task) Truncate(f File, size int64) error {
	return t.awaitError(func(done func(error)) { f.Truncate(size, done) })
}

// Size is File.Size.
func (t *Task) Size(f File) (size int64, err error) {
	t.Await(func(done func()) {
		f.Size(func(got int64, e error) { size, err = got, e; done() })
	})
	return size, err
}

// Sync is File.Sync.
func (t *Task) Sync(f File) error {
	return t.awaitError(func(done func(error)) { f.Sync(done) })
}

func (t *Task) awaitError(start func(done func(error))) (err error) {
	t.Await(func(done func()) {
		start(func(e error) { err = e; done() })
	})
	return err
}
