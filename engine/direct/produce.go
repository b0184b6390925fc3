package direct

import (
	"fmt"
	"slices"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/record"
)

// waiter is a produce that no sync has covered yet.
type waiter struct {
	base, end int64
	bytes     int64
	deadline  time.Duration
	done      func(base int64, unknown bool, err error)
}

// commit is the group commit: while one sync runs the next group gathers.
type commit struct {
	begin   func() // made once
	waiting []waiter
	bytes   int64
	soonest time.Duration // deadline
	posted  bool
	running bool
}

// drop forgets who waits.
func (c *commit) drop() { c.waiting, c.bytes = nil, 0 }

// fullRetry is how long a log waits for room before it tries to sync again.
const fullRetry = 250 * time.Millisecond

// Produce appends a batch. done is called once, unless the node ends: at once
// where it is refused, else when it is durable, at the deadline (of the clock's
// monotonic time), or when the disk turns out full. unknown says, beside an error,
// that the batch may be in the log or get there.
func (l *Log) Produce(batch []byte, deadline time.Duration, done func(base int64, unknown bool, err error)) {
	h, err := record.Validate(batch, 0) // how long one may be, the log knows
	if err != nil && l.serves() {
		done(-1, false, err)
		return
	}
	l.ProduceValid(batch, &h, deadline, done)
}

// ProduceValid is Produce for a batch whose header record.Validate gave.
func (l *Log) ProduceValid(batch []byte, h *record.Header, deadline time.Duration, done func(base int64, unknown bool, err error)) {
	c := &l.commit
	switch {
	case !l.serves():
		done(-1, false, ErrClosed)
		return
	case l.wal.NoSpace():
		done(-1, false, env.ErrNoSpace)
		return
	case len(c.waiting) >= l.cfg.MaxWaiters, c.bytes > 0 && c.bytes+int64(len(batch)) > l.cfg.MaxUnsynced:
		done(-1, false, fmt.Errorf("%w: %d bytes", ErrOverloaded, c.bytes))
		return
	}
	base, err := l.wal.AppendValid(batch, h)
	if err != nil {
		done(-1, false, err)
		return
	}
	if len(c.waiting) == 0 || deadline < c.soonest {
		c.soonest = deadline
	}
	c.waiting = append(c.waiting, waiter{base: base, end: l.wal.EndOffset(), bytes: int64(len(batch)), deadline: deadline, done: done})
	c.bytes += int64(len(batch))
	l.appended += int64(len(batch))
	l.traceWritten(base, int64(len(batch)))
	l.schedule()
}

// schedule begins a sync at the end of the turn, if none runs.
func (l *Log) schedule() {
	c := &l.commit
	if c.running || c.posted {
		return
	}
	c.posted = true
	l.env.Clock.Post(c.begin)
}

// harden syncs all that was appended.
func (l *Log) harden() {
	c := &l.commit
	c.posted = false
	if l.closed || c.running {
		return
	}
	c.running = true
	end := l.wal.EndOffset()
	l.wal.Harden(func(err error) {
		c.running = false
		if l.closed {
			return
		}
		if err != nil {
			l.full(end, err)
			return
		}
		l.hardened(end)
		if l.wal.EndOffset() > end {
			l.schedule()
		}
	})
}

// hardened takes note that all below end is durable, and answers.
func (l *Log) hardened(end int64) {
	if end <= l.end {
		return
	}
	l.cfg.Trace(env.Event{Kind: env.EventPersisted, First: uint64(l.end) + 1, Last: uint64(end)})
	l.end = end
	l.answer(end, nil)
	if l.closed {
		return
	}
	if l.cfg.OnDurable != nil && l.serves() {
		l.cfg.OnDurable()
	}
	l.noteLater()
	if l.appended-l.checkpoint.at >= l.cfg.CheckpointBytes {
		l.checkpoint.begin(l)
	}
}

// full answers those that found no room. The bytes wait; so do we.
func (l *Log) full(end int64, err error) {
	l.answer(end, err)
	l.env.Clock.AfterFunc(fullRetry, func() {
		if !l.closed {
			l.schedule()
		}
	})
}

// answer answers all produces that end at or below end.
func (l *Log) answer(end int64, err error) {
	c := &l.commit
	n := 0
	for n < len(c.waiting) && c.waiting[n].end <= end {
		c.bytes -= c.waiting[n].bytes
		n++
	}
	group := slices.Clone(c.waiting[:n])
	c.waiting = slices.Delete(c.waiting, 0, n)
	for _, w := range group {
		if l.closed {
			return
		}
		if err != nil {
			w.done(-1, true, err)
		} else {
			l.traceAcked(&w)
			w.done(w.base, false, nil)
		}
	}
}

// Expire answers those whose deadline has passed.
func (l *Log) Expire(now time.Duration) {
	c := &l.commit
	if len(c.waiting) == 0 || now < c.soonest {
		return
	}
	var late []waiter
	kept := c.waiting[:0]
	for _, w := range c.waiting {
		switch {
		case now >= w.deadline:
			late = append(late, w)
			c.bytes -= w.bytes
			continue
		case len(kept) == 0 || w.deadline < c.soonest:
			c.soonest = w.deadline
		}
		kept = append(kept, w)
	}
	clear(c.waiting[len(kept):])
	c.waiting = kept
	for _, w := range late {
		w.done(-1, true, ErrTimeout)
	}
}
