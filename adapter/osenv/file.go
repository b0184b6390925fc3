package osenv

import (
	"io/fs"
	"os"

	"github.com/lockstep-log/lockstep/engine/env"
)

var _ env.File = (*File)(nil)

// File is an open file of a Disk. It implements env.File.
type File struct {
	disk   *Disk
	os     *os.File
	info   fs.FileInfo // says which file it is
	opened string      // the name it was opened under, for errors
	queue  *queue      // of the file, not of this handle; guarded by Disk.mu

	// Loop only.
	name     string
	unlinked bool // removed, or another file was renamed over it

	// Worker only.
	closed bool
	failed error // of the first Sync that failed
	next   int64 // where the last read ended
}

// Name implements env.File.
func (f *File) Name() string { return f.name }

// WriteAt implements env.File.
func (f *File) WriteAt(p []byte, off int64, done func(error)) {
	f.push(operation{verb: verbWrite, p: p, off: off, done: done})
}

// ReadAt implements env.File.
func (f *File) ReadAt(p []byte, off int64, done func(n int, err error)) {
	f.push(operation{verb: verbRead, p: p, off: off, read: done})
}

// Truncate implements env.File.
func (f *File) Truncate(size int64, done func(error)) {
	f.push(operation{verb: verbTruncate, off: size, done: done})
}

// Size implements env.File.
func (f *File) Size(done func(size int64, err error)) {
	f.push(operation{verb: verbSize, sized: done})
}

// Sync implements env.File.
func (f *File) Sync(done func(error)) {
	f.push(operation{verb: verbSync, done: done})
}

// Close implements env.File.
func (f *File) Close() {
	f.push(operation{verb: verbClose, done: func(error) { delete(f.disk.open, f) }})
}

func (f *File) push(op operation) {
	op.file = f
	f.disk.push(f.queue, op)
}

// carryOut runs on a worker.
func (f *File) carryOut(op *operation) (err error) {
	if f.closed {
		return env.ErrClosed
	}
	switch op.verb {
	case verbWrite:
		_, err = f.os.WriteAt(op.p, op.off)
	case verbRead:
		var n int
		n, err = f.os.ReadAt(op.p, op.off)
		op.n = int64(n)
		f.readAhead(op.off, op.off+op.n)
	case verbTruncate:
		err = f.os.Truncate(op.off)
	case verbSize:
		var info os.FileInfo
		if info, err = f.os.Stat(); err == nil {
			op.n = info.Size()
		}
	case verbSync:
		err = f.sync()
	case verbClose:
		f.closed = true
		err = f.os.Close()
	default:
		panic("osenv: " + string(op.verb) + " is no operation on a file")
	}
	return err
}

// sync keeps failing once it failed: what the failed one covered is lost, and
// the kernel would not say so again.
func (f *File) sync() error {
	if f.failed != nil {
		return f.failed
	}
	f.failed = SyncData(f.os)
	return f.failed
}

// readAheadBytes is how far the system is asked to read on where a file is read
// from end to end, so that the disk works while the loop looks at what it gave.
const readAheadBytes = 8 << 20

// readAhead follows a read of [from, to).
func (f *File) readAhead(from, to int64) {
	if from == f.next && to-from >= readAheadBytes/64 {
		adviseRead(f.os, to, readAheadBytes)
	}
	f.next = to
}
