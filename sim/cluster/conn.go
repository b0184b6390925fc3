package cluster

import (
	"bytes"

	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/client"
	"github.com/lockstep-log/lockstep/engine/env"
)

// overheadBytes stands for a request's or an answer's fields beside its batches.
const overheadBytes = 64

// conn is a simulated client's client.Conn.
type conn struct {
	c    *Cluster
	from int
}

var _ client.Conn = conn{}

func (n conn) Produce(node env.NodeID, r engine.ProduceRequest, done func(engine.ProduceResponse, error)) {
	n.c.probes.asks(n.from, node)
	r.Batch = bytes.Clone(r.Batch)
	n.c.call(n.from, node, overheadBytes+len(r.Batch), func(engineNode *engine.Node, reply func(int, func())) {
		engineNode.Produce(r, func(a engine.ProduceResponse) {
			n.c.probes.refused(a.Err, engineNode)
			reply(overheadBytes, func() {
				n.c.probes.answered(n.from, node, a.Err, a.Leader)
				done(a, nil)
			})
		})
	}, func(err error) { done(engine.ProduceResponse{}, err) })
}

func (n conn) Fetch(node env.NodeID, r engine.FetchRequest, done func(engine.FetchResponse, error)) {
	n.c.probes.asks(n.from, node)
	n.c.call(n.from, node, overheadBytes, func(engineNode *engine.Node, reply func(int, func())) {
		asked := n.c.k.Now()
		engineNode.Fetch(r, func(a engine.FetchResponse) {
			a.Batches = bytes.Clone(a.Batches)
			n.c.served(node, r.Topic, r.Partition, a.Err, a.HighWatermark)
			n.c.probes.fetched(&r, &a, n.c.k.Now()-asked)
			reply(overheadBytes+len(a.Batches), func() {
				n.c.probes.answered(n.from, node, a.Err, a.Leader)
				done(a, nil)
			})
		})
	}, func(err error) { done(engine.FetchResponse{}, err) })
}

func (n conn) ListOffsets(node env.NodeID, r engine.ListOffsetsRequest, done func(engine.ListOffsetsResponse, error)) {
	n.c.probes.asks(n.from, node)
	n.c.call(n.from, node, overheadBytes, func(engineNode *engine.Node, reply func(int, func())) {
		engineNode.ListOffsets(r, func(a engine.ListOffsetsResponse) {
			if r.Timestamp == engine.Latest {
				n.c.served(node, r.Topic, r.Partition, a.Err, a.Offset)
			}
			reply(overheadBytes, func() {
				n.c.probes.answered(n.from, node, a.Err, a.Leader)
				done(a, nil)
			})
		})
	}, func(err error) { done(engine.ListOffsetsResponse{}, err) })
}

func (n conn) DeleteRecords(node env.NodeID, r engine.DeleteRecordsRequest, done func(engine.DeleteRecordsResponse, error)) {
	n.c.probes.asks(n.from, node)
	n.c.call(n.from, node, overheadBytes, func(engineNode *engine.Node, reply func(int, func())) {
		engineNode.DeleteRecords(r, func(a engine.DeleteRecordsResponse) {
			n.c.probes.deleted(&r, &a)
			reply(overheadBytes, func() {
				n.c.probes.answered(n.from, node, a.Err, a.Leader)
				done(a, nil)
			})
		})
	}, func(err error) { done(engine.DeleteRecordsResponse{}, err) })
}

func (n conn) Metadata(node env.NodeID, topics []string, done func(engine.MetadataResponse, error)) {
	n.c.call(n.from, node, overheadBytes, func(engineNode *engine.Node, reply func(int, func())) {
		a := engineNode.Metadata(topics)
		reply(overheadBytes+len(a.Partitions)*overheadBytes, func() { done(a, nil) })
	}, func(err error) { done(engine.MetadataResponse{}, err) })
}
