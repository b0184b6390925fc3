package rpc

import (
	"time"

	"github.com/lockstep-log/lockstep/adapter/rpc/clientpb"
	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/env"
)

// longestWait bounds every time a client asks for, so that no number overflows.
const longestWait = time.Hour

func waitOf(ms int64) time.Duration {
	return time.Duration(min(max(ms, 0), longestWait.Milliseconds())) * time.Millisecond
}

// millis rounds up: a wait below a millisecond is not no wait.
func millis(d time.Duration) int64 { return (d + time.Millisecond - 1).Milliseconds() }

// size keeps a length of the engine within the protocol's field.
func size(n int) int32 { return int32(min(max(n, 0), 1<<31-1)) }

func produceRequest(r *clientpb.ProduceRequest) engine.ProduceRequest {
	return engine.ProduceRequest{
		Topic: r.GetTopic(), Partition: r.GetPartition(), Batch: r.GetBatch(),
		LeaderEpoch: r.GetLeaderEpoch(), Timeout: waitOf(r.GetTimeoutMs()),
	}
}

func produceRequestToProto(r *engine.ProduceRequest) *clientpb.ProduceRequest {
	return &clientpb.ProduceRequest{
		Topic: r.Topic, Partition: r.Partition, Batch: r.Batch,
		LeaderEpoch: r.LeaderEpoch, TimeoutMs: millis(r.Timeout),
	}
}

func produceResponse(r *clientpb.ProduceResponse) engine.ProduceResponse {
	return engine.ProduceResponse{
		Err: engine.Code(r.GetErr()), Unknown: r.GetUnknown(), BaseOffset: r.GetBaseOffset(),
		Leader: env.NodeID(r.GetLeader()), LeaderEpoch: r.GetLeaderEpoch(),
	}
}

func produceResponseToProto(r *engine.ProduceResponse) *clientpb.ProduceResponse {
	return &clientpb.ProduceResponse{
		Err: int32(r.Err), Unknown: r.Unknown, BaseOffset: r.BaseOffset,
		Leader: uint64(r.Leader), LeaderEpoch: r.LeaderEpoch,
	}
}

func fetchRequest(r *clientpb.FetchRequest) engine.FetchRequest {
	return engine.FetchRequest{
		Topic: r.GetTopic(), Partition: r.GetPartition(), Offset: r.GetOffset(),
		MaxBytes: max(int(r.GetMaxBytes()), 0), MinBytes: max(int(r.GetMinBytes()), 0),
		MaxWait: waitOf(r.GetMaxWaitMs()), LeaderEpoch: r.GetLeaderEpoch(), Linearizable: r.GetLinearizable(),
	}
}

func fetchRequestToProto(r *engine.FetchRequest) *clientpb.FetchRequest {
	return &clientpb.FetchRequest{
		Topic: r.Topic, Partition: r.Partition, Offset: r.Offset,
		MaxBytes: size(r.MaxBytes), MinBytes: size(r.MinBytes),
		MaxWaitMs: millis(r.MaxWait), LeaderEpoch: r.LeaderEpoch, Linearizable: r.Linearizable,
	}
}

func fetchResponse(r *clientpb.FetchResponse) engine.FetchResponse {
	return engine.FetchResponse{
		Err: engine.Code(r.GetErr()), HighWatermark: r.GetHighWatermark(), LogStart: r.GetLogStart(),
		Batches: r.GetBatches(), Leader: env.NodeID(r.GetLeader()), LeaderEpoch: r.GetLeaderEpoch(),
	}
}

func fetchResponseToProto(r *engine.FetchResponse) *clientpb.FetchResponse {
	return &clientpb.FetchResponse{
		Err: int32(r.Err), HighWatermark: r.HighWatermark, LogStart: r.LogStart,
		Batches: r.Batches, Leader: uint64(r.Leader), LeaderEpoch: r.LeaderEpoch,
	}
}

func listOffsetsRequest(r *clientpb.ListOffsetsRequest) engine.ListOffsetsRequest {
	return engine.ListOffsetsRequest{
		Topic: r.GetTopic(), Partition: r.GetPartition(), Timestamp: r.GetTimestamp(),
		LeaderEpoch: r.GetLeaderEpoch(), Timeout: waitOf(r.GetTimeoutMs()),
	}
}

func listOffsetsRequestToProto(r *engine.ListOffsetsRequest) *clientpb.ListOffsetsRequest {
	return &clientpb.ListOffsetsRequest{
		Topic: r.Topic, Partition: r.Partition, Timestamp: r.Timestamp,
		LeaderEpoch: r.LeaderEpoch, TimeoutMs: millis(r.Timeout),
	}
}

func listOffsetsResponse(r *clientpb.ListOffsetsResponse) engine.ListOffsetsResponse {
	return engine.ListOffsetsResponse{
		Err: engine.Code(r.GetErr()), Offset: r.GetOffset(),
		Leader: env.NodeID(r.GetLeader()), LeaderEpoch: r.GetLeaderEpoch(),
	}
}

func listOffsetsResponseToProto(r *engine.ListOffsetsResponse) *clientpb.ListOffsetsResponse {
	return &clientpb.ListOffsetsResponse{
		Err: int32(r.Err), Offset: r.Offset, Leader: uint64(r.Leader), LeaderEpoch: r.LeaderEpoch,
	}
}

func deleteRecordsRequest(r *clientpb.DeleteRecordsRequest) engine.DeleteRecordsRequest {
	return engine.DeleteRecordsRequest{
		Topic: r.GetTopic(), Partition: r.GetPartition(), Offset: r.GetOffset(),
		LeaderEpoch: r.GetLeaderEpoch(), Timeout: waitOf(r.GetTimeoutMs()),
	}
}

func deleteRecordsRequestToProto(r *engine.DeleteRecordsRequest) *clientpb.DeleteRecordsRequest {
	return &clientpb.DeleteRecordsRequest{
		Topic: r.Topic, Partition: r.Partition, Offset: r.Offset,
		LeaderEpoch: r.LeaderEpoch, TimeoutMs: millis(r.Timeout),
	}
}

func deleteRecordsResponse(r *clientpb.DeleteRecordsResponse) engine.DeleteRecordsResponse {
	return engine.DeleteRecordsResponse{
		Err: engine.Code(r.GetErr()), Unknown: r.GetUnknown(), LogStart: r.GetLogStart(),
		Leader: env.NodeID(r.GetLeader()), LeaderEpoch: r.GetLeaderEpoch(),
	}
}

func deleteRecordsResponseToProto(r *engine.DeleteRecordsResponse) *clientpb.DeleteRecordsResponse {
	return &clientpb.DeleteRecordsResponse{
		Err: int32(r.Err), Unknown: r.Unknown, LogStart: r.LogStart,
		Leader: uint64(r.Leader), LeaderEpoch: r.LeaderEpoch,
	}
}

func metadataResponse(r *clientpb.MetadataResponse) engine.MetadataResponse {
	m := engine.MetadataResponse{Cluster: r.GetCluster(), Node: env.NodeID(r.GetNode())}
	for _, n := range r.GetNodes() {
		m.Nodes = append(m.Nodes, engine.NodeInfo{ID: env.NodeID(n.GetId()), Address: n.GetAddress()})
	}
	for _, p := range r.GetPartitions() {
		m.Partitions = append(m.Partitions, engine.PartitionStatus{
			Topic: p.GetTopic(), Partition: p.GetPartition(), Group: env.GroupID(p.GetGroup()),
			Err: engine.Code(p.GetErr()), Leader: env.NodeID(p.GetLeader()), LeaderEpoch: p.GetLeaderEpoch(),
			Replicas: convert[env.NodeID](p.GetReplicas()), ISR: convert[env.NodeID](p.GetIsr()),
			MinISR: int(p.GetMinIsr()), HighWatermark: p.GetHighWatermark(), LogStart: p.GetLogStart(),
			Applied: p.GetApplied(), Fenced: p.GetFenced(),
			Replica: env.ReplicaID(p.GetReplica()), State: engine.State(p.GetState()), Learner: p.GetLearner(),
			Damaged: damaged(p.GetDamaged()),
		})
	}
	return m
}

func metadataResponseToProto(m *engine.MetadataResponse) *clientpb.MetadataResponse {
	r := &clientpb.MetadataResponse{Cluster: m.Cluster, Node: uint64(m.Node)}
	for _, n := range m.Nodes {
		r.Nodes = append(r.Nodes, &clientpb.Node{Id: uint64(n.ID), Address: n.Address})
	}
	for i := range m.Partitions {
		p := &m.Partitions[i]
		r.Partitions = append(r.Partitions, &clientpb.Partition{
			Topic: p.Topic, Partition: p.Partition, Group: uint64(p.Group),
			Err: int32(p.Err), Leader: uint64(p.Leader), LeaderEpoch: p.LeaderEpoch,
			Replicas: convert[uint64](p.Replicas), Isr: convert[uint64](p.ISR),
			MinIsr: size(p.MinISR), HighWatermark: p.HighWatermark, LogStart: p.LogStart,
			Applied: p.Applied, Fenced: p.Fenced,
			Replica: uint64(p.Replica), State: string(p.State), Learner: p.Learner, Damaged: damagedToProto(p.Damaged),
		})
	}
	return r
}

func damaged(ranges []*clientpb.DamagedRange) (out []engine.DamagedRange) {
	for _, r := range ranges {
		out = append(out, engine.DamagedRange{Base: r.GetBase(), End: r.GetEnd(), Everywhere: r.GetEverywhere()})
	}
	return out
}

func damagedToProto(ranges []engine.DamagedRange) (out []*clientpb.DamagedRange) {
	for _, r := range ranges {
		out = append(out, &clientpb.DamagedRange{Base: r.Base, End: r.End, Everywhere: r.Everywhere})
	}
	return out
}

// convert changes the type of ids.
func convert[To, From ~uint64](ids []From) []To {
	out := make([]To, 0, len(ids))
	for _, id := range ids {
		out = append(out, To(id))
	}
	return out
}
