package wal

import (
	"io"

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
	closed  bool   // for good
	retired bool   // close it when the last operation has ended
	freed   func() // called once it is closed for having been retired
	file    env.File
	waiting []func(env.File, error)
	pending int // operations asked and not completed

	// Counts of writes asked, and of those that a sync has covered. Bytes are
	// owed a sync while they differ; no file is closed before, or the failure of
	// a write-back would go unreported.
	writes, synced uint64

	place place // in the pool
}

// use calls f with the open file, now or when it has opened. Each use is ended
// with done, also one that got an error.
func (h *handle) use(f func(env.File, error)) {
	if h.closed && h.log.dead {
		return // nothing completes any more
	}
	h.pending++
	if h.closed {
		f(nil, env.ErrClosed) // of a segment that left the log
		return
	}
	if pool := h.log.cfg.Pool; pool != nil {
		pool.touch(h)
	}
	if h.file != nil {
		f(h.file, nil)
		return
	}
	h.waiting = append(h.waiting, f)
	if h.opening {
		return
	}
	h.opening = true
	if pool := h.log.cfg.Pool; pool != nil {
		pool.admit(h)
		return
	}
	h.open()
}

// open opens the file for those who wait.
func (h *handle) open() {
	mode := env.OpenExisting
	if h.create {
		mode = env.OpenNew
	}
	if h.create && h.log.cfg.Alone { // Salvage appends again to the files that are there
		mode = env.OpenCreate
	}
	h.log.env.Disk.Open(h.name, mode, h.opened)
}

func (h *handle) opened(file env.File, err error) {
	h.opening = false
	if h.closed || err != nil {
		if err == nil {
			file.Close()
		}
		h.left()
		if h.closed {
			return
		}
	} else {
		h.file = file
		if h.create {
			h.log.made++
		}
		h.create = false
	}
	waiting := h.waiting
	h.waiting = nil
	for _, f := range waiting {
		f(h.file, err)
	}
}

// left tells the pool that the file is not open any more.
func (h *handle) left() {
	if pool := h.log.cfg.Pool; pool != nil {
		pool.left(h)
	}
}

// done ends one use.
func (h *handle) done() {
	h.pending--
	if !h.idle() {
		return
	}
	if h.retired {
		h.close()
		return
	}
	if pool := h.log.cfg.Pool; pool != nil {
		pool.idled()
	}
}

// retire closes the file once its operations have ended, and calls freed then.
func (h *handle) retire(freed func()) {
	h.retired = true
	h.freed = freed
	if h.idle() {
		h.close()
	}
}

// idle tells whether the file can be released without anyone noticing.
func (h *handle) idle() bool { return h.pending == 0 && !h.opening }

// dirty tells whether bytes were written that no sync has covered.
func (h *handle) dirty() bool { return h.synced != h.writes }

// release closes an idle file; the next use opens it again.
func (h *handle) release() {
	if h.file != nil {
		h.file.Close()
		h.file = nil
		h.left()
	}
}

// close releases the file for good, whatever is under way.
func (h *handle) close() {
	if h.closed {
		return
	}
	h.closed = true
	h.release()
	if h.freed != nil && !h.log.dead {
		h.freed()
	}
}

// sync makes everything written so far durable.
func (h *handle) sync(done func(error)) {
	covered := h.writes
	h.use(func(f env.File, err error) {
		if err != nil {
			h.done()
			done(err)
			return
		}
		f.Sync(func(err error) {
			if err == nil {
				h.synced = max(h.synced, covered)
			}
			h.done()
			done(err)
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

// readSegment reads n bytes of a segment at off, all that were handed to the
// disk before included: operations on one file keep their order, and what the
// disk has no room for is still in memory. What cannot be read is tried once
// more: a passing error of the disk is no damage.
func (l *Log) readSegment(t *env.Task, s *segment, off int64, n int) ([]byte, error) {
	p := make([]byte, n)
	err := l.readOnce(t, s, p, off)
	if err != nil {
		err = l.readOnce(t, s, p, off)
	}
	return p, err
}

func (l *Log) readOnce(t *env.Task, s *segment, p []byte, off int64) (err error) {
	h := s.file
	t.Await(func(done func()) {
		h.use(func(f env.File, e error) {
			if e != nil {
				h.done()
				err = s.complete(p, off, 0, e)
				done()
				return
			}
			f.ReadAt(p, off, func(got int, e error) {
				h.done()
				err = s.complete(p, off, got, e)
				done()
			})
		})
	})
	return err
}

// complete lays the bytes that wait for room on the disk over p, of which the
// disk gave got bytes. The error is nil if p is whole then.
func (s *segment) complete(p []byte, off int64, got int, err error) error {
	end := off + int64(got)
	for _, w := range s.starved {
		from, to := max(w.off, off), min(w.off+int64(len(w.p)), off+int64(len(p)))
		if from >= to {
			continue
		}
		copy(p[from-off:], w.p[from-w.off:to-w.off])
		if from <= end {
			end = max(end, to)
		}
	}
	switch {
	case end >= off+int64(len(p)):
		return nil
	case err == nil:
		return io.ErrUnexpectedEOF
	}
	return err
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
	if !s.file.idle() || s.file.dirty() {
		return false
	}
	s.file.release()
	if s != l.active() && s.indexed && s.lacks == nil {
		s.index = nil
	}
	return true
}
