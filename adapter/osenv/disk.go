package osenv

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"github.com/lockstep-log/lockstep/engine/env"
)

// DefaultWorkers is how many files may be busy at once.
const DefaultWorkers = 32

// Disk is a locked data directory. It implements env.Disk; its methods, and
// those of its files, belong to the loop.
type Disk struct {
	loop       *Loop
	root       *os.Root
	lock       *os.File
	drainEvent func() // d.drain, made once
	tally      tally

	// Loop only.
	open     map[*File]struct{} // until their Close was carried out
	draining []operation        // the other half of finished

	mu       sync.Mutex
	ended    sync.Cond // a worker ended
	closed   bool
	workers  int         // running
	limit    int         // of workers
	dirs     queue       // directory operations
	waiting  []*queue    // busy queues without a worker
	finished []operation // completions that the loop has not taken
}

var _ env.Disk = (*Disk)(nil)

// OpenDisk locks the data directory and opens it. The directory must exist
// (env.ErrNotExist); ErrLocked means that another process, or another Disk of
// this one, has it.
func OpenDisk(loop *Loop, dir string) (*Disk, error) {
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("open data directory: %w", err)
	}
	d := &Disk{loop: loop, root: root, lock: lock, limit: DefaultWorkers, open: map[*File]struct{}{}}
	d.ended.L = &d.mu
	d.drainEvent = d.drain
	return d, nil
}

// Close waits for the operations under way, closes all files and gives the
// lock back. It comes last: the node is stopped first, then its loop, then its
// disk. Operations asked later are dropped.
func (d *Disk) Close() error {
	d.mu.Lock()
	d.closed = true
	for d.workers > 0 {
		d.ended.Wait()
	}
	d.mu.Unlock()
	for f := range d.open {
		_ = f.os.Close() // what must last was synced; a second Close is harmless
	}
	clear(d.open)
	return errors.Join(d.root.Close(), d.lock.Close())
}

// Open implements env.Disk.
func (d *Disk) Open(name string, mode env.OpenMode, done func(env.File, error)) {
	flags := os.O_RDWR
	switch mode {
	case env.OpenCreate:
		flags |= os.O_CREATE
	case env.OpenNew:
		flags |= os.O_CREATE | os.O_EXCL
	case env.OpenExisting:
	}
	var opened *os.File
	var info fs.FileInfo
	act := func() (err error) {
		opened, info, err = openRegular(d.root, name, flags)
		return err
	}
	d.directory(verbOpen, name, act, func(err error) {
		if err != nil {
			done(nil, err)
			return
		}
		f := &File{disk: d, os: opened, info: info, queue: d.queueOf(info), opened: name, name: name}
		d.open[f] = struct{}{}
		done(f, nil)
	})
}

// queueOf gives the queue of a file, which all its handles share: operations on
// one file keep their order by whichever handle they are asked.
func (d *Disk) queueOf(info fs.FileInfo) *queue {
	for f := range d.open {
		if os.SameFile(f.info, info) {
			return f.queue
		}
	}
	return new(queue)
}

// openRegular refuses a directory, for which the system's errors differ.
func openRegular(root *os.Root, name string, flags int) (*os.File, fs.FileInfo, error) {
	f, err := root.OpenFile(name, flags, 0o644)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errNotRegular
	}
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// directory queues one directory operation.
func (d *Disk) directory(v verb, name string, act func() error, done func(error)) {
	if !fs.ValidPath(name) {
		act = func() error { return errName }
	}
	d.push(&d.dirs, operation{verb: v, name: name, act: act, done: done})
}
