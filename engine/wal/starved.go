package wal

import (
	"errors"
	"slices"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
)

// starveRetry is how long bytes that the disk had no room for wait before they
// are tried again.
const starveRetry = 500 * time.Millisecond

// piece is a write: bytes that must not change any more, and their place.
type piece struct {
	p   []byte
	off int64
}

// write hands bytes to the disk. Where earlier ones wait for room, these wait
// behind them.
func (l *Log) write(s *segment, p []byte, off int64) {
	l.backlog += int64(len(p))
	w := piece{p: p, off: off}
	if len(s.starved) > 0 {
		s.starved = append(s.starved, w)
		return
	}
	l.put(s, w, func(err error) {
		if err == nil {
			l.backlog -= int64(len(p))
			return
		}
		l.starve(s, w, err)
	})
}

// put writes a piece.
func (l *Log) put(s *segment, w piece, done func(error)) {
	h := s.file
	h.writes++
	h.use(func(f env.File, err error) {
		if err != nil {
			h.done()
			done(err)
			return
		}
		f.WriteAt(w.p, w.off, func(err error) {
			h.done()
			done(err)
		})
	})
}

// starve keeps a piece that the disk has no room for; any other failure is
// fatal. Nothing is owed: the journal has the entries.
func (l *Log) starve(s *segment, w piece, err error) {
	if !errors.Is(err, env.ErrNoSpace) {
		l.failed(err)
		return
	}
	s.starved = append(s.starved, w)
	if !slices.Contains(l.starving, s) {
		l.starving = append(l.starving, s)
	}
	l.feedLater()
}

// feedLater tries the waiting pieces again after a while.
func (l *Log) feedLater() {
	if l.feeding || l.dead {
		return
	}
	l.feeding = true
	l.env.Clock.AfterFunc(starveRetry, func() {
		l.feeding = false
		if l.dead {
			return
		}
		for _, s := range slices.Clone(l.starving) {
			if !s.fed {
				s.fed = true
				l.feed(s)
			}
		}
	})
}

// feed writes a segment's waiting pieces, one after the other, until one fails.
func (l *Log) feed(s *segment) {
	if len(s.starved) == 0 {
		s.fed = false
		l.starving = slices.DeleteFunc(l.starving, func(r *segment) bool { return r == s })
		return
	}
	w := s.starved[0]
	l.put(s, w, func(err error) {
		switch {
		case l.dead:
		case err == nil && len(s.starved) > 0: // else given up meanwhile
			s.starved = s.starved[1:]
			l.backlog -= int64(len(w.p))
			l.feed(s)
		case err == nil:
			l.feed(s)
		case errors.Is(err, env.ErrNoSpace):
			s.fed = false
			l.feedLater()
		default:
			l.failed(err)
		}
	})
}

// giveUp forgets what waits for a segment that is not needed any more.
func (l *Log) giveUp(s *segment) {
	for _, w := range s.starved {
		l.backlog -= int64(len(w.p))
	}
	s.starved = nil
	if !s.fed {
		l.starving = slices.DeleteFunc(l.starving, func(r *segment) bool { return r == s })
	}
}

// cramp notes that there was no room for a record, and looks for some until there is.
func (l *Log) cramp() {
	l.cramped = true
	if l.probing {
		return
	}
	l.probing = true
	l.env.Clock.AfterFunc(starveRetry, func() {
		if l.dead {
			return
		}
		l.tasks.Go("wal room", func(t *env.Task) {
			l.named.Acquire(t)
			err := l.probe(t)
			l.named.Release()
			l.probing = false
			switch {
			case errors.Is(err, env.ErrNoSpace):
				l.cramp()
			case err != nil:
				l.failed(err)
			default:
				l.cramped = false
			}
		})
	})
}

// probe writes as much as both records of a checkpoint take, and removes it.
func (l *Log) probe(t *env.Task) error {
	if !l.cramped || l.dead {
		return nil
	}
	name := checkpointName(l.usedID+1) + unfinishedSuffix
	err := func() error {
		f, err := l.openFile(t, l.path(name), env.OpenNew)
		if err != nil {
			return err
		}
		defer f.Close()
		return t.WriteAt(f, make([]byte, 2*len(l.body)), 0)
	}()
	if failed := l.removeAll(t, []string{name}); failed != nil {
		return failed
	}
	return err
}

// NoSpace tells whether the disk has no room for bytes or a checkpoint of this
// log. It ends once there is room again, which the log looks for by itself. The
// log goes on meanwhile; what waits is in Backlog.
func (l *Log) NoSpace() bool { return len(l.starving) > 0 || l.cramped }
