package ship

import (
	"errors"
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/wire"
)

// server answers fetches. It remembers nothing of who asked: a crash of either
// side, a loss or a repeat is a request that is asked again.
type server struct {
	s       *Ship
	send    budget
	queue   []request // in the order of their coming
	reading int       // of those that left the queue
	timer   env.Timer // runs while the next one waits for the budget
	offers  []offer
}

type request struct {
	from  env.NodeID
	group env.GroupID
	own   wire.Own
}

// offer is a manifest that was promised to a follower.
type offer struct {
	ref   Ref
	bytes []byte
	count int
}

// Offer gives the reference to put into a snapshot message, and serves the
// manifest until Withdraw was called as often.
func (s *Ship) Offer(g env.GroupID, m machine.Manifest) (Ref, error) {
	b, err := EncodeManifest(g, m)
	if err != nil {
		return Ref{}, err
	}
	ref := Ref{Group: g, Index: m.Checkpoint.Index, Term: m.Checkpoint.Term, Bytes: int64(len(b)), Sum: checksum(b)}
	if o := s.server.offer(ref); o != nil {
		o.count++
	} else {
		s.server.offers = append(s.server.offers, offer{ref: ref, bytes: b, count: 1})
	}
	return ref, nil
}

// Withdraw ends one Offer.
func (s *Ship) Withdraw(ref Ref) {
	if o := s.server.offer(ref); o != nil {
		o.count--
	}
	s.server.offers = slices.DeleteFunc(s.server.offers, func(o offer) bool { return o.count <= 0 })
}

func (v *server) offer(ref Ref) *offer {
	i := slices.IndexFunc(v.offers, func(o offer) bool { return o.ref == ref })
	if i < 0 {
		return nil
	}
	return &v.offers[i]
}

// asked takes a request. What makes no sense is dropped.
func (v *server) asked(from env.NodeID, g env.GroupID, o *wire.Own) {
	if o.Code == wire.Damaged {
		if fit(o.File) {
			v.s.port.Suspect(g, o.File)
		}
		return
	}
	if o.Count == 0 || o.Count > MaxChunkBytes || o.Offset > o.Bytes-int64(o.Count) || o.File != "" && !fit(o.File) {
		return
	}
	theirs := 0
	for i := range v.queue {
		r := &v.queue[i]
		if r.from != from {
			continue
		}
		if r.group == g && samePiece(&r.own, o) {
			r.own.ID = o.ID // asked again before its turn came: the answer is to the newest question
			return
		}
		theirs++
	}
	r := request{from: from, group: g, own: *o}
	r.own.Data = nil // it would keep the frame
	if len(v.queue) >= v.s.cfg.ServeQueue || theirs >= v.s.cfg.PeerQueue {
		v.s.stats.Refused++
		v.answer(r, wire.Busy, nil)
		return
	}
	v.queue = append(v.queue, r)
	v.pump()
}

// samePiece tells whether two questions are for the same bytes. Each question has
// its own id.
func samePiece(a, b *wire.Own) bool {
	return a.Index == b.Index && a.Term == b.Term && a.File == b.File && a.Bytes == b.Bytes && a.Sum == b.Sum &&
		a.Offset == b.Offset && a.Count == b.Count
}

// pump serves what the budget allows now.
func (v *server) pump() {
	for len(v.queue) > 0 && v.reading < serveReads && v.timer == nil {
		now := v.s.now()
		if v.send.free > now {
			v.timer = v.s.env.Clock.AfterFunc(v.send.free-now, func() { v.timer = nil; v.pump() })
			return
		}
		r := v.queue[0]
		v.queue = slices.Delete(v.queue, 0, 1)
		v.send.take(now, int(r.own.Count))
		v.serve(r)
	}
}

// serve reads and answers one piece.
func (v *server) serve(r request) {
	o := &r.own
	if o.File == "" {
		ref := Ref{Group: r.group, Index: o.Index, Term: o.Term, Bytes: o.Bytes, Sum: o.Sum}
		if m := v.offer(ref); m != nil {
			v.answer(r, wire.OK, m.bytes[o.Offset:][:o.Count])
		} else {
			v.answer(r, wire.Gone, nil)
		}
		return
	}
	local, ok := v.s.port.Local(r.group)
	if !ok {
		v.answer(r, wire.NotHere, nil)
		return
	}
	v.reading++
	local.ReadAt(o.File, o.Offset, int(o.Count), func(b []byte, err error) {
		v.reading--
		if v.s.closed {
			return
		}
		switch {
		case errors.Is(err, env.ErrNotExist) || err == nil && len(b) != int(o.Count):
			v.answer(r, wire.Gone, nil)
		case err != nil:
			v.answer(r, wire.Damaged, nil)
		default:
			v.answer(r, wire.OK, b)
		}
		v.pump()
	})
}

func (v *server) answer(r request, code wire.Code, b []byte) {
	o := &wire.Own{Kind: wire.OwnChunk, ID: r.own.ID, Code: code, File: r.own.File, Offset: r.own.Offset}
	if code == wire.OK {
		o.Data, o.Sum = b, chunkSum(o.File, o.Offset, b)
		v.s.stats.SentBytes += int64(len(b))
	}
	v.s.port.Send(r.from, wire.Message{Group: r.group, Own: o})
}

// down forgets what a node asked.
func (v *server) down(node env.NodeID) {
	v.queue = slices.DeleteFunc(v.queue, func(r request) bool { return r.from == node })
}

func (v *server) stop() {
	v.queue = nil
	if v.timer != nil {
		v.timer.Stop()
		v.timer = nil
	}
}
