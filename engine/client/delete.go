package client

import (
	"time"

	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/env"
)

// DeleteRecordsResult answers DeleteRecords.
type DeleteRecordsResult struct {
	Outcome
	LogStart int64 // -1 without success
}

// DeleteRecords lets a partition begin at offset (engine.AllRecords: at its end);
// done is called within timeout. It may be repeated: an offset that is gone
// already is a success.
func (c *Client) DeleteRecords(topic string, partition int32, offset int64, timeout time.Duration, done func(DeleteRecordsResult)) {
	op := &call{key: partitionKey{topic, partition}, writes: true}
	op.ask = func(node env.NodeID, limit time.Duration, answer func(reply)) {
		request := engine.DeleteRecordsRequest{
			Topic: topic, Partition: partition, Offset: offset, LeaderEpoch: -1,
			Timeout: serverTimeout(limit),
		}
		c.conn.DeleteRecords(node, request, func(r engine.DeleteRecordsResponse, err error) {
			answer(reply{code: r.Err, unknown: r.Unknown, leader: r.Leader, epoch: r.LeaderEpoch, err: err, body: r})
		})
	}
	op.done = func() {
		result := DeleteRecordsResult{Outcome: op.out, LogStart: -1}
		if r, ok := op.body.(engine.DeleteRecordsResponse); ok && op.out.Err == engine.None {
			result.LogStart = r.LogStart
		}
		done(result)
	}
	c.begin(op, timeout)
}
