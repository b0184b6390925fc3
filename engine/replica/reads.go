package replica

import (
	"encoding/binary"
	"time"

	"go.etcd.io/raft/v3"
)

// reads are linearizable reads on their way: first they wait for a ReadIndex
// round that began after they came, then for its index to be applied. One round
// is in flight at a time, so however many reads come, a group costs at most one
// extra heartbeat per round trip.
type reads struct {
	sequence uint64 // of the last round: contexts are never used twice (etcd-io/raft#397)
	waiting  []*read
	inflight []*read
	began    time.Duration
	agreed   []*read // confirmed, not yet applied so far
}

type read struct {
	owner    *Replica
	deadline time.Duration
	index    uint64
	done     func(error)
}

func (q *read) finish(err error) {
	if done := q.done; done != nil {
		q.done = nil
		if !q.owner.dead {
			done(err)
		}
	}
}

// ReadBarrier calls done with nil once everything that was acknowledged before
// this call, anywhere, is applied here; with an error if that cannot be known.
func (r *Replica) ReadBarrier(timeout time.Duration, done func(error)) {
	if err := r.CheckLeader(); err != nil {
		done(err)
		return
	}
	q := &r.reads
	if len(q.waiting)+len(q.inflight)+len(q.agreed) >= r.cfg.MaxWaiters {
		done(ErrOverloaded)
		return
	}
	q.waiting = append(q.waiting, &read{owner: r, deadline: r.now() + min(timeout, maxTimeout), done: done})
	r.wake()
}

// issue starts a round for those who wait, unless one is in flight.
func (q *reads) issue(r *Replica) {
	if len(q.waiting) == 0 || len(q.inflight) > 0 || r.CheckLeader() != nil {
		return
	}
	q.inflight, q.waiting = q.waiting, q.inflight
	q.sequence++
	q.began = r.now()
	r.rn.ReadIndex(binary.BigEndian.AppendUint64(nil, q.sequence))
}

// confirmed takes raft's word that this leader led after the round began.
func (q *reads) confirmed(state raft.ReadState) {
	if len(state.RequestCtx) != 8 || binary.BigEndian.Uint64(state.RequestCtx) != q.sequence {
		return // an older round that was given up
	}
	for _, one := range q.inflight {
		one.index = state.Index
		q.agreed = append(q.agreed, one)
	}
	clear(q.inflight)
	q.inflight = q.inflight[:0]
}

// answer finishes reads whose index is applied and starts the next round.
func (q *reads) answer(r *Replica) {
	pending := q.agreed
	q.agreed = nil
	for i, one := range pending {
		if r.rn == nil { // an answer ended the service
			one.finish(ErrNotLeader)
			continue
		}
		if one.index > r.applied {
			q.agreed = append(q.agreed, pending[i])
			continue
		}
		one.finish(nil)
	}
	q.issue(r)
}

// expire gives up reads past their deadline, and a round that got lost: its
// readers join the next one.
func (q *reads) expire(now time.Duration, r *Replica) {
	if len(q.inflight) > 0 && now-q.began > time.Duration(r.cfg.ElectionTicks)*r.cfg.Tick {
		q.waiting = append(q.inflight, q.waiting...)
		q.inflight = nil
	}
	var late []*read
	q.waiting, late = dropExpired(q.waiting, late, now)
	q.inflight, late = dropExpired(q.inflight, late, now)
	q.agreed, late = dropExpired(q.agreed, late, now)
	for _, one := range late { // last: an answered reader may ask again at once
		one.finish(ErrTimeout)
	}
}

func dropExpired(list, late []*read, now time.Duration) (kept, expired []*read) {
	kept = list[:0]
	for _, one := range list {
		if one.deadline <= now {
			late = append(late, one)
		} else {
			kept = append(kept, one)
		}
	}
	clear(list[len(kept):])
	return kept, late
}

func (q *reads) failAll(err error) {
	all := append(append(q.waiting, q.inflight...), q.agreed...)
	q.waiting, q.inflight, q.agreed = nil, nil, nil
	for _, one := range all {
		one.finish(err)
	}
}
