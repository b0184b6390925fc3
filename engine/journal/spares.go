package journal

import (
	"errors"
	"fmt"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
)

// A write into a file that grows costs twice a write into one whose bytes exist
// (the file system's own journal), so files are filled with zeros before they
// are used, in the background, and used again when they are old. Nothing relies
// on the zeros: what an earlier use left behind is told by its incarnation.

// zeroChunkBytes is written and synced at a time, so that filling a spare does
// not hold up the syncs of appends for long.
const zeroChunkBytes = 1 << 20

var zeros [zeroChunkBytes]byte

// spares are files ready for use and files that may become spares.
type spares struct {
	ready   []*file
	retired []*file // older than the oldest needed
	next    uint64  // number of the next new name
	filling bool
	err     error  // why the last attempt to make one failed
	noSpace bool   // it failed for want of room: another one follows
	wanted  func() // a roll waits
	retry   env.Timer
}

// spaceRetry is how long after a spare found no room the next attempt begins.
const spaceRetry = 250 * time.Millisecond

// NoSpace tells that the disk has no room for the spares that must be ready: take
// no more records. What is small goes on in the file begun last, and once that is
// filled, nothing is acknowledged until there is room again.
func (j *Journal) NoSpace() bool {
	return j.spares.noSpace && len(j.spares.ready) < j.cfg.ReserveSpares
}

func (s *spares) close() {
	if s.retry != nil {
		s.retry.Stop()
	}
	for _, f := range s.ready {
		f.handle.Close()
	}
	for _, f := range s.retired {
		if f.readers == 0 {
			f.handle.Close()
		}
	}
	s.ready, s.retired = nil, nil
}

// prepareSpares lets a task recycle what is retired and fill up what is missing.
func (j *Journal) prepareSpares() {
	s := &j.spares
	if s.filling || j.failed != nil || j.closed {
		return
	}
	s.filling = true
	j.tasks.Go("journal spares", func(t *env.Task) {
		err := j.fillSpares(t)
		s.filling, s.err = false, err
		s.noSpace = errors.Is(err, env.ErrNoSpace)
		if s.noSpace {
			j.retrySpares()
		}
		if wanted := s.wanted; wanted != nil && (!s.noSpace || j.closing) {
			s.wanted = nil
			wanted()
		} else if err != nil && !s.noSpace {
			j.broken(err)
		}
	})
}

// retrySpares tries again when some room may have been made.
func (j *Journal) retrySpares() {
	s := &j.spares
	if s.retry != nil {
		s.retry.Stop()
	}
	s.retry = j.env.Clock.AfterFunc(spaceRetry, func() {
		s.retry = nil
		j.prepareSpares()
	})
}

// fillSpares works until nothing is left to recycle and enough is ready. A full
// disk is no failure: a roll waits for room, and until then nothing is written
// but into bytes that exist.
func (j *Journal) fillSpares(t *env.Task) error {
	s := &j.spares
	for j.failed == nil && !j.closed {
		if f := j.takeRetired(); f != nil {
			if err := j.recycle(t, f); err != nil {
				return err
			}
			continue
		}
		if len(s.ready) >= j.cfg.Spares {
			return nil
		}
		f, err := j.makeSpare(t)
		if err != nil {
			return err
		}
		j.addSpare(f)
	}
	return nil
}

func (j *Journal) addSpare(f *file) {
	s := &j.spares
	if j.closed || j.failed != nil {
		f.handle.Close()
		return
	}
	s.ready = append(s.ready, f)
	if wanted := s.wanted; wanted != nil {
		s.wanted = nil
		wanted()
	}
}

// takeSpare waits for a spare, on a full disk for as long as that lasts; a journal
// that is being closed waits no longer.
func (j *Journal) takeSpare(t *env.Task) (*file, error) {
	s := &j.spares
	for len(s.ready) == 0 {
		j.stats.RollsWaiting = 1
		s.err = nil
		t.Await(func(done func()) {
			s.wanted = done
			j.prepareSpares()
		})
		if len(s.ready) == 0 && s.err != nil {
			return nil, s.err
		}
		if j.failed != nil {
			return nil, j.failed
		}
	}
	j.stats.RollsWaiting = 0
	f := s.ready[0]
	s.ready = append(s.ready[:0], s.ready[1:]...)
	return f, nil
}

// makeSpare creates a file full of zeros.
func (j *Journal) makeSpare(t *env.Task) (*file, error) {
	s := &j.spares
	name := spareName(j.cfg.Dir, s.next)
	s.next++
	handle, err := t.Open(j.env.Disk, name, env.OpenNew)
	if err != nil {
		return nil, fmt.Errorf("journal: create %s: %w", name, err)
	}
	if err := j.fillWithZeros(t, handle); err != nil {
		handle.Close()
		_ = t.Remove(j.env.Disk, name) // a half spare that stays is removed at the next Open
		return nil, fmt.Errorf("journal: fill %s: %w", name, err)
	}
	if err := t.SyncDir(j.env.Disk, j.cfg.Dir); err != nil {
		handle.Close()
		return nil, fmt.Errorf("journal: sync directory %s: %w", j.cfg.Dir, err)
	}
	j.stats.Spares++
	return &file{name: name, handle: handle, size: j.cfg.FileBytes}, nil
}

func (j *Journal) fillWithZeros(t *env.Task, handle env.File) error {
	for off := int64(0); off < j.cfg.FileBytes; off += zeroChunkBytes {
		n := min(zeroChunkBytes, j.cfg.FileBytes-off)
		if err := t.WriteAt(handle, zeros[:n], off); err != nil {
			return err
		}
		if err := t.Sync(handle); err != nil {
			return err
		}
	}
	return nil
}

// takeRetired gives a retired file that nobody reads any more.
func (j *Journal) takeRetired() *file {
	s := &j.spares
	for i, f := range s.retired {
		if f.readers == 0 {
			s.retired = append(s.retired[:i], s.retired[i+1:]...)
			return f
		}
	}
	return nil
}

// recycle makes a spare of a retired file, or removes it if there are enough: also
// one in which damage was met, for a sector that is not given stays so until it is
// written.
// Its new name is durable before anything is written to it: otherwise a power
// loss could bring the old name back over new bytes.
func (j *Journal) recycle(t *env.Task, f *file) error {
	s := &j.spares
	old := f.name
	j.stats.Recycled++
	j.env.Tracer.Trace(env.Event{Kind: env.EventRecycled, File: old})
	if len(s.ready) >= j.cfg.Spares || f.size != j.cfg.FileBytes || f.bad {
		f.handle.Close()
		if err := t.Remove(j.env.Disk, old); err != nil {
			return fmt.Errorf("journal: remove %s: %w", old, err)
		}
		return nil
	}
	f.name, f.seq = spareName(j.cfg.Dir, s.next), 0
	s.next++
	if err := t.Rename(j.env.Disk, old, f.name); err != nil {
		return fmt.Errorf("journal: rename %s: %w", old, err)
	}
	if err := t.SyncDir(j.env.Disk, j.cfg.Dir); err != nil {
		return fmt.Errorf("journal: sync directory %s: %w", j.cfg.Dir, err)
	}
	j.addSpare(f)
	return nil
}
