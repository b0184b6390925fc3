package engine

import (
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
)

// Metadata lists nodes and partitions as this node knows them; nil topics means
// all. Of partitions without a replica here only the placement is known.
func (n *Node) Metadata(topics []string) MetadataResponse {
	m := MetadataResponse{Cluster: n.cfg.Cluster, Node: n.cfg.Node, Nodes: n.cfg.Topology.Nodes}
	for i := range n.cfg.Topology.Partitions {
		p := &n.cfg.Topology.Partitions[i]
		if topics == nil || slices.Contains(topics, p.Topic) {
			m.Partitions = append(m.Partitions, n.status(p))
		}
	}
	for _, topic := range topics {
		if !slices.ContainsFunc(m.Partitions, func(s PartitionStatus) bool { return s.Topic == topic }) {
			m.Partitions = append(m.Partitions, PartitionStatus{Topic: topic, Partition: -1, Err: UnknownTopicOrPartition, HighWatermark: -1, LogStart: -1})
		}
	}
	return m
}

func (n *Node) status(spec *Partition) PartitionStatus {
	s := PartitionStatus{
		Topic: spec.Topic, Partition: spec.Partition, Group: spec.Group, MinISR: spec.MinISR,
		Err: LeaderNotAvailable, LeaderEpoch: -1, HighWatermark: -1, LogStart: -1,
		Replicas: make([]env.NodeID, 0, len(spec.Replicas)),
	}
	for _, r := range spec.Replicas {
		s.Replicas = append(s.Replicas, r.Node)
	}
	p := n.byGroup[spec.Group]
	if spec.Unreplicated {
		p = n.directOf(spec.Group)
	}
	if p == nil || !n.Ready() {
		return s
	}
	if p.direct != nil {
		return p.statusDirect(s)
	}
	s.LeaderEpoch, s.Leader, s.Applied = p.leaderEpoch(), p.replica.Leader(), p.replica.AppliedIndex()
	s.ISR = p.replica.InSync(nil)
	if p.log != nil {
		s.HighWatermark, s.LogStart = p.log.EndOffset(), p.log.StartOffset()
	}
	s.Replica, s.State = p.replica.Self(), p.state
	if m, ok := p.replica.Membership().Member(s.Replica); ok {
		s.Learner = m.Learner
	}
	s.Damaged = p.damagedRanges()
	switch {
	case p.why != nil:
		s.Err, s.Fenced = KafkaStorageError, p.why.Error()
	case s.Leader != 0:
		s.Err = None
	}
	return s
}

// damagedRanges lists what reads would fail on.
func (p *partition) damagedRanges() (out []DamagedRange) {
	if p.keeper == nil {
		return nil
	}
	if p.direct != nil {
		return p.lostRanges()
	}
	for _, b := range p.keeper.Bad() {
		r := DamagedRange{Base: b.Base, End: b.End}
		for _, known := range p.bad {
			r.Everywhere = r.Everywhere || known.base == b.Base && known.lost
		}
		out = append(out, r)
	}
	return out
}
