package replica

import (
	"errors"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
)

// Outcome answers a proposal.
type Outcome struct {
	// Err is nil when the proposal is committed, applied, and durable as the
	// acknowledgement rule demands.
	Err error
	// Unknown says beside an error that the proposal may have been written, or
	// may yet be.
	Unknown bool
	Term    uint64
	Index   uint64
	Result  machine.Result
}

// maxTimeout bounds every wait, far from where deadlines overflow.
const maxTimeout = 24 * time.Hour

// proposal is one command on its way.
type proposal struct {
	owner    *Replica
	data     []byte
	term     uint64
	index    uint64
	deadline time.Duration
	applied  bool
	result   machine.Result
	end      int64         // of the log after it
	done     func(Outcome) // nil once answered
}

// finish answers, once, unless the node was killed.
func (p *proposal) finish(o Outcome) {
	if done := p.done; done != nil {
		p.done = nil
		if !p.owner.dead {
			done(o)
		}
	}
}

// Propose asks for a command, made with AppendCommand, to be replicated. done is
// called once, on the loop, unless the node is killed.
func (r *Replica) Propose(data []byte, timeout time.Duration, done func(Outcome)) {
	r.propose(data, r.cfg.Space(int64(len(data))), timeout, done)
}

// ProposeSmall is Propose for a command of at most SmallAppendBytes that makes room,
// as a trim does: a full disk takes it too. The caller sees to it that they are few,
// because the room kept for small entries is.
func (r *Replica) ProposeSmall(data []byte, timeout time.Duration, done func(Outcome)) {
	r.propose(data, len(data) <= SmallAppendBytes || r.cfg.Space(int64(len(data))), timeout, done)
}

func (r *Replica) propose(data []byte, space bool, timeout time.Duration, done func(Outcome)) {
	if err := r.admit(uint64(len(data)), space); err != nil {
		done(Outcome{Err: err})
		return
	}
	r.queued = append(r.queued, &proposal{owner: r, data: data, deadline: r.now() + min(timeout, maxTimeout), done: done})
	r.bytes += uint64(len(data))
	r.cfg.Journal.Expect(int64(len(data)))
	r.wake()
}

// takeQueued empties the queue of proposals.
func (r *Replica) takeQueued() []*proposal {
	queued := r.queued
	r.cfg.Journal.Expect(-int64(r.bytes))
	r.queued, r.bytes = nil, 0
	return queued
}

// admit refuses what cannot be acknowledged before anything is written.
func (r *Replica) admit(size uint64, space bool) error {
	if err := r.CheckLeader(); err != nil {
		return err
	}
	switch {
	case !space:
		return ErrStorage
	case len(r.insync.inForce) < r.cfg.MinISR:
		return ErrNotEnoughReplicas
	case r.waiters.len()+len(r.queued) >= r.cfg.MaxWaiters, r.cfg.Journal.Pressure():
		return ErrOverloaded
	case r.bytes > 0 && r.bytes+size > r.cfg.MaxUncommitted:
		return ErrOverloaded // raft itself takes any first message, however large
	case r.log != nil && r.log.Backlog() > int64(r.cfg.MaxUncommitted):
		return ErrOverloaded // the disk does not follow what is applied
	default:
		return nil
	}
}

// proposeQueued puts the turn's proposals into one MsgProp and learns their
// terms and indexes from the Ready that follows: they are its last entries.
func (r *Replica) proposeQueued() {
	if len(r.queued) == 0 {
		return
	}
	r.drain()
	queued := r.takeQueued()
	if len(queued) == 0 || r.rn == nil {
		return // leadership was lost in between: all are answered
	}
	entries := make([]*raftpb.Entry, len(queued))
	for i, p := range queued {
		entries[i] = &raftpb.Entry{Data: p.data}
	}
	rd, err := r.proposeEntries(entries)
	if err != nil {
		for _, p := range queued {
			p.finish(Outcome{Err: err})
		}
		return
	}
	proposed := rd.Entries[len(rd.Entries)-len(queued):]
	for i, p := range queued {
		if r.cfg.Recycle != nil {
			r.cfg.Recycle(p.data) // raft has a copy of its own
		}
		p.term, p.index, p.data = proposed[i].GetTerm(), proposed[i].GetIndex(), nil
		r.waiters.add(p)
	}
	r.ready(rd)
}

// proposeEntries steps one MsgProp. The Ready it returns ends with the entries
// as raft appended them; the caller has to handle it.
func (r *Replica) proposeEntries(entries []*raftpb.Entry) (raft.Ready, error) {
	kind, self := raftpb.MsgProp, uint64(r.cfg.Self)
	err := r.rn.Step(&raftpb.Message{Type: &kind, From: &self, To: &self, Entries: entries})
	switch {
	case errors.Is(err, raft.ErrProposalDropped) && r.role == env.Leader:
		return raft.Ready{}, ErrOverloaded
	case err != nil:
		return raft.Ready{}, ErrNotLeader
	}
	rd := r.rn.Ready()
	if len(rd.Entries) < len(entries) {
		panic("raft accepted a proposal and did not append it")
	}
	return rd, nil
}
