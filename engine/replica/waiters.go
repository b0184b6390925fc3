package replica

import (
	"time"

	"github.com/lockstep-log/lockstep/engine/machine"
)

// waiters are the proposals of this leader's term that are not answered, in log
// order. Losing leadership empties it.
type waiters struct {
	queue   []*proposal // sorted by index; answered ones may stand inside
	head    int         // first that is not dropped
	applied int         // first that is not applied
	soonest time.Duration
}

func (w *waiters) len() int { return len(w.queue) - w.head }

func (w *waiters) add(p *proposal) {
	if w.len() == 0 || p.deadline < w.soonest {
		w.soonest = p.deadline
	}
	w.queue = append(w.queue, p)
}

// apply gives the result, and where the log ends after it, to the proposal with
// this term and index, if one waits.
func (w *waiters) apply(term, index uint64, result machine.Result, end int64) {
	for w.applied < len(w.queue) && w.queue[w.applied].index <= index {
		p := w.queue[w.applied]
		if p.index == index && p.term == term {
			p.applied, p.result, p.end = true, result, end
		}
		w.applied++
	}
}

// acknowledge answers all applied proposals up to index.
func (w *waiters) acknowledge(index uint64, each func(*proposal)) {
	for w.head < w.applied && w.queue[w.head].index <= index {
		p := w.queue[w.head]
		w.queue[w.head] = nil
		w.head++
		switch {
		case p.done == nil: // answered at its deadline
		case p.applied:
			each(p)
			p.finish(Outcome{Term: p.term, Index: p.index, Result: p.result})
		default: // another entry took its place: cannot be while this leader leads
			p.finish(Outcome{Err: ErrNotLeader, Unknown: true})
		}
	}
	w.compact()
}

// compact gives the room of answered proposals back.
func (w *waiters) compact() {
	if w.head == len(w.queue) {
		w.queue, w.head, w.applied = w.queue[:0], 0, 0
	} else if w.head > 1024 && w.head > len(w.queue)/2 {
		n := copy(w.queue, w.queue[w.head:])
		clear(w.queue[n:])
		w.queue, w.applied, w.head = w.queue[:n], w.applied-w.head, 0
	}
}

// expire answers those whose deadline has passed: the outcome is unknown.
func (w *waiters) expire(now time.Duration) {
	if w.len() == 0 || now < w.soonest {
		return
	}
	pending := w.queue[w.head:]
	w.soonest = now + time.Hour
	for _, p := range pending {
		switch {
		case p.done == nil:
		case p.deadline <= now:
			p.finish(Outcome{Err: ErrUnacknowledged, Unknown: true, Term: p.term, Index: p.index})
		default:
			w.soonest = min(w.soonest, p.deadline)
		}
	}
}

// failAll answers everyone: written, outcome unknown.
func (w *waiters) failAll(err error) {
	pending := w.queue[w.head:]
	*w = waiters{}
	for _, p := range pending {
		p.finish(Outcome{Err: err, Unknown: true, Term: p.term, Index: p.index})
	}
}
