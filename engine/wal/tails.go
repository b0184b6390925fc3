package wal

import "container/list"

// Tails bounds the memory that the tails of all logs of a node take together: with
// thousands of logs each one's own limit adds up. Beyond it whose tail was used
// longest ago gives up all of it, what the disk was not given yet after it has it;
// readers of that go to the segments. It belongs to the node's loop.
type Tails struct {
	limit, bytes int64
	used         *list.List // of *tail, the newest use first; those that hold memory
}

// NewTails makes a budget of so many bytes. One log's own limit may be exceeded by
// nobody, so that the budget is exceeded by no more than that.
func NewTails(limit int64) *Tails { return &Tails{limit: limit, used: list.New()} }

// Bytes is what all tails hold now.
func (p *Tails) Bytes() int64 { return p.bytes }

// touch notes a use.
func (t *tail) touch() {
	if t.place != nil {
		t.tails.used.MoveToFront(t.place)
	}
}

// account notes what the tail holds since the last time, and makes room for it.
func (t *tail) account() {
	p := t.tails
	if p == nil {
		return
	}
	p.bytes += int64(t.bytes - t.counted)
	t.counted = t.bytes
	switch {
	case t.bytes == 0 && t.place != nil:
		p.used.Remove(t.place)
		t.place = nil
	case t.bytes > 0 && t.place == nil:
		t.place = p.used.PushFront(t)
	}
}

// fit lets others than t give up theirs until all of them keep the limit.
func (p *Tails) fit(t *tail) {
	for p.bytes > p.limit {
		oldest := p.used.Back()
		if oldest == nil || oldest.Value.(*tail) == t {
			return
		}
		oldest.Value.(*tail).give()
	}
}

// giveTail frees the log's tail.
func (l *Log) giveTail() {
	if l.opened && !l.dead {
		l.flush()
	}
	l.tail.reset()
}
