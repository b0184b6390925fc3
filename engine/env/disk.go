package env

import (
	"errors"
	"io/fs"
)

// Errors of Disk and File, to be matched with errors.Is. Any other error is to
// be treated as ErrIO.
var (
	ErrNotExist = fs.ErrNotExist
	ErrExist    = fs.ErrExist
	ErrNoSpace  = errors.New("no space left on device")
	ErrIO       = errors.New("input/output error")
	ErrClosed   = fs.ErrClosed
)

// OpenMode says what Open may find.
type OpenMode uint8

// Modes of Open. All open for reading and writing.
const (
	OpenExisting OpenMode = iota // ErrNotExist if absent
	OpenCreate                   // created empty if absent
	OpenNew                      // ErrExist if present
)

// Disk is one node's data directory. Names are slash-separated and relative to
// it ("journal/0001"); they never contain "..". All operations are
// asynchronous; each callback runs on the loop, never inside the call itself.
// Directory operations complete in the order they were asked.
//
// Not promised: a created, renamed or removed entry survives a power loss only
// once a SyncDir of its directory completed after it; before that it may
// survive, vanish, or (a rename) leave the old name.
type Disk interface {
	Open(name string, mode OpenMode, done func(File, error))
	// Rename replaces what stands under to. Open files follow their new name.
	Rename(from, to string, done func(error))
	Remove(name string, done func(error))
	// Mkdir makes the directory and its parents; existing ones are no error.
	Mkdir(dir string, done func(error))
	// List gives the names of files and directories in dir, sorted, without dir.
	List(dir string, done func([]string, error))
	SyncDir(dir string, done func(error))
}

// File is an open file. Operations on one file are carried out and completed
// in the order they were asked (FIFO); files are independent of each other.
//
// Not promised: data is durable only once a Sync asked after the write has
// completed without error. Before that a power loss may keep all of it, a
// prefix, any subset, or a torn sector; a crash of the process alone keeps what
// was carried out readable, and still not durable. After a failed Sync the
// data it covered is lost even if it reads back: never retry, never answer.
type File interface {
	// Name is the name the file was opened under or last renamed to.
	Name() string

	// WriteAt writes all of p at offset off, growing the file with zeros if need
	// be. The disk owns p until done; p must not change.
	WriteAt(p []byte, off int64, done func(error))

	// ReadAt fills p from offset off. n < len(p) comes with io.EOF. The disk
	// owns p until done.
	ReadAt(p []byte, off int64, done func(n int, err error))

	// Truncate cuts or extends (with zeros) the file to size bytes.
	Truncate(size int64, done func(error))

	// Size gives the length in bytes.
	Size(done func(size int64, err error))

	// Sync makes all earlier operations on this file durable (fdatasync: data
	// and length).
	Sync(done func(error))

	// Close releases the file after the operations asked before it; it does not
	// sync. Operations asked later fail with ErrClosed.
	Close()
}
