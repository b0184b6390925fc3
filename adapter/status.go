package adapter

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/lockstep-log/lockstep/adapter/rpc"
	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/env"
)

// Status is the cluster as its nodes tell it: what /status answers and what
// "adapter status --json" prints.
type Status struct {
	Cluster    uint64            `json:"cluster"`
	Nodes      []NodeStatus      `json:"nodes"`
	Partitions []PartitionStatus `json:"partitions"`
}

// NodeStatus is a node of the cluster.
type NodeStatus struct {
	ID       uint64 `json:"id"`
	Address  string `json:"address"`
	Up       bool   `json:"up"`    // it answers
	Ready    bool   `json:"ready"` // it serves
	Full     bool   `json:"full"`  // its disk has no room
	UptimeMs int64  `json:"uptimeMs"`
}

// ReplicaStatus is one replica as its own node knows it.
type ReplicaStatus struct {
	Node    uint64 `json:"node"`
	Replica uint64 `json:"replica"` // its id; 0: it has none yet
	// State is serving, repairing, asking, adopting, fenced or opening.
	State   string          `json:"state"`
	Learner bool            `json:"learner,omitempty"` // it has no vote yet
	Why     string          `json:"why,omitempty"`     // it does not serve
	Damaged []DamagedStatus `json:"damaged,omitempty"`
}

// DamagedStatus are offsets of a partition whose bytes are not what was written.
type DamagedStatus struct {
	Base       int64 `json:"base"`
	End        int64 `json:"end"`        // not included
	Everywhere bool  `json:"everywhere"` // no replica has good bytes
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

	// Held are the replicas of the nodes that answered.
	Held []ReplicaStatus `json:"held"`

	applied uint64
}

// AskStatus asks the servers (host:port) in turn which nodes there are, and then
// all of these. If no server answers, the error matches ErrInput.
func AskStatus(ctx context.Context, servers []string) (Status, error) {
	first, err := AnyStatus(ctx, servers)
	if err != nil {
		return Status{}, err
	}
	nodes := first.Metadata.Nodes
	return combine(first.Metadata.Cluster, nodes, ClusterStatus(ctx, nodes)), nil
}

// status asks the node itself; false if it has stopped.
func (n *Node) status() (s rpc.NodeStatus, ok bool) {
	ok = n.loop.Call(func() {
		s.Ready, s.Full, s.Metadata = n.engine.Ready(), n.engine.Full(), n.engine.Metadata(nil)
	})
	s.Uptime = time.Since(n.started)
	return s, ok
}

// clusterStatus asks the other nodes too.
func (n *Node) clusterStatus(ctx context.Context) (Status, bool) {
	own, ok := n.status()
	if !ok {
		return Status{}, false
	}
	nodes := own.Metadata.Nodes
	others := slices.DeleteFunc(slices.Clone(nodes), func(i engine.NodeInfo) bool { return uint64(i.ID) == n.cfg.Node })
	answers := ClusterStatus(ctx, others)
	answers[env.NodeID(n.cfg.Node)] = own
	return combine(n.cfg.Cluster, nodes, answers), true
}

// combine takes each partition from the node that should know it best: its
// leader, else who saw the highest term.
func combine(cluster uint64, nodes []engine.NodeInfo, answers map[env.NodeID]rpc.NodeStatus) Status {
	s := Status{Cluster: cluster, Nodes: []NodeStatus{}, Partitions: []PartitionStatus{}}
	best := map[uint64]PartitionStatus{}
	from, held := map[uint64]uint64{}, map[uint64][]ReplicaStatus{}
	for _, n := range nodes {
		answer, up := answers[n.ID]
		s.Nodes = append(s.Nodes, NodeStatus{
			ID: uint64(n.ID), Address: n.Address, Up: up, Ready: answer.Ready, Full: answer.Full, UptimeMs: answer.Uptime.Milliseconds(),
		})
		for i := range answer.Metadata.Partitions {
			p := partitionStatus(&answer.Metadata.Partitions[i])
			if r := &answer.Metadata.Partitions[i]; r.State != "" {
				held[p.Group] = append(held[p.Group], replicaStatus(uint64(n.ID), r))
			}
			old, known := best[p.Group]
			if !known || better(&p, uint64(n.ID), &old, from[p.Group]) {
				best[p.Group], from[p.Group] = p, uint64(n.ID)
			}
		}
	}
	for _, group := range slices.Sorted(maps.Keys(best)) {
		p := best[group]
		p.Held = held[group]
		s.Partitions = append(s.Partitions, p)
	}
	return s
}

func replicaStatus(node uint64, p *engine.PartitionStatus) ReplicaStatus {
	r := ReplicaStatus{Node: node, Replica: uint64(p.Replica), State: string(p.State), Learner: p.Learner, Why: p.Fenced}
	for _, d := range p.Damaged {
		r.Damaged = append(r.Damaged, DamagedStatus(d))
	}
	return r
}

// Whole tells that the replica serves with a vote, and that nothing of it is
// damaged.
func (r *ReplicaStatus) Whole() bool {
	return r.State == string(engine.StateServing) && !r.Learner && len(r.Damaged) == 0
}

func better(p *PartitionStatus, node uint64, old *PartitionStatus, oldNode uint64) bool {
	leads := func(p *PartitionStatus, node uint64) int {
		if p.Leader == node {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(p.LeaderEpoch, old.LeaderEpoch), cmp.Compare(leads(p, node), leads(old, oldNode)),
		cmp.Compare(p.HighWatermark, old.HighWatermark)) > 0
}

func partitionStatus(p *engine.PartitionStatus) PartitionStatus {
	out := PartitionStatus{
		Topic: p.Topic, Partition: p.Partition, Group: uint64(p.Group), Leader: uint64(p.Leader),
		LeaderEpoch: p.LeaderEpoch, Replicas: []uint64{}, ISR: []uint64{}, MinISR: p.MinISR,
		HighWatermark: p.HighWatermark, LogStart: p.LogStart, Fenced: p.Fenced, applied: p.Applied,
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
