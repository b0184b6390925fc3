package engine

import (
	"errors"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/record"
	"github.com/lockstep-log/lockstep/engine/replica"
	"github.com/lockstep-log/lockstep/engine/wal"
)

// Produce appends one record batch to a partition. done is called once, unless
// the node is killed: at once if the request is refused, else when the batch is
// acknowledged, when leadership is lost, or at the deadline.
func (n *Node) Produce(r ProduceRequest, done func(ProduceResponse)) {
	p, code := n.find(r.Topic, r.Partition)
	if code != None {
		done(ProduceResponse{Err: code, BaseOffset: -1, LeaderEpoch: -1})
		return
	}
	answer := func(code Code, unknown bool, base int64) {
		done(ProduceResponse{
			Err: code, Unknown: unknown, BaseOffset: base,
			Leader: p.leader(), LeaderEpoch: p.leaderEpoch(),
		})
	}
	header, code := n.checkBatch(r.Batch)
	if code != None {
		answer(code, false, -1)
		return
	}
	if code := p.epoch(r.LeaderEpoch); code != None {
		answer(code, false, -1)
		return
	}
	if p.direct != nil {
		p.produceDirect(&r, &header, answer)
		return
	}
	command := n.commands.take(len(r.Batch) + 2)
	command = wal.AppendBatchCommand(replica.AppendCommand(command), r.Batch)
	p.replica.Propose(command, orDefault(r.Timeout, n.cfg.ProduceTimeout), func(o replica.Outcome) {
		switch {
		case o.Err != nil:
			answer(codeOf(o.Err), o.Unknown, -1)
		case o.Result.Err != nil: // refused by every replica alike: nothing was written
			answer(InvalidRecord, false, -1)
		default:
			answer(None, false, o.Result.Offset)
		}
	})
}

// checkBatch refuses what the log would refuse, before anything is replicated.
func (n *Node) checkBatch(batch []byte) (record.Header, Code) {
	h, err := record.Validate(batch, n.cfg.MaxBatchBytes)
	switch {
	case errors.Is(err, record.ErrChecksum):
		return h, CorruptMessage
	case errors.Is(err, record.ErrTooLarge):
		return h, MessageTooLarge
	case err != nil, h.BaseOffset != 0:
		return h, InvalidRecord
	default:
		return h, None
	}
}

// Propose replicates one command of a user's own state machine.
func (n *Node) Propose(g env.GroupID, data []byte, timeout time.Duration, done func(ProposeResponse)) {
	p := n.byGroup[g]
	if p == nil || !n.Ready() {
		done(ProposeResponse{Err: NotLeaderOrFollower})
		return
	}
	command := replica.AppendCommand(n.commands.take(len(data)+1), data)
	p.replica.Propose(command, orDefault(timeout, n.cfg.ProduceTimeout), func(o replica.Outcome) {
		done(ProposeResponse{
			Err: codeOf(o.Err), Unknown: o.Unknown, Index: o.Index, Result: o.Result, Leader: p.replica.Leader(),
		})
	})
}

// ReadBarrier calls done with None once everything acknowledged before the call
// is applied to the group's machine here; this node must lead the group.
func (n *Node) ReadBarrier(g env.GroupID, timeout time.Duration, done func(Code)) {
	p := n.byGroup[g]
	if p == nil || !n.Ready() {
		done(NotLeaderOrFollower)
		return
	}
	p.replica.ReadBarrier(orDefault(timeout, n.cfg.ProduceTimeout), func(err error) { done(readCodeOf(err)) })
}
