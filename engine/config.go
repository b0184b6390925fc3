package engine

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/ship"
	"github.com/lockstep-log/lockstep/engine/wal"
)

// NodeInfo names a node and where clients and peers reach it.
type NodeInfo struct {
	ID      env.NodeID
	Address string
}

// ReplicaInfo places one replica.
type ReplicaInfo struct {
	Node env.NodeID
	ID   env.ReplicaID
}

// Partition is one raft group and its log.
type Partition struct {
	Group     env.GroupID
	Topic     string
	Partition int32
	MinISR    int
	// Replicas are those that the group begins with. Later the nodes stay, and the
	// group itself decides on the ids.
	Replicas []ReplicaInfo
	// Retention of the log, of new logs, fixed at format: bytes kept, and how long a
	// record is kept, in milliseconds by its timestamp. 0 is for ever.
	RetentionBytes int64
	RetentionMs    int64
	// Unreplicated says that the partition has one replica and no raft group: see
	// package direct. Fixed at format.
	Unreplicated bool
}

// Topology is the static list of nodes and partitions of a cluster.
type Topology struct {
	Nodes      []NodeInfo
	Partitions []Partition
}

// MachineSpec is what a state machine is made from.
type MachineSpec struct {
	Env       env.Env
	Tasks     *env.Tasks
	Partition Partition
	Dir       string      // its own directory on the disk
	Fail      func(error) // a failed write or sync: stops the node
}

// Config of a node. Fields without a comment on their default have none.
type Config struct {
	Cluster  uint64 // cluster id, not 0
	Node     env.NodeID
	Topology Topology

	Tick          time.Duration // raft tick; default 50 ms, equal on all nodes
	ElectionTicks int           // default 10
	ISRLag        time.Duration // a follower not caught up for so long leaves the ISR; default 10 s

	MaxBatchBytes   int           // largest record batch; default 1 MiB
	MaxFetchBytes   int           // largest fetch answer, one batch excepted; default 4 MiB
	MaxWaiters      int           // requests that wait, per partition; default 10,000
	ProduceTimeout  time.Duration // default deadline of a produce; default 30 s
	MaxInflight     int           // append messages in flight to one follower; default 256
	MaxInflightByte uint64        // bytes in flight to one follower; default 8 MiB
	MaxUncommitted  uint64        // bytes of a leader's uncommitted tail; default 64 MiB

	CheckpointBytes int64         // applied bytes between two checkpoints; default 64 MiB
	SnapshotTimeout time.Duration // a snapshot without progress for so long is given up; default 10 s
	CheckpointFiles int           // a group that alone keeps more journal files is checkpointed; default 4

	// CheckpointsAtOnce bounds those that run for the sake of the journal. Default 4.
	CheckpointsAtOnce int
	// OutboxBytes is how much the messages of one turn may have toward one peer.
	// Beyond it files for others are dropped, then appends: both are asked again.
	// Default 64 MiB.
	OutboxBytes int
	// FetchBytes is how much fetches may be reading from the disk at once, by what
	// they asked for. Beyond it they get THROTTLING_QUOTA_EXCEEDED. Default 64 MiB;
	// simulated as it is.
	FetchBytes int64
	// BacklogBytes is how much of what was applied the disk may owe, all logs of the
	// node together. Beyond it there is no space: see Space. Default 256 MiB.
	BacklogBytes int64
	// MaxOpenFiles bounds the open files of all logs. Beyond it the least recently
	// used is closed, and what needs one waits. Default 512; simulated 8 to 64.
	MaxOpenFiles int
	// IdleClose is how long a log's file stays open unused. Default 10 s.
	IdleClose time.Duration

	// Ship are the limits of what is sent to and fetched from other nodes.
	Ship ship.Config
	// LostEvery is how often a node asks for a replica of its to be replaced.
	// Default 1 s.
	LostEvery time.Duration
	// RepairEvery is how often a file that no other replica could give is asked for
	// again. Default 1 min; simulated 1 to 5 s.
	RepairEvery time.Duration
	// RetentionEvery is how often leaders look at what may go. Default 30 s;
	// simulated 1 to 5 s.
	RetentionEvery time.Duration
	// ScrubBytes is how many bytes a second the node reads of its own files to verify
	// them. 0: never. Default 8 MiB; simulated 0 to 256 KiB.
	ScrubBytes int64
	// ScrubEvery is the least time from the beginning of one pass over all files to
	// the next. Default 1 h; simulated 1 s to 1 min.
	ScrubEvery time.Duration

	Journal      journal.Config
	Log          wal.Settings // of new logs, fixed at format
	LogTailBytes int          // in-memory tail of each log; default 4 MiB
	// LogTailsBytes is what the tails of all logs of the node may hold together, at
	// least LogTailBytes. Beyond it the log whose tail was used longest ago gives up its
	// own: readers of it go to the disk. Default 256 MiB; simulated two tails.
	LogTailsBytes int64
	// ZeroBytes is how far an unreplicated log fills its segment with zeros ahead of
	// what is written. Default 4 MiB; simulated 0 to a segment.
	ZeroBytes int64

	// NewMachine makes the state machine of a partition; nil means the log.
	NewMachine func(MachineSpec) machine.StateMachine
}

// DefaultConfig returns a configuration with every default set; cluster, node
// and topology are the caller's.
func DefaultConfig() Config {
	return Config{
		Tick: 50 * time.Millisecond, ElectionTicks: 10, ISRLag: 10 * time.Second,
		MaxBatchBytes: 1 << 20, MaxFetchBytes: 4 << 20, MaxWaiters: 10_000,
		ProduceTimeout: 30 * time.Second,
		MaxInflight:    256, MaxInflightByte: 8 << 20, MaxUncommitted: 64 << 20,
		CheckpointBytes: 64 << 20, CheckpointFiles: 4, SnapshotTimeout: 10 * time.Second,
		CheckpointsAtOnce: 4, OutboxBytes: 64 << 20, FetchBytes: 64 << 20, BacklogBytes: 256 << 20,
		MaxOpenFiles: 512, IdleClose: 10 * time.Second,
		LostEvery: time.Second, RepairEvery: time.Minute, RetentionEvery: 30 * time.Second,
		ScrubBytes: 8 << 20, ScrubEvery: time.Hour,
		Journal:      journal.DefaultConfig(),
		Log:          wal.Settings{SegmentBytes: 64 << 20, IndexIntervalBytes: 4 << 10, MaxBatchBytes: 1 << 20},
		LogTailBytes: 4 << 20, LogTailsBytes: 256 << 20,
		ZeroBytes: 4 << 20,
	}
}

// ErrConfig marks every error of Config.Validate.
var ErrConfig = errors.New("engine: bad configuration")

// Validate checks the configuration; its errors name the field.
func (c *Config) Validate() error {
	switch {
	case c.Cluster == 0:
		return fmt.Errorf("%w: Cluster is 0; choose a cluster id", ErrConfig)
	case c.Node == 0:
		return fmt.Errorf("%w: Node is 0; node ids start at 1", ErrConfig)
	case c.Tick <= 0 || c.ElectionTicks < 2:
		return fmt.Errorf("%w: Tick %v, ElectionTicks %d; need more than 0 and at least 2", ErrConfig, c.Tick, c.ElectionTicks)
	case c.ISRLag < c.Tick:
		return fmt.Errorf("%w: ISRLag %v is shorter than a tick (%v)", ErrConfig, c.ISRLag, c.Tick)
	case c.MaxBatchBytes <= 0 || int64(c.MaxBatchBytes) > int64(math.MaxInt32):
		return fmt.Errorf("%w: MaxBatchBytes %d; need 1 to %d", ErrConfig, c.MaxBatchBytes, math.MaxInt32)
	case c.MaxBatchBytes+entryOverhead > c.Journal.MaxBatchBytes:
		return fmt.Errorf("%w: MaxBatchBytes %d does not fit Journal.MaxBatchBytes %d", ErrConfig, c.MaxBatchBytes, c.Journal.MaxBatchBytes)
	case int64(c.MaxBatchBytes) > c.Log.MaxBatchBytes:
		return fmt.Errorf("%w: MaxBatchBytes %d is more than new logs take, Log.MaxBatchBytes %d", ErrConfig, c.MaxBatchBytes, c.Log.MaxBatchBytes)
	case c.MaxInflightByte < maxFrameBytes:
		return fmt.Errorf("%w: MaxInflightByte %d is less than one message, %d", ErrConfig, c.MaxInflightByte, maxFrameBytes)
	case c.CheckpointsAtOnce < 1:
		return fmt.Errorf("%w: CheckpointsAtOnce %d; need at least 1", ErrConfig, c.CheckpointsAtOnce)
	case c.CheckpointFiles < 1:
		return fmt.Errorf("%w: CheckpointFiles %d; need at least 1", ErrConfig, c.CheckpointFiles)
	case c.MaxWaiters <= 0 || c.MaxInflight <= 0 || c.MaxUncommitted == 0 || c.CheckpointBytes <= 0 || c.MaxFetchBytes <= 0:
		return fmt.Errorf("%w: a limit is 0; every limit must be set", ErrConfig)
	}
	if err := c.validateStorage(); err != nil {
		return err
	}
	if err := c.Journal.Validate(); err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if err := c.Log.Validate(); err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return c.Topology.validate(c.Node)
}

// validateStorage checks what bounds and looks after the disk.
func (c *Config) validateStorage() error {
	switch {
	case c.OutboxBytes <= 0 || c.FetchBytes <= 0 || c.BacklogBytes <= 0 || c.MaxOpenFiles <= 0:
		return fmt.Errorf("%w: OutboxBytes, FetchBytes, BacklogBytes or MaxOpenFiles is 0; every limit must be set", ErrConfig)
	case c.SnapshotTimeout <= 0 || c.IdleClose <= 0 || c.LostEvery <= 0 || c.RepairEvery <= 0 || c.RetentionEvery <= 0:
		return fmt.Errorf("%w: SnapshotTimeout, IdleClose, LostEvery, RepairEvery or RetentionEvery is 0; every time must be set", ErrConfig)
	case c.LogTailsBytes < int64(c.LogTailBytes):
		return fmt.Errorf("%w: LogTailsBytes %d is less than one tail, LogTailBytes %d", ErrConfig, c.LogTailsBytes, c.LogTailBytes)
	case c.ZeroBytes < 0:
		return fmt.Errorf("%w: ZeroBytes %d; need 0 or more", ErrConfig, c.ZeroBytes)
	case c.ScrubBytes < 0 || c.ScrubBytes > 0 && c.ScrubEvery <= 0:
		return fmt.Errorf("%w: ScrubBytes %d, ScrubEvery %v; need 0 or more, and more than 0", ErrConfig, c.ScrubBytes, c.ScrubEvery)
	}
	if err := c.Ship.Validate(); err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return nil
}

// entryOverhead is what the journal and the command envelope add to a batch.
const entryOverhead = 1 << 10

func (t *Topology) validate(self env.NodeID) error {
	nodes := map[env.NodeID]bool{}
	for _, n := range t.Nodes {
		if n.ID == 0 || nodes[n.ID] {
			return fmt.Errorf("%w: node id %d is zero or listed twice", ErrConfig, n.ID)
		}
		nodes[n.ID] = true
	}
	if !nodes[self] {
		return fmt.Errorf("%w: node %d is not in the topology", ErrConfig, self)
	}
	groups, names := map[env.GroupID]bool{}, map[topicPartition]bool{}
	for _, p := range t.Partitions {
		if p.Group == 0 || groups[p.Group] {
			return fmt.Errorf("%w: %s/%d: group id %d is zero or used twice", ErrConfig, p.Topic, p.Partition, p.Group)
		}
		name := topicPartition{p.Topic, p.Partition}
		if names[name] {
			return fmt.Errorf("%w: %s/%d is listed twice", ErrConfig, p.Topic, p.Partition)
		}
		groups[p.Group], names[name] = true, true
		if err := p.validate(nodes); err != nil {
			return err
		}
	}
	return nil
}

func (p *Partition) validate(nodes map[env.NodeID]bool) error {
	if len(p.Replicas) == 0 || p.MinISR < 1 || p.MinISR > len(p.Replicas) {
		return fmt.Errorf("%w: %s/%d: min ISR %d with %d replicas; need 1 to the number of replicas", ErrConfig, p.Topic, p.Partition, p.MinISR, len(p.Replicas))
	}
	if p.Unreplicated && len(p.Replicas) != 1 {
		return fmt.Errorf("%w: %s/%d: unreplicated with %d replicas; need 1", ErrConfig, p.Topic, p.Partition, len(p.Replicas))
	}
	if p.RetentionBytes < 0 || p.RetentionMs < 0 {
		return fmt.Errorf("%w: %s/%d: retention of %d bytes, %d ms; need 0 or more", ErrConfig, p.Topic, p.Partition, p.RetentionBytes, p.RetentionMs)
	}
	var ids []env.ReplicaID
	var on []env.NodeID
	for _, r := range p.Replicas {
		if !nodes[r.Node] || r.ID == 0 || slices.Contains(ids, r.ID) || slices.Contains(on, r.Node) {
			return fmt.Errorf("%w: %s/%d: replica %d on node %d: unknown node, zero id, or listed twice", ErrConfig, p.Topic, p.Partition, r.ID, r.Node)
		}
		ids, on = append(ids, r.ID), append(on, r.Node)
	}
	return nil
}

// on returns the id of the partition's replica on a node, 0 if it has none.
func (p *Partition) on(node env.NodeID) env.ReplicaID {
	for _, r := range p.Replicas {
		if r.Node == node {
			return r.ID
		}
	}
	return 0
}
