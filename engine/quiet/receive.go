package quiet

import (
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
)

// Receive takes a beat of a node in one of its lives; the border has dropped
// those of lives that have ended. It tells whether the beat should be answered at
// once, so that what it changed settles within a round trip.
func (q *Groups) Receive(now time.Duration, from env.NodeID, life uint64, b *Beat) (answer bool) {
	p := q.peer(from)
	q.expire(now, p)
	if life != p.life {
		q.down(p)
		p.life, p.heard, p.fresh = life, 0, never
		p.in.begin(0)
	}
	p.heard = max(p.heard, b.Stamp)
	if b.Yours != q.cfg.Life {
		return false // it speaks to an earlier life of this node, or does not know any
	}
	q.echoed(now, p, b.Echo)
	if !p.up {
		return false
	}
	q.answered(p, b)
	return q.mirror(p, b)
}

// echoed takes note of which beat of ours the peer has answered.
func (q *Groups) echoed(now time.Duration, p *peer, echo uint64) {
	sent := time.Duration(echo)
	if echo == 0 || sent > now || sent < p.notUntil {
		return
	}
	p.fresh = max(p.fresh, sent)
	p.up = now-p.fresh <= q.cfg.PeerTimeout
}

// answered takes what the peer made of our set.
func (q *Groups) answered(p *peer, b *Beat) {
	if b.AckEra != p.out.era {
		return
	}
	if b.Broken {
		q.beginAnew(p, Void)
		return
	}
	era := p.out.era
	for _, a := range b.Awake {
		if m, in := p.out.grants[a.Group]; in && m.number == a.Number {
			q.wakeLed(a.Group, Unsettled)
		}
	}
	if p.out.era != era {
		return // the room for changes is used up
	}
	p.out.acknowledged(b.Ack, func(g env.GroupID) { q.led[g].waits-- })
}

// mirror takes over the peer's set, and compares.
func (q *Groups) mirror(p *peer, b *Beat) (changed bool) {
	in := &p.in
	if b.Era < in.era || b.Era == in.era && in.broken {
		return false // late, or void
	}
	if b.Era > in.era {
		q.breakMirror(p, TakenBack)
		in.begin(b.Era)
	}
	if b.First == 0 || b.First > in.version+1 {
		q.breakMirror(p, Mismatch)
		return true
	}
	if b.First+uint64(len(b.Changes)) <= in.version {
		return false // late
	}
	fresh := b.Changes[in.version+1-b.First:]
	for i := range fresh {
		q.apply(p, &fresh[i])
	}
	if uint64(in.digest) != b.Digest {
		q.breakMirror(p, Mismatch)
		return true
	}
	return len(fresh) > 0
}

func (q *Groups) apply(p *peer, c *Change) {
	in := &p.in
	in.version++
	g := c.Group
	if before, ok := in.grants[g]; ok {
		in.digest.toggle(q.cfg.Key, before.grant)
		delete(in.grants, g)
		delete(in.awake, g)
		if q.resting[g] == p {
			q.wakeResting(p, g, TakenBack)
		}
	}
	if !c.Rest {
		return
	}
	in.digest.toggle(q.cfg.Key, c.Grant)
	in.grants[g] = member{grant: c.Grant, number: in.version}
	if q.Quiet(g) || !q.host.Rest(p.node, c.Grant) {
		in.awake[g] = struct{}{}
		return
	}
	q.resting[g] = p
}
