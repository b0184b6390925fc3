package engine

import (
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/replica"
	"github.com/lockstep-log/lockstep/engine/wal"
)

// retain proposes, for each log that is led here, to let go what its settings
// say. Every replica lets go the same when it applies that.
func (n *Node) retain() {
	nowMs := n.env.Clock.Wall() / int64(time.Millisecond)
	for p := range n.hosted() {
		if p.keeper == nil || p.trimming || !p.leads() {
			continue
		}
		if offset, why := p.keeper.TrimPoint(nowMs); why != "" {
			p.trimming = true
			p.trace(env.Event{Kind: env.EventRetention, Offset: offset, Text: why})
			p.trim(offset, n.cfg.ProduceTimeout, func(replica.Outcome) { p.trimming = false })
		}
	}
}

func (p *partition) trim(offset int64, timeout time.Duration, done func(replica.Outcome)) {
	if p.direct != nil {
		p.trimDirect(offset, done)
		return
	}
	command := wal.AppendTrimCommand(replica.AppendCommand(nil), offset)
	n := p.node
	if n.hasSpace(int64(len(command))) {
		p.replica.Propose(command, timeout, done)
		return
	}
	// Few at once: the room kept for small entries may not come back soon.
	now := n.env.Clock.Monotonic()
	if now < p.freeing {
		done(replica.Outcome{Err: replica.ErrStorage})
		return
	}
	p.freeing = now + fullEvery
	p.replica.ProposeSmall(command, timeout, done)
}

// traceTrim hears from the log what it has applied.
func (p *partition) traceTrim(index uint64, start int64) {
	p.trace(env.Event{Kind: env.EventTrim, Index: index, Offset: start})
}

// DeleteRecordsRequest asks that a log begin at Offset; AllRecords is its end.
type DeleteRecordsRequest struct {
	Topic       string
	Partition   int32
	Offset      int64
	LeaderEpoch int32 // -1 is unchecked
	Timeout     time.Duration
}

// AllRecords as an offset of DeleteRecordsRequest is the high watermark.
const AllRecords int64 = -1

// DeleteRecordsResponse answers a DeleteRecordsRequest. With Err None the log
// begins at LogStart or later on every replica from now on.
type DeleteRecordsResponse struct {
	Err         Code
	Unknown     bool // as in ProduceResponse
	LogStart    int64
	Leader      env.NodeID
	LeaderEpoch int32
}

// DeleteRecords lets a log begin later. An offset beyond the high watermark is
// OFFSET_OUT_OF_RANGE; one before the log's start is answered with the start, so
// that the request may be repeated. done is called as that of Produce.
func (n *Node) DeleteRecords(r DeleteRecordsRequest, done func(DeleteRecordsResponse)) {
	p, code := n.find(r.Topic, r.Partition)
	if code != None {
		done(DeleteRecordsResponse{Err: code, LogStart: -1, LeaderEpoch: -1})
		return
	}
	answer := func(code Code, unknown bool, start int64) {
		done(DeleteRecordsResponse{Err: code, Unknown: unknown, LogStart: start, Leader: p.leader(), LeaderEpoch: p.leaderEpoch()})
	}
	if err := p.checkLeader(); err != nil {
		answer(codeOf(err), false, -1)
		return
	}
	if code := p.epoch(r.LeaderEpoch); code != None {
		answer(code, false, -1)
		return
	}
	if r.Offset == AllRecords {
		r.Offset = p.log.EndOffset()
	}
	if r.Offset < 0 || r.Offset > p.log.EndOffset() {
		answer(OffsetOutOfRange, false, p.log.StartOffset())
		return
	}
	p.trim(r.Offset, orDefault(r.Timeout, n.cfg.ProduceTimeout), func(o replica.Outcome) {
		switch {
		case o.Err != nil:
			answer(codeOf(o.Err), o.Unknown, -1)
		case o.Result.Err != nil:
			answer(InvalidRecord, false, -1)
		default:
			answer(None, false, o.Result.Offset)
		}
	})
}
