package netmodel

import (
	"slices"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/sim"
)

// refLatency is what everything takes on a link of the reference.
const refLatency = time.Millisecond

// refLink is one direction as lists that are gone through at each moment at
// which something happens: no timers, no interruption.
type refLink struct {
	now         sim.Time
	rate, limit int64
	queue       []*refMessage // in the order in which they were sent
	flight      []*refMessage
	held        []*refMessage
	cuts        int
	clogEnd     sim.Time
	opens       sim.Time
	arrived     [env.Lanes][]string
}

type refMessage struct {
	what  string
	lane  env.Lane
	bytes int64
	left  int64 // bytes times 1e9
	begun bool
	at    sim.Time // of its arrival
	frame bool     // of a process, and dies with it; not a client's
}

// send reports whether the message is on its way.
func (l *refLink) send(m *refMessage) bool {
	m.left = m.bytes * 1e9
	switch {
	case l.cuts > 0, m.frame && l.now < l.opens:
		return false
	case l.rate == 0:
		l.fly(m)
		return true
	}
	for l.limit > 0 && l.waiting(m.lane) > 0 && l.waiting(m.lane)+m.bytes > l.limit {
		if m.lane != env.Urgent {
			return false
		}
		oldest := slices.IndexFunc(l.queue, func(q *refMessage) bool { return q.lane == env.Urgent && !q.begun })
		l.queue = slices.Delete(l.queue, oldest, oldest+1)
	}
	l.queue = append(l.queue, m)
	l.current()
	return true
}

func (l *refLink) waiting(lane env.Lane) (bytes int64) {
	for _, m := range l.queue {
		if m.lane == lane && !m.begun {
			bytes += m.bytes
		}
	}
	return bytes
}

// current is what is being sent: the oldest of the most urgent lane.
func (l *refLink) current() *refMessage {
	if len(l.queue) == 0 {
		return nil
	}
	m := slices.MinFunc(l.queue, func(a, b *refMessage) int { return int(a.lane) - int(b.lane) })
	m.begun = true
	return m
}

func (l *refLink) fly(m *refMessage) {
	m.at = max(l.now, l.opens) + sim.Time(refLatency)
	l.flight = append(l.flight, m)
}

// next is when the next thing happens, but not after until.
func (l *refLink) next(until sim.Time) sim.Time {
	if m := l.current(); m != nil {
		until = min(until, l.now+(m.left+l.rate-1)/l.rate)
	}
	for _, m := range l.flight {
		until = min(until, m.at)
	}
	if len(l.held) > 0 {
		until = min(until, max(l.now, l.clogEnd))
	}
	return until
}

// run goes on to a time, that moment included.
func (l *refLink) run(until sim.Time) {
	for {
		l.moment()
		if l.now == until {
			return
		}
		next := l.next(until)
		if m := l.current(); m != nil {
			m.left = max(0, m.left-(next-l.now)*l.rate)
		}
		l.now = next
	}
}

// moment does all that happens now.
func (l *refLink) moment() {
	for m := l.current(); m != nil && m.left == 0; m = l.current() {
		l.queue = slices.DeleteFunc(l.queue, func(q *refMessage) bool { return q == m })
		l.fly(m)
	}
	if l.now >= l.clogEnd {
		l.arrive(l.held)
		l.held = nil
	}
	var come []*refMessage
	l.flight = slices.DeleteFunc(l.flight, func(m *refMessage) bool {
		if m.at <= l.now {
			come = append(come, m)
		}
		return m.at <= l.now
	})
	if l.now < l.clogEnd && l.cuts == 0 {
		l.held = append(l.held, come...)
	} else {
		l.arrive(come)
	}
}

func (l *refLink) arrive(messages []*refMessage) {
	for _, m := range messages {
		if l.cuts == 0 {
			l.arrived[m.lane] = append(l.arrived[m.lane], m.what)
		}
	}
}

// tune changes the bandwidth; without a limit all that waits flies.
func (l *refLink) tune(rate, limit int64) {
	l.rate, l.limit = rate, limit
	for rate == 0 && len(l.queue) > 0 {
		m := l.current()
		l.queue = slices.DeleteFunc(l.queue, func(q *refMessage) bool { return q == m })
		l.fly(m)
	}
}

// reset loses everything.
func (l *refLink) reset(opens sim.Time) {
	l.queue, l.flight, l.held, l.opens = nil, nil, nil, opens
}

// unqueue loses the frames that wait: their sender died.
func (l *refLink) unqueue() { l.queue = slices.DeleteFunc(l.queue, isFrame) }

// orphan loses all frames: their receiver died.
func (l *refLink) orphan() {
	l.unqueue()
	l.flight = slices.DeleteFunc(l.flight, isFrame)
	l.held = slices.DeleteFunc(l.held, isFrame)
}

func isFrame(m *refMessage) bool { return m.frame }
