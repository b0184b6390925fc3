package adapter

import (
	"time"

	"github.com/lockstep-log/lockstep/adapter/rpc"
	"github.com/lockstep-log/lockstep/engine"
)

// Status is what /status answers.
type Status struct {
	Cluster    uint64            `json:"cluster"`
	Node       uint64            `json:"node"`
	Ready      bool              `json:"ready"`
	UptimeMs   int64             `json:"uptimeMs"`
	Nodes      []NodeStatus      `json:"nodes"`
	Partitions []PartitionStatus `json:"partitions"`
}

// NodeStatus is a node of the cluster.
type NodeStatus struct {
	ID      uint64 `json:"id"`
	Address string `json:"address"`
}

// PartitionStatus is a partition as one node knows it.
type PartitionStatus struct {
	Topic         string   `json:"topic"`
	Partition     int32    `json:"partition"`
	Group         uint64   `json:"group"`
	Error         string   `json:"error,omitempty"`
	Leader        uint64   `json:"leader"` // 0: none known
	LeaderEpoch   int32    `json:"leaderEpoch"`
	Replicas      []uint64 `json:"replicas"`
	ISR           []uint64 `json:"isr"`
	MinISR        int      `json:"minISR"`
	HighWatermark int64    `json:"highWatermark"` // -1: no replica here
	LogStart      int64    `json:"logStart"`
	Fenced        string   `json:"fenced,omitempty"`
}

// status asks the node; false if it has stopped.
func (n *Node) status() (Status, bool) {
	var s rpc.NodeStatus
	ok := n.loop.Call(func() {
		s.Ready, s.Metadata = n.engine.Ready(), n.engine.Metadata(nil)
	})
	s.Uptime = time.Since(n.started)
	return NewStatus(s), ok
}

// NewStatus is a node's answer as JSON shows it.
func NewStatus(s rpc.NodeStatus) Status {
	out := Status{
		Cluster: s.Metadata.Cluster, Node: uint64(s.Metadata.Node), Ready: s.Ready,
		UptimeMs: s.Uptime.Milliseconds(), Nodes: []NodeStatus{}, Partitions: []PartitionStatus{},
	}
	for _, n := range s.Metadata.Nodes {
		out.Nodes = append(out.Nodes, NodeStatus{ID: uint64(n.ID), Address: n.Address})
	}
	for i := range s.Metadata.Partitions {
		out.Partitions = append(out.Partitions, partitionStatus(&s.Metadata.Partitions[i]))
	}
	return out
}

func partitionStatus(p *engine.PartitionStatus) PartitionStatus {
	out := PartitionStatus{
		Topic: p.Topic, Partition: p.Partition, Group: uint64(p.Group), Leader: uint64(p.Leader),
		LeaderEpoch: p.LeaderEpoch, Replicas: []uint64{}, ISR: []uint64{}, MinISR: p.MinISR,
		HighWatermark: p.HighWatermark, LogStart: p.LogStart, Fenced: p.Fenced,
	}
	if p.Err != engine.None {
		out.Error = p.Err.String()
	}
	for _, id := range p.Replicas {
		out.Replicas = append(out.Replicas, uint64(id))
	}
	for _, id := range p.ISR {
		out.ISR = append(out.ISR, uint64(id))
	}
	return out
}
