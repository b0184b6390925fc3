package client

import (
	"time"

	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/env"
)

// FetchResult answers Fetch.
type FetchResult struct {
	Outcome
	HighWatermark int64  // as the last answer had it, with OFFSET_OUT_OF_RANGE too; -1 without one
	LogStart      int64  // likewise
	Batches       []byte // whole batches, shared, must not be changed
	LeaderEpoch   int32
}

// ListOffsetsResult answers ListOffsets.
type ListOffsetsResult struct {
	Outcome
	Offset      int64 // -1 without success
	LeaderEpoch int32
}

// MetadataResult answers Metadata. Without success the response is empty.
type MetadataResult struct {
	Outcome
	engine.MetadataResponse
}

// Fetch reads from the partition's leader; done is called within timeout. The
// request's MaxWait is cut to what the timeout leaves, its LeaderEpoch ignored.
func (c *Client) Fetch(request engine.FetchRequest, timeout time.Duration, done func(FetchResult)) {
	op := &call{key: partitionKey{request.Topic, request.Partition}, wait: request.MaxWait}
	request.LeaderEpoch = -1
	op.ask = func(node env.NodeID, limit time.Duration, answer func(reply)) {
		request.MaxWait = min(op.wait, max(limit-c.cfg.AttemptTimeout, 0))
		c.conn.Fetch(node, request, func(r engine.FetchResponse, err error) {
			answer(reply{code: r.Err, leader: r.Leader, epoch: r.LeaderEpoch, err: err, body: r})
		})
	}
	op.done = func() {
		result := FetchResult{Outcome: op.out, HighWatermark: -1, LogStart: -1}
		if r, ok := op.body.(engine.FetchResponse); ok {
			result.HighWatermark, result.LogStart = r.HighWatermark, r.LogStart
			result.Batches, result.LeaderEpoch = r.Batches, r.LeaderEpoch
		}
		done(result)
	}
	c.begin(op, timeout)
}

// ListOffsets asks for the end (engine.Latest) or the start (engine.Earliest)
// of a partition; done is called within timeout.
func (c *Client) ListOffsets(topic string, partition int32, timestamp int64, timeout time.Duration, done func(ListOffsetsResult)) {
	op := &call{key: partitionKey{topic, partition}}
	op.ask = func(node env.NodeID, limit time.Duration, answer func(reply)) {
		request := engine.ListOffsetsRequest{
			Topic: topic, Partition: partition, Timestamp: timestamp, LeaderEpoch: -1,
			Timeout: serverTimeout(limit),
		}
		c.conn.ListOffsets(node, request, func(r engine.ListOffsetsResponse, err error) {
			answer(reply{code: r.Err, leader: r.Leader, epoch: r.LeaderEpoch, err: err, body: r})
		})
	}
	op.done = func() {
		result := ListOffsetsResult{Outcome: op.out, Offset: -1}
		if r, ok := op.body.(engine.ListOffsetsResponse); ok && op.out.Err == engine.None {
			result.Offset, result.LeaderEpoch = r.Offset, r.LeaderEpoch
		}
		done(result)
	}
	c.begin(op, timeout)
}

// Metadata asks any node about topics (nil: all); done is called within
// timeout. Leaders in the answer are remembered.
func (c *Client) Metadata(topics []string, timeout time.Duration, done func(MetadataResult)) {
	op := &call{anyNode: true}
	op.ask = func(node env.NodeID, _ time.Duration, answer func(reply)) {
		c.conn.Metadata(node, topics, func(r engine.MetadataResponse, err error) {
			answer(reply{err: err, body: r})
		})
	}
	op.done = func() {
		result := MetadataResult{Outcome: op.out}
		if r, ok := op.body.(engine.MetadataResponse); ok && op.out.Err == engine.None {
			result.MetadataResponse = r
			for _, p := range r.Partitions {
				c.leaders.hint(partitionKey{p.Topic, p.Partition}, p.Leader, p.LeaderEpoch)
			}
		}
		done(result)
	}
	c.begin(op, timeout)
}
