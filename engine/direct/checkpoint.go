package direct

import (
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
)

// checkpoint makes the log's own record, one at a time.
type checkpoint struct {
	running bool
	at      int64         // bytes appended when the last one began
	from    int64         // where the next one lets the log begin, if that is later than it does
	waiting []func(error) // for one that begins after they came
}

// begin makes a checkpoint, if none runs; else whoever waits gets the next one.
func (c *checkpoint) begin(l *Log) {
	if c.running || l.closed {
		return
	}
	c.running = true
	c.at = l.appended
	waiting, from := c.waiting, c.from
	c.waiting, c.from = nil, 0
	end := l.wal.EndOffset()
	l.wal.CheckpointFrom(from, func(_ machine.Checkpoint, err error) {
		c.running = false
		if l.closed {
			return
		}
		if err == nil {
			l.start = l.wal.StartOffset()
			l.note.covered(end)
			l.cfg.Trace(env.Event{Kind: env.EventCheckpoint, Index: uint64(end)})
		}
		for _, done := range waiting {
			done(err)
		}
		if len(c.waiting) > 0 {
			c.begin(l)
		}
	})
}

// then calls done when a checkpoint of what is there now is made.
func (c *checkpoint) then(l *Log, done func(error)) {
	c.waiting = append(c.waiting, done)
	c.begin(l)
}

// Trim lets the log begin at offset, or where it begins already if that is later.
// An offset beyond the durable end means that end. done gets the start once it is
// durable, or env.ErrNoSpace: then nothing was trimmed, now or after a restart.
func (l *Log) Trim(offset int64, done func(start int64, err error)) {
	if !l.serves() {
		done(-1, ErrClosed)
		return
	}
	if offset = min(offset, l.end); offset <= l.start {
		done(l.start, nil)
		return
	}
	l.checkpoint.from = max(l.checkpoint.from, offset)
	l.checkpoint.then(l, func(err error) {
		if err != nil {
			done(-1, err)
			return
		}
		done(l.start, nil)
	})
}
