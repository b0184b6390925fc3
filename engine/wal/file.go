package wal

import (
	"github.com/lockstep-log/lockstep/engine/env"
)

// maxReadable is how many sealed segments keep an open file or an index in
// memory for readers.
const maxReadable = 4

// handle is a segment's file, opened when it is first used. Operations asked
// while it opens keep their order.
type handle struct {
	log     *Log
	name    string
	create  bool // the next open makes the file
	opening bool
	closed  bool // for good
	retired bool // close it when the last operation has ended
	file    env.File
	waiting []func(env.File, error)
	pending int // operations asked and not completed
}

// use calls f with the open file, now or when it has opened. Each use that got
// no error is ended with done.
func (h *handle) use(f func(env.File, error)) {
	if h.closed {
		return
	}
	h.pending++
	if h.file != nil {
		f(h.file, nil)
		return
	}
	h.waiting = append(h.waiting, f)
	if h.opening {
		return
	}
	h.opening = true
	mode := env.OpenExisting
	if h.create {
		h.create = false
		mode = env.OpenNew
	}
	h.log.env.Disk.Open(h.name, mode, h.opened)
}

func (h *handle) opened(file env.File, err error) {
	h.opening = false
	if h.closed {
		if err == nil {
			file.Close()
		}
		return
	}
	h.file = file
	waiting := h.waiting
	h.waiting = nil
	for _, f := range waiting {
		f(file, err)
	}
}

// done ends one use.
func (h *handle) done() {
	h.pending--
	if h.retired && h.idle() {
		h.close()
	}
}

// retire closes the file once its operations have ended.
func (h *handle) retire() {
	h.retired = true
	if h.idle() {
		h.close()
	}
}

// idle tells whether the file can be released without anyone noticing.
func (h *handle) idle() bool { return h.pending == 0 && !h.opening }

// release closes an idle file; the next use opens it again.
func (h *handle) release() {
	if h.file != nil {
		h.file.Close()
		h.file = nil
	}
}

// close releases the file for good, whatever is under way.
func (h *handle) close() {
	h.closed = true
	h.release()
}

// write hands bytes to the disk. They must not change any more.
func (l *Log) write(s *segment, p []byte, off int64) {
	l.backlog += int64(len(p))
	if s.file.create {
		l.newNames = true
	}
	s.unsynced = true
	s.file.use(func(f env.File, err error) {
		if err != nil {
			l.failed(err)
			return
		}
		f.WriteAt(p, off, func(err error) {
			s.file.done()
			l.backlog -= int64(len(p))
			if err != nil {
				l.failed(err)
			}
		})
	})
}

// flush hands the bytes of the active segment that only the tail has to the disk.
func (l *Log) flush() {
	p := l.tail.takeUnwritten()
	if len(p) == 0 {
		return
	}
	s := l.active()
	l.write(s, p, s.handed)
	s.handed += int64(len(p))
}

// syncSegment makes everything handed to a segment's file durable.
func (l *Log) syncSegment(t *env.Task, s *segment) (err error) {
	t.Await(func(done func()) {
		s.file.use(func(f env.File, e error) {
			if e != nil {
				err = e
				done()
				return
			}
			f.Sync(func(e error) {
				s.file.done()
				err = e
				done()
			})
		})
	})
	return err
}

// readSegment reads n bytes of a segment's file at off, all that were handed to
// the disk before included: operations on one file keep their order.
func (l *Log) readSegment(t *env.Task, s *segment, off int64, n int) ([]byte, error) {
	var (
		p   = make([]byte, n)
		err error
	)
	t.Await(func(done func()) {
		s.file.use(func(f env.File, e error) {
			if e != nil {
				s.file.done()
				err = e
				done()
				return
			}
			f.ReadAt(p, off, func(got int, e error) {
				s.file.done()
				if got < n {
					err = e
				}
				done()
			})
		})
	})
	return p, err
}

// touch marks a segment as just read and lets go of what was read longest ago.
func (l *Log) touch(s *segment) {
	kept := l.readable[:0]
	for _, r := range l.readable {
		if r != s {
			kept = append(kept, r)
		}
	}
	l.readable = append(kept, s)
	for i := 0; len(l.readable) > maxReadable && i < len(l.readable)-1; {
		if old := l.readable[i]; l.letGo(old) {
			l.readable = append(l.readable[:i], l.readable[i+1:]...)
		} else {
			i++
		}
	}
}

// letGo closes a segment's file and forgets its index if that has a file. It
// does nothing while the segment's file is in use or owes a sync.
func (l *Log) letGo(s *segment) bool {
	if !s.file.idle() || s.unsynced {
		return false
	}
	s.file.release()
	if s != l.active() && s.indexed {
		s.index = nil
	}
	return true
}
