package lease

import (
	"slices"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
)

// Round asks for support. It is what travels to every voter, and, as the
// acknowledgement, back.
type Round struct {
	Term uint64 // in which the leader was elected
	ID   uint64 // counts the leader's rounds of the term, from 1
}

// never is before every reading of a clock.
const never time.Duration = -1 << 62

// rounds is how many of the newest rounds may still be acknowledged. With
// RenewEvery of an eighth of the lease, older ones are over anyway.
const rounds = 16

// Leader is the leader's side. Nothing in it reads a clock: now is the node's
// monotonic time. The zero value is not of use; see NewLeader.
//
// Invariants:
//
//  1. until is at most the send time of some round ID >= first plus Length, and
//     a quorum of each half has acknowledged that round or a later one.
//  2. until == never while nothing is led, and if the term is revoked.
type Leader struct {
	cfg    Config
	length time.Duration
	self   env.ReplicaID

	term    uint64 // 0: leads nothing
	revoked uint64 // the newest term that may have no lease any more
	halves  [2][]voter

	last  uint64                // id of the newest round
	first uint64                // rounds before it count no more
	sent  [rounds]time.Duration // by id
	until time.Duration         // the lease holds before it

	wanted time.Duration // when a read last wanted a lease
	scores []uint64      // room for the quorum's count
}

// voter is one member of one half of the configuration.
type voter struct {
	id    env.ReplicaID
	acked uint64 // the newest round that it acknowledged
}

// NewLeader makes the leader's side of a replica that does not lead yet.
func NewLeader(cfg Config, self env.ReplicaID) *Leader {
	return &Leader{cfg: cfg, length: cfg.Length(), self: self, until: never, wanted: never}
}

// Begin starts leases in a term. To be called once the leader has applied an
// entry of its own term, not at its election: until then it may not know the
// newest configuration (doc.go, A5). outgoing is empty unless the configuration
// is joint.
func (l *Leader) Begin(term uint64, incoming, outgoing []env.ReplicaID) {
	l.term, l.last = term, 0
	l.Reconfigured(incoming, outgoing)
}

// Reconfigured takes over a configuration that the leader has applied. The lease
// ends, and no round sent so far counts any more. To be called before any
// message leaves that tells of the commitment of the change.
func (l *Leader) Reconfigured(incoming, outgoing []env.ReplicaID) {
	l.first, l.until = l.last+1, never
	for i, ids := range [2][]env.ReplicaID{incoming, outgoing} {
		l.halves[i] = l.halves[i][:0]
		for _, id := range ids {
			l.halves[i] = append(l.halves[i], voter{id: id})
		}
	}
	l.scores = slices.Grow(l.scores[:0], max(len(incoming), len(outgoing)))
}

// End ends leases because the replica leads no more. To be called before its
// vote for another can leave: the leader counts itself, so this is its own part
// of the promise.
func (l *Leader) End() { l.term, l.until = 0, never }

// Revoke ends the lease of a term for good. To be called before MsgTimeoutNow
// leaves, and when the disk stalls.
func (l *Leader) Revoke(term uint64) {
	l.revoked = max(l.revoked, term)
	if !l.may() {
		l.until = never
	}
}

// may tells whether it leads a term that may have leases.
func (l *Leader) may() bool { return l.term > l.revoked }

// Want tells that a read wants a lease now; rounds go on for IdleAfter.
func (l *Leader) Want(now time.Duration) { l.wanted = now }

// Due tells when the next round is due, which may be in the past; false if none
// is until the next Want.
func (l *Leader) Due() (time.Duration, bool) {
	if !l.may() || l.wanted == never {
		return 0, false
	}
	if l.last == 0 {
		return l.wanted, true
	}
	next := l.sent[l.last%rounds] + l.cfg.RenewEvery
	if next-l.wanted >= l.cfg.IdleAfter {
		return 0, false
	}
	return next, true
}

// Send begins a round that leaves now, and not earlier than the clock was read.
// The leader acknowledges it at once. false: there is nothing to send, since it
// does not lead or may have no lease in this term.
func (l *Leader) Send(now time.Duration) (Round, bool) {
	if !l.may() {
		return Round{}, false
	}
	l.last++
	l.sent[l.last%rounds] = now
	r := Round{Term: l.term, ID: l.last}
	l.Supported(l.self, r)
	return r, true
}

// Supported takes an acknowledgement, however late and however often.
func (l *Leader) Supported(from env.ReplicaID, r Round) {
	if !l.may() || r.Term != l.term || r.ID > l.last || len(l.halves[0]) == 0 {
		return
	}
	for _, half := range l.halves {
		for i := range half {
			if half[i].id == from {
				half[i].acked = max(half[i].acked, r.ID)
			}
		}
	}
	agreed := l.agreed(l.halves[0])
	if len(l.halves[1]) > 0 {
		agreed = min(agreed, l.agreed(l.halves[1]))
	}
	if agreed < l.first || agreed+rounds <= l.last {
		return // none, or so old that its send time is not kept
	}
	l.until = l.sent[agreed%rounds] + l.length
}

// agreed is the newest round that a majority acknowledged, it or a later one.
func (l *Leader) agreed(half []voter) uint64 {
	scores := l.scores[:0]
	for i := range half {
		scores = append(scores, half[i].acked)
	}
	slices.Sort(scores)
	return scores[(len(scores)-1)/2]
}

// Valid tells whether the lease of the term, raft's at this moment, holds now.
// The clock is to be read after the read came in that asks.
func (l *Leader) Valid(term uint64, now time.Duration) bool {
	return term == l.term && now < l.until
}
