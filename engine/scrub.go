package engine

import (
	"errors"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
	"github.com/lockstep-log/lockstep/engine/wal"
)

// scrub reads everything on the disk again and again, at a bounded rate, so that
// rot is found while other replicas have good copies.
type scrub struct {
	n        *Node
	bytes    int64 // read since the start
	passes   int
	lastPass time.Duration // how long it took
	looking  bool          // at a log that another node found bad
	next     time.Duration // not before then at another one
}

// suspectEvery bounds how often another node's word makes us read a log.
const suspectEvery = 10 * time.Second

// begin starts the passes.
func (s *scrub) begin(n *Node) {
	s.n = n
	if n.cfg.ScrubBytes == 0 {
		return
	}
	n.tasks.Go("scrub", func(t *env.Task) {
		for {
			began := n.env.Clock.Monotonic()
			if err := s.pass(t); err != nil {
				n.fail(err)
				return
			}
			s.lastPass = n.env.Clock.Monotonic() - began
			t.Sleep(n.env.Clock, max(n.cfg.ScrubEvery-s.lastPass, n.cfg.Tick))
		}
	})
}

// pass reads all logs, one after the other, and then the journal.
func (s *scrub) pass(t *env.Task) error {
	before := s.bytes
	for p := range s.n.hosted() {
		if err := s.log(t, p); err != nil {
			return err
		}
	}
	if err := s.journal(t); err != nil {
		return err
	}
	s.passes++
	s.n.env.Tracer.Trace(env.Event{Kind: env.EventScrubbed, Length: s.bytes - before})
	return nil
}

// log reads one. What it finds it reports itself.
func (s *scrub) log(t *env.Task, p *partition) error {
	if p.keeper == nil || !p.serves() {
		return nil
	}
	err := p.keeper.Scrub(t, s.pace)
	if errors.Is(err, wal.ErrStopped) || errors.Is(err, env.ErrNoSpace) {
		return nil
	}
	return err
}

// pace waits until n more bytes may be read.
func (s *scrub) pace(t *env.Task, n int64) {
	s.bytes += n
	rate := s.n.cfg.ScrubBytes
	if rate == 0 {
		rate = suspectRate
	}
	t.Sleep(s.n.env.Clock, time.Duration(n)*time.Second/time.Duration(rate))
}

// suspectRate, in bytes a second, is what a log is read at on another node's
// word where scrubbing is off.
const suspectRate = 8 << 20

// suspect reads a log soon because another node found a file of it bad.
func (s *scrub) suspect(p *partition) {
	now := s.n.env.Clock.Monotonic()
	if s.looking || now < s.next {
		return
	}
	s.looking, s.next = true, now+suspectEvery
	s.n.tasks.Go("scrub", func(t *env.Task) {
		err := s.log(t, p)
		s.looking = false
		if err != nil {
			s.n.fail(err)
		}
	})
}

// journal reads the journal's files. It mends or fences by itself.
func (s *scrub) journal(t *env.Task) error {
	err := s.n.journal.Scrub(t, s.pace, func(journal.Damage) {}) // traced there
	if errors.Is(err, journal.ErrClosed) {
		return nil
	}
	return err
}
