package client

import (
	"time"

	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/env"
)

// ProduceResult answers Produce.
type ProduceResult struct {
	Outcome
	BaseOffset  int64 // -1 without success
	LeaderEpoch int32 // of the acknowledging leader
}

// Produce appends one record batch; done is called within timeout. The batch
// must never change: after an unknown outcome a request with it may still be
// under way.
func (c *Client) Produce(topic string, partition int32, batch []byte, timeout time.Duration, done func(ProduceResult)) {
	op := &call{key: partitionKey{topic, partition}, writes: true}
	op.ask = func(node env.NodeID, limit time.Duration, answer func(reply)) {
		request := engine.ProduceRequest{
			Topic: topic, Partition: partition, Batch: batch, LeaderEpoch: -1,
			Timeout: serverTimeout(limit),
		}
		c.conn.Produce(node, request, func(r engine.ProduceResponse, err error) {
			answer(reply{code: r.Err, unknown: r.Unknown, leader: r.Leader, epoch: r.LeaderEpoch, err: err, body: r})
		})
	}
	op.done = func() {
		result := ProduceResult{Outcome: op.out, BaseOffset: -1}
		if r, ok := op.body.(engine.ProduceResponse); ok && op.out.Err == engine.None {
			result.BaseOffset, result.LeaderEpoch = r.BaseOffset, r.LeaderEpoch
		}
		done(result)
	}
	c.begin(op, timeout)
}

// serverTimeout is what of an attempt's time the node may use: it gives up
// first, so that its own answer, more precise than silence, can arrive.
func serverTimeout(limit time.Duration) time.Duration { return max(limit-limit/8, 1) }
