package engine

import (
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
)

// StateMachine is what a user of the engine brings to have it replicated; the
// partition log is the first one. See package machine for the contract.
type StateMachine = machine.StateMachine

// Timestamps of a ListOffsetsRequest that name an end of the log.
const (
	Latest   int64 = -1
	Earliest int64 = -2
)

// ProduceRequest asks to append one record batch (Kafka v2, base offset 0).
type ProduceRequest struct {
	Topic     string
	Partition int32
	Batch     []byte // must not change until done
	// LeaderEpoch is the raft term the client believes in; -1 is unchecked.
	LeaderEpoch int32
	// Timeout bounds the wait for the acknowledgement; 0 means the default.
	Timeout time.Duration
}

// ProduceResponse answers a produce. With Err None the batch is committed,
// applied and durable on at least min ISR members of the ISR.
type ProduceResponse struct {
	Err Code
	// Unknown says, beside an error, that the batch may have been written or may
	// yet be. False means: definitely not written.
	Unknown     bool
	BaseOffset  int64
	Leader      env.NodeID // a hint, 0 if unknown
	LeaderEpoch int32
}

// FetchRequest reads batches from Offset on.
type FetchRequest struct {
	Topic     string
	Partition int32
	Offset    int64
	MaxBytes  int
	// MinBytes and MaxWait make a long poll: the answer waits until MinBytes are
	// there or MaxWait has passed.
	MinBytes    int
	MaxWait     time.Duration
	LeaderEpoch int32
	// Linearizable puts a ReadIndex round before the read, so that the answer
	// holds everything acknowledged before the request.
	Linearizable bool
}

// FetchResponse carries whole batches; the first one contains the offset asked
// for, the records are contiguous, committed, and equal to the agreed log.
type FetchResponse struct {
	Err           Code
	HighWatermark int64
	LogStart      int64
	Batches       []byte // shared, must not be changed
	Leader        env.NodeID
	LeaderEpoch   int32
}

// ListOffsetsRequest asks for the end (Latest) or the start (Earliest).
type ListOffsetsRequest struct {
	Topic       string
	Partition   int32
	Timestamp   int64
	LeaderEpoch int32
	Timeout     time.Duration
}

// ListOffsetsResponse answers linearizably: Latest is at least the end of
// everything acknowledged before the request was made.
type ListOffsetsResponse struct {
	Err         Code
	Offset      int64
	Leader      env.NodeID
	LeaderEpoch int32
}

// PartitionStatus is one partition as the answering node knows it.
type PartitionStatus struct {
	Topic         string
	Partition     int32
	Group         env.GroupID
	Err           Code
	Leader        env.NodeID // 0: none known
	LeaderEpoch   int32
	Replicas      []env.NodeID
	ISR           []env.NodeID
	MinISR        int
	HighWatermark int64  // -1 where this node holds no replica
	LogStart      int64  // -1 where this node holds no replica
	Applied       uint64 // raft index applied here, 0 where no replica is held
	Fenced        string // why the replica here serves no more; empty: it serves

	Replica env.ReplicaID // of this node, 0: none
	State   State         // of this node's replica; empty where it has none
	Learner bool          // it has no vote yet: its group brings it up to date
	// Damaged are the offsets whose bytes here are not what was written.
	Damaged []DamagedRange
}

// DamagedRange is from Base on, End not included.
type DamagedRange struct {
	Base, End int64
	// Everywhere says that no other replica could give good bytes when it was last
	// asked. Reads get KAFKA_STORAGE_ERROR as long as that is so.
	Everywhere bool
}

// MetadataResponse lists the cluster from one node's point of view.
type MetadataResponse struct {
	Cluster    uint64
	Node       env.NodeID
	Nodes      []NodeInfo
	Partitions []PartitionStatus
}

// ProposeResponse answers Propose.
type ProposeResponse struct {
	Err     Code
	Unknown bool // as in ProduceResponse
	Index   uint64
	Result  machine.Result
	Leader  env.NodeID
}
