package lease

import (
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
)

// Following is what raft says at a supporter, at this moment: its term, and the
// leader that it follows as a follower; 0 if it follows none, is a candidate, or
// leads itself.
type Following struct {
	Term   uint64
	Leader env.ReplicaID
}

// Supporter is the promise of one replica. Every replica has one, made anew
// whenever the replica is, also within a process.
//
// Invariants:
//
//  1. A promise that was made and not given back is kept until its end, whatever
//     term raft has come to since.
//  2. Nothing is granted before ready.
type Supporter struct {
	promise time.Duration

	ready  time.Duration // a promise of an earlier life has ended by then
	until  time.Duration // the promise is kept to this moment, included
	term   uint64
	leader env.ReplicaID
}

// NewSupporter makes the supporter of a replica that begins now. It may have
// promised something before it was restarted, so it waits a full promise first.
func NewSupporter(cfg Config, now time.Duration) *Supporter {
	return &Supporter{promise: cfg.Promise, ready: now + cfg.Promise, until: never}
}

// Support asks for a promise to a leader, and tells whether it was given: only
// then, and after that, an acknowledgement may leave. now is to be read after
// the request arrived. A leader that raft does not follow here gets none; its
// next round will, once its heartbeat was here.
func (s *Supporter) Support(now time.Duration, leader env.ReplicaID, r Round, raft Following) bool {
	if leader == 0 || raft.Term != r.Term || raft.Leader != leader || r.Term < s.term {
		return false
	}
	s.term, s.leader = r.Term, leader
	s.until = now + s.promise
	return true
}

// Promised tells whether the replica may not elect now: it campaigns not (by no
// tick, no hint and no MsgTimeoutNow that does not give the promise back) and
// forgets no leader.
func (s *Supporter) Promised(now time.Duration) bool { return now <= s.until || now <= s.ready }

// Until is the last moment at which Promised holds, as far as known now.
func (s *Supporter) Until() time.Duration { return max(s.until, s.ready) }

// Refuses tells whether a request for a vote or a pre-vote of a term is to be
// dropped unseen by raft. forced tells that it belongs to a transfer of
// leadership.
func (s *Supporter) Refuses(now time.Duration, term uint64, forced bool) bool {
	if forced && term == s.term+1 {
		// Only the leader of the term before can have caused it, by MsgTimeoutNow.
		s.release()
	}
	return s.Promised(now)
}

// TimeoutNow takes a leader's MsgTimeoutNow of a term, and tells whether it may
// reach raft. Before it left the leader gave up its lease for the rest of the
// term, so a promise to it has served its purpose.
func (s *Supporter) TimeoutNow(now time.Duration, leader env.ReplicaID, term uint64) bool {
	if s.term == term && s.leader == leader {
		s.release()
	}
	return !s.Promised(now)
}

// release gives the promise up. What an earlier life promised is not known, so
// the wait after a restart goes on.
func (s *Supporter) release() { s.until = never }
