package adapter

import (
	"time"
)

// Config is one node's configuration file. All nodes of a cluster agree in
// everything but node, data, listen, admin and log.
type Config struct {
	// Cluster is the cluster's id, any number but 0. It keeps clusters apart: a
	// data directory and a peer of another cluster are refused.
	Cluster uint64 `yaml:"cluster"`

	// Node is this node's id, one of nodes.
	Node uint64 `yaml:"node"`

	// Data is the data directory, relative to the configuration file.
	Data string `yaml:"data"`

	// Listen is host:port for peers and clients. Default: this node's address in
	// nodes.
	Listen string `yaml:"listen,omitempty"`

	// Admin is host:port of /healthz, /metrics and /status. Default: none.
	Admin string `yaml:"admin,omitempty"`

	// Log is the least severe level that is logged: debug, info, warn or error.
	// Default: info.
	Log string `yaml:"log,omitempty"`

	// Nodes are all nodes of the cluster.
	Nodes []NodeConfig `yaml:"nodes"`

	// Topics are all topics. Partitions are placed over the nodes in turn, in
	// the order given here; it is fixed when the nodes are formatted.
	Topics []TopicConfig `yaml:"topics"`

	// Tuning changes limits and times; most clusters need none of it.
	Tuning TuningConfig `yaml:"tuning,omitempty"`
}

// NodeConfig is one entry of nodes.
type NodeConfig struct {
	// ID is any number but 0. Ids are never given to another machine.
	ID uint64 `yaml:"id"`

	// Address is host:port under which peers and clients reach the node.
	Address string `yaml:"address"`
}

// TopicConfig is one entry of topics.
type TopicConfig struct {
	// Name has 1 to 249 letters, digits, dots, underscores and hyphens.
	Name string `yaml:"name"`

	// Partitions of the topic. Default: 1.
	Partitions int `yaml:"partitions,omitempty"`

	// Replicas of each partition, on as many nodes. Default: 3, or all nodes if
	// there are fewer.
	Replicas int `yaml:"replicas,omitempty"`

	// MinISR is how many in-sync replicas a record must be durable on before it
	// is acknowledged. Default: the majority of replicas.
	MinISR int `yaml:"minISR,omitempty"`

	// Unreplicated partitions have one copy and no raft group: what its disk loses is
	// lost. It needs replicas 1, which is the default then; fixed at format.
	Unreplicated bool `yaml:"unreplicated,omitempty"`

	// RetentionBytes of each partition are kept at least; fixed at format. Default:
	// 0, for ever.
	RetentionBytes int64 `yaml:"retentionBytes,omitempty"`

	// Retention is how long records are kept at least, by their timestamps; fixed at
	// format. Default: 0, for ever.
	Retention Duration `yaml:"retention,omitempty"`
}

// TuningConfig holds the limits. Zero is the default, which stands with each.
type TuningConfig struct {
	// Tick is raft's unit of time; equal on all nodes. Default: 50ms.
	Tick Duration `yaml:"tick,omitempty"`

	// ElectionTicks without a leader start an election. Default: 10.
	ElectionTicks int `yaml:"electionTicks,omitempty"`

	// ISRLag is how long a follower may lag before it leaves the in-sync set.
	// Default: 10s.
	ISRLag Duration `yaml:"isrLag,omitempty"`

	// ProduceTimeout ends the wait for an acknowledgement if the client names no
	// time. Default: 30s.
	ProduceTimeout Duration `yaml:"produceTimeout,omitempty"`

	// MaxBatchBytes is the largest record batch; equal on all nodes. Default:
	// 1 MiB.
	MaxBatchBytes int `yaml:"maxBatchBytes,omitempty"`

	// MaxFetchBytes is the largest answer to a fetch, one batch excepted.
	// Default: 4 MiB.
	MaxFetchBytes int `yaml:"maxFetchBytes,omitempty"`

	// MaxWaiters is how many requests may wait per partition. Default: 10000.
	MaxWaiters int `yaml:"maxWaiters,omitempty"`

	// CheckpointBytes are applied between two checkpoints. Default: 64 MiB.
	CheckpointBytes int64 `yaml:"checkpointBytes,omitempty"`

	// CheckpointFiles is how many journal files may wait for one partition's
	// checkpoint before it is made to write one. Default: 4.
	CheckpointFiles int `yaml:"checkpointFiles,omitempty"`

	// SegmentBytes is the size of a log's segment files; fixed at format, equal
	// on all nodes. Default: 64 MiB.
	SegmentBytes int64 `yaml:"segmentBytes,omitempty"`

	// JournalFileBytes is the size of a journal file. Default: the engine's.
	JournalFileBytes int64 `yaml:"journalFileBytes,omitempty"`

	// LogTailBytes of each log are kept in memory for readers. Default: 4 MiB.
	LogTailBytes int `yaml:"logTailBytes,omitempty"`
	// LogTailsBytes of all logs together are. Beyond it the log used longest ago gives
	// up its own. Default: 256 MiB.
	LogTailsBytes int64 `yaml:"logTailsBytes,omitempty"`
	// RequestBytes of batches may be produced at once, those that wait for their
	// acknowledgement included. Beyond it produces are throttled. Default: 256 MiB.
	RequestBytes int64 `yaml:"requestBytes,omitempty"`
	// AnswerBytes of answers to fetches may be on their way to clients. Beyond it
	// fetches are throttled. Default: 256 MiB.
	AnswerBytes int64 `yaml:"answerBytes,omitempty"`

	// ZeroBytes is how far the segment of an unreplicated partition is filled with
	// zeros ahead of its end, so that a sync finds the file's length unchanged; -1:
	// not at all. It is never more than a segment. Default: 4 MiB.
	ZeroBytes int64 `yaml:"zeroBytes,omitempty"`

	// JournalRetainBytes of the journal are kept for followers that are behind;
	// beyond it they get snapshots. Default: 512 MiB, or half of journalMaxBytes,
	// whichever is less.
	JournalRetainBytes int64 `yaml:"journalRetainBytes,omitempty"`

	// JournalMaxBytes is the largest journal. When checkpoints do not free enough of
	// it, produces are refused. A start reads all of it at worst. Default: 1 GiB.
	JournalMaxBytes int64 `yaml:"journalMaxBytes,omitempty"`

	// BacklogBytes may be applied and not be on the disk yet. Beyond it produces are
	// refused. Default: 256 MiB.
	BacklogBytes int64 `yaml:"backlogBytes,omitempty"`

	// FetchBytes may be read for fetches at once. Beyond it they are throttled.
	// Default: 64 MiB.
	FetchBytes int64 `yaml:"fetchBytes,omitempty"`

	// OutboxBytes may wait for each peer within one turn. Beyond it what can be asked
	// again is dropped. Default: 64 MiB.
	OutboxBytes int `yaml:"outboxBytes,omitempty"`

	// MaxOpenFiles of logs are open at once. Beyond it the longest unused is closed.
	// Default: 512.
	MaxOpenFiles int `yaml:"maxOpenFiles,omitempty"`

	// IdleClose is how long an unused file stays open. Default: 10s.
	IdleClose Duration `yaml:"idleClose,omitempty"`

	// ShipSendBytes a second are sent of files that other nodes need, and
	// ShipReceiveBytes a second are fetched. Default: 64 MiB each.
	ShipSendBytes    int64 `yaml:"shipSendBytes,omitempty"`
	ShipReceiveBytes int64 `yaml:"shipReceiveBytes,omitempty"`

	// StageBytes is the largest snapshot that is taken. Default: 0, no limit.
	StageBytes int64 `yaml:"stageBytes,omitempty"`

	// ScrubBytes a second are read to verify what is on the disk; -1: none. Default:
	// 8 MiB.
	ScrubBytes int64 `yaml:"scrubBytes,omitempty"`

	// ScrubEvery is the least time between two passes' beginnings. Default: 1h.
	ScrubEvery Duration `yaml:"scrubEvery,omitempty"`

	// RetentionEvery is how often leaders look at what may go. Default: 30s.
	RetentionEvery Duration `yaml:"retentionEvery,omitempty"`

	// SendQueueBytes may wait in each of the three queues toward each peer.
	// Default: 16 MiB.
	SendQueueBytes int `yaml:"sendQueueBytes,omitempty"`
}

// Duration is a time.Duration written as "50ms" or "10s".
type Duration time.Duration

// UnmarshalText reads "50ms".
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return err
	}
	*d = Duration(v)
	return nil
}

// MarshalText writes "50ms".
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }
