package netmodel

import (
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/sim"
)

// pipe is the bandwidth of a link and what waits for it. A more urgent frame
// interrupts the one that is being sent: real transports send a large frame in
// small pieces and choose anew after each.
type pipe struct {
	lanes   [env.Lanes]line
	waiting [env.Lanes]int64 // bytes of what is in a line and not begun
	sending *delivery        // the first of its lane; nil: the pipe is idle
	rate    int64            // bytes per second at which it is sent
	since   sim.Time
	timer   sim.Timer
	sent    func() // what timer runs
}

// enqueue puts a delivery in its lane's line, or reports that it has no room.
func (l *link) enqueue(d *delivery) bool {
	p := &l.pipe
	if !l.makeRoom(d) {
		d.lose(QueueFull)
		return false
	}
	d.record(Queued, 0)
	d.left = int64(d.bytes) * 1e9
	p.waiting[d.lane] += int64(d.bytes)
	p.lanes[d.lane].push(d)
	switch {
	case p.sending == nil:
		l.transmit()
		return true
	case d.lane < p.sending.lane:
		p.interrupt(l.net.kernel.Now())
		l.transmit()
	}
	l.net.stats.Queued++
	return true
}

// makeRoom tells whether a delivery fits its lane's queue. As in adapter/rpc the
// urgent lane drops its oldest, the others what is new, and an empty queue takes
// anything.
func (l *link) makeRoom(d *delivery) bool {
	p, limit := &l.pipe, l.knobs.QueueBytes
	for limit > 0 && p.waiting[d.lane] > 0 && p.waiting[d.lane]+int64(d.bytes) > limit {
		if d.lane != env.Urgent {
			return false
		}
		l.dropOldest(env.Urgent)
	}
	return true
}

// dropOldest drops the first of a lane that is not begun. There must be one.
func (l *link) dropOldest(lane env.Lane) {
	p := &l.pipe
	var d *delivery
	if q := &p.lanes[lane]; q.first.begun {
		d = q.popSecond()
	} else {
		d = q.pop()
	}
	p.waiting[lane] -= int64(d.bytes)
	d.lose(QueueFull)
}

// transmit begins or resumes the first of the most urgent lane, if any waits.
func (l *link) transmit() {
	p := &l.pipe
	for lane := range p.lanes {
		d := p.lanes[lane].first
		if d == nil {
			continue
		}
		if !d.begun {
			d.begun = true
			p.waiting[lane] -= int64(d.bytes)
		}
		now := l.net.kernel.Now()
		p.sending, p.rate, p.since = d, l.knobs.BytesPerSecond, now
		p.timer = l.net.kernel.At(now+(d.left+p.rate-1)/p.rate, p.sent)
		return
	}
}

// interrupt stops sending; what was sent of a delivery stays sent.
func (p *pipe) interrupt(now sim.Time) {
	if d := p.sending; d != nil {
		p.timer.Stop()
		d.left = max(0, d.left-(now-p.since)*p.rate)
		p.sending = nil
	}
}

// transmitted lets what has left the pipe fly, and begins the next.
func (l *link) transmitted() {
	l.depart(l.pipe.sending.lane)
	l.pipe.sending = nil
	l.transmit()
}

// depart takes the first of a lane out of the line and lets it fly.
func (l *link) depart(lane env.Lane) {
	d := l.pipe.lanes[lane].pop()
	d.record(d.fate, d.carry())
}

// retune goes on with what waits after a change of the knobs. Without a limit
// nothing waits any more.
func (l *link) retune() {
	p := &l.pipe
	if p.sending == nil {
		return
	}
	p.interrupt(l.net.kernel.Now())
	if l.knobs.BytesPerSecond > 0 {
		l.transmit()
		return
	}
	for lane := range env.Lanes {
		for p.lanes[lane].first != nil {
			l.depart(lane)
		}
	}
	p.waiting = [env.Lanes]int64{}
}

// discard loses what waits for bandwidth and fits, for a reason.
func (l *link) discard(why Fate, fits func(*delivery) bool) {
	p := &l.pipe
	if p.sending == nil {
		return
	}
	p.interrupt(l.net.kernel.Now())
	for lane := range p.lanes {
		p.lanes[lane].filter(func(d *delivery) bool {
			if !fits(d) {
				return true
			}
			if !d.begun {
				p.waiting[lane] -= int64(d.bytes)
			}
			d.lose(why)
			return false
		})
	}
	l.transmit()
}
