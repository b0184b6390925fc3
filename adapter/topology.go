package adapter

import (
	"cmp"
	"slices"
	"time"

	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/env"
)

// frameSlack is what a frame may hold beside the largest batch: its own
// overhead, and the other messages that were packed before it.
const frameSlack = 4 << 20

// writeSlack is what an entry of the journal holds beside its batch, at most.
const writeSlack = 64 << 10

// Engine gives the engine's configuration. Ids follow from the order of topics
// and partitions, so all nodes agree on them.
func (c *Config) Engine() engine.Config {
	e := engine.DefaultConfig()
	e.Cluster, e.Node, e.Topology = c.Cluster, env.NodeID(c.Node), c.topology()
	t := &c.Tuning
	set(&e.Tick, time.Duration(t.Tick))
	set(&e.ElectionTicks, t.ElectionTicks)
	set(&e.ISRLag, time.Duration(t.ISRLag))
	set(&e.ProduceTimeout, time.Duration(t.ProduceTimeout))
	set(&e.MaxBatchBytes, t.MaxBatchBytes)
	set(&e.Log.MaxBatchBytes, int64(t.MaxBatchBytes))
	set(&e.MaxFetchBytes, t.MaxFetchBytes)
	set(&e.MaxWaiters, t.MaxWaiters)
	set(&e.CheckpointBytes, t.CheckpointBytes)
	set(&e.CheckpointFiles, t.CheckpointFiles)
	set(&e.Log.SegmentBytes, t.SegmentBytes)
	set(&e.Journal.FileBytes, t.JournalFileBytes)
	set(&e.LogTailBytes, t.LogTailBytes)
	set(&e.LogTailsBytes, t.LogTailsBytes)
	t.setStorage(&e)
	// A write of the journal must fit its file, and the largest batch the write.
	e.Journal.MaxBatchBytes = max(int(min(int64(e.Journal.MaxBatchBytes), e.Journal.FileBytes/4)), e.MaxBatchBytes+writeSlack)
	return e
}

// setStorage sets what bounds and looks after the disk.
func (t *TuningConfig) setStorage(e *engine.Config) {
	set(&e.Journal.MaxBytes, t.JournalMaxBytes)
	e.Journal.RetainBytes = min(e.Journal.RetainBytes, e.Journal.MaxBytes/2)
	set(&e.Journal.RetainBytes, t.JournalRetainBytes)
	set(&e.BacklogBytes, t.BacklogBytes)
	set(&e.FetchBytes, t.FetchBytes)
	set(&e.OutboxBytes, t.OutboxBytes)
	set(&e.MaxOpenFiles, t.MaxOpenFiles)
	set(&e.IdleClose, time.Duration(t.IdleClose))
	set(&e.Ship.SendBytes, t.ShipSendBytes)
	set(&e.Ship.ReceiveBytes, t.ShipReceiveBytes)
	set(&e.Ship.StageBytes, t.StageBytes)
	set(&e.ScrubEvery, time.Duration(t.ScrubEvery))
	set(&e.RetentionEvery, time.Duration(t.RetentionEvery))
	if set(&e.ZeroBytes, t.ZeroBytes); t.ZeroBytes < 0 {
		e.ZeroBytes = 0
	}
	if set(&e.ScrubBytes, t.ScrubBytes); t.ScrubBytes < 0 {
		e.ScrubBytes = 0
	}
}

// frameBytes is the largest frame between nodes.
func (c *Config) frameBytes() int { return c.Engine().MaxBatchBytes + frameSlack }

// set overrides a default by a value that was given.
func set[T comparable](field *T, value T) {
	var zero T
	if value != zero {
		*field = value
	}
}

// topology places the partitions: the first replica of each on the next node in
// turn, the others on the nodes after it.
func (c *Config) topology() engine.Topology {
	nodes := slices.SortedFunc(slices.Values(c.Nodes), func(a, b NodeConfig) int { return cmp.Compare(a.ID, b.ID) })
	var t engine.Topology
	for _, n := range nodes {
		t.Nodes = append(t.Nodes, engine.NodeInfo{ID: env.NodeID(n.ID), Address: n.Address})
	}
	for _, topic := range c.Topics {
		for i := range topic.Partitions {
			turn := len(t.Partitions)
			p := engine.Partition{
				Group: env.GroupID(turn + 1), Topic: topic.Name, Partition: int32(i), MinISR: topic.MinISR,
				Unreplicated:   topic.Unreplicated,
				RetentionBytes: topic.RetentionBytes, RetentionMs: time.Duration(topic.Retention).Milliseconds(),
			}
			for k := range topic.Replicas {
				node := nodes[(turn+k)%len(nodes)]
				p.Replicas = append(p.Replicas, engine.ReplicaInfo{Node: env.NodeID(node.ID), ID: env.ReplicaID(k + 1)})
			}
			t.Partitions = append(t.Partitions, p)
		}
	}
	return t
}
