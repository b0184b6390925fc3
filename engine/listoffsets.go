package engine

// ListOffsets answers where a log ends or starts, linearizably: a ReadIndex
// round stands before the answer, so a deposed leader never gives one.
func (n *Node) ListOffsets(r ListOffsetsRequest, done func(ListOffsetsResponse)) {
	p, code := n.find(r.Topic, r.Partition)
	if code != None {
		done(ListOffsetsResponse{Err: code, Offset: -1, LeaderEpoch: -1})
		return
	}
	answer := func(code Code, offset int64) {
		done(ListOffsetsResponse{Err: code, Offset: offset, Leader: p.leader(), LeaderEpoch: p.leaderEpoch()})
	}
	if code := p.epoch(r.LeaderEpoch); code != None {
		answer(code, -1)
		return
	}
	if r.Timestamp != Latest && r.Timestamp != Earliest {
		answer(InvalidRecord, -1)
		return
	}
	p.readBarrier(orDefault(r.Timeout, n.cfg.ProduceTimeout), func(err error) {
		switch {
		case err != nil:
			answer(readCodeOf(err), -1)
		case r.Timestamp == Earliest:
			answer(None, p.log.StartOffset())
		default:
			answer(None, p.log.EndOffset())
		}
	})
}
