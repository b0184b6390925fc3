package cluster

import (
	"encoding/json"
	"time"
)

// Version is the schedule format this package reads and writes.
const Version = 1

// Schedule is everything that shapes a run. The same schedule in the same
// binary gives the same run, bit for bit. A knob that is left 0 takes the
// default that Defaults documents; times are virtual nanoseconds.
type Schedule struct {
	Version  int    `json:"version"`
	Seed     uint64 `json:"seed"` // of all residual randomness: latencies, losses, think times
	Scenario string `json:"scenario"`

	Nodes       int `json:"nodes"`       // 1 to 9
	Partitions  int `json:"partitions"`  // 1 to 1000, of one topic
	Replication int `json:"replication"` // 1 to Nodes
	MinISR      int `json:"minISR"`      // 1 to Replication

	// Unreplicated is how many further partitions the topic has that have one copy
	// and no raft group: the first one on node 1, and so on. 0 to 100. Their groups
	// are those after the others.
	Unreplicated int `json:"unreplicated,omitempty"`

	DurationNs int64 `json:"durationNs"` // of the first phase: load under faults
	HealNs     int64 `json:"healNs"`     // budget of the second, and of the third: see the package comment

	// Heal says what the second phase heals: HealAll, which "" is too, or
	// HealQuorum, nodes that hold a quorum of every group, while the rest breaks.
	Heal string `json:"heal,omitempty"`

	// Beyond lets disk damage go beyond what the protocol promises to survive.
	Beyond bool `json:"beyond,omitempty"`

	Network  Network      `json:"network"`
	Disk     Disk         `json:"disk"`
	Clock    Clock        `json:"clock"`
	Engine   Engine       `json:"engine"`
	Workload WorkloadSpec `json:"workload"`
	Faults   []Fault      `json:"faults"`
}

// What a schedule's second phase heals.
const (
	HealAll    = "all"
	HealQuorum = "quorum"
)

// Network shapes every link until a fault changes it. Chances are parts per
// million of messages.
type Network struct {
	BaseNs       int64  `json:"baseNs,omitempty"`       // shortest one-way delay; 50 us to 20 ms
	JitterNs     int64  `json:"jitterNs,omitempty"`     // uniform, added; up to 10 ms
	TailNs       int64  `json:"tailNs,omitempty"`       // scale of the rare long delay; up to 200 ms
	TailPPM      uint64 `json:"tailPPM,omitempty"`      // up to 20,000
	LossPPM      uint64 `json:"lossPPM,omitempty"`      // up to 20,000
	DuplicatePPM uint64 `json:"duplicatePPM,omitempty"` // up to 20,000
	ReorderPPM   uint64 `json:"reorderPPM,omitempty"`   // up to 50,000
	ReorderNs    int64  `json:"reorderNs,omitempty"`    // how far one may fall behind; up to 100 ms
	CorruptPPM   uint64 `json:"corruptPPM,omitempty"`   // up to 2,000

	BytesPerSecond int64 `json:"bytesPerSecond,omitempty"` // of each link; 1 MB to 1 GB
	QueueBytes     int64 `json:"queueBytes,omitempty"`     // of each lane that may wait for a link; 64 KiB to 16 MiB
}

// Disk shapes every node's disk.
type Disk struct {
	WriteNs  int64  `json:"writeNs,omitempty"`  // least time of a write, read or directory operation; 5 us to 1 ms
	SyncNs   int64  `json:"syncNs,omitempty"`   // least time of a sync; 100 us to 10 ms
	JitterNs int64  `json:"jitterNs,omitempty"` // uniform, added to each; up to 5 ms
	TailNs   int64  `json:"tailNs,omitempty"`   // scale of the rare long operation; up to 100 ms
	TailPPM  uint64 `json:"tailPPM,omitempty"`  // parts per million; up to 20,000
}

// Clock shapes the nodes' clocks.
type Clock struct {
	WallSpreadNs int64 `json:"wallSpreadNs,omitempty"` // wall clocks are off by up to this, either way; up to 10 s
	DriftPPM     int64 `json:"driftPPM,omitempty"`     // monotonic clocks run fast or slow by up to this; up to 500
}

// Engine holds the engine's knobs; 0 is the engine's own default, except where
// Defaults says otherwise.
type Engine struct {
	JournalFileBytes   int64 `json:"journalFileBytes,omitempty"`
	JournalSpares      int   `json:"journalSpares,omitempty"`
	JournalWindowBytes int64 `json:"journalWindowBytes,omitempty"`
	SegmentBytes       int64 `json:"segmentBytes,omitempty"`
	IndexIntervalBytes int64 `json:"indexIntervalBytes,omitempty"`
	MaxBatchBytes      int64 `json:"maxBatchBytes,omitempty"`
	CheckpointBytes    int64 `json:"checkpointBytes,omitempty"`
	LogTailBytes       int   `json:"logTailBytes,omitempty"`
	ISRLagNs           int64 `json:"isrLagNs,omitempty"`
	// JournalRetainBytes is what a journal keeps for slow followers beyond what its
	// checkpoints cover; who is behind it gets a snapshot. 32 KiB to 512 KiB.
	JournalRetainBytes int64 `json:"journalRetainBytes,omitempty"`
	// JournalMaxBytes bounds a journal's files without its spares; near it no records
	// are taken. 8 to 32 files.
	JournalMaxBytes int64 `json:"journalMaxBytes,omitempty"`
	// ChunkBytes of a file that is fetched from another node; 512 B to 16 KiB.
	ChunkBytes int64 `json:"chunkBytes,omitempty"`
	// StageSyncBytes is after how many bytes of such a file the progress is made
	// durable; 1 to 64 KiB.
	StageSyncBytes int64 `json:"stageSyncBytes,omitempty"`
	// ShipBytesPerSecond is what a node sends, and what it fetches, of such files.
	ShipBytesPerSecond int64 `json:"shipBytesPerSecond,omitempty"`
	// ScrubBytesPerSecond is what a node reads of its own files to verify them, each
	// 2 s anew; 0 is never.
	ScrubBytesPerSecond int64 `json:"scrubBytesPerSecond,omitempty"`
	// RetentionBytes and RetentionNs bound each log; 0 is for ever.
	RetentionBytes int64 `json:"retentionBytes,omitempty"`
	RetentionNs    int64 `json:"retentionNs,omitempty"`
	// MaxOpenFiles of a node's logs; 8 to 64.
	MaxOpenFiles int `json:"maxOpenFiles,omitempty"`
	// TurnNs is how long a node's loop gathers events before it runs what they
	// posted: a busy loop's turn. 0 is a turn for each event; up to 20 ms.
	TurnNs int64 `json:"turnNs,omitempty"`
	// RestartNs is the supervisor's: how long after a node stopped itself it is
	// started again.
	RestartNs int64 `json:"restartNs,omitempty"`
}

// WorkloadSpec is the load. Rates are of all clients together.
type WorkloadSpec struct {
	Clients           int   `json:"clients"`
	ProducesPerMinute int64 `json:"producesPerMinute"`
	FetchesPerMinute  int64 `json:"fetchesPerMinute"`
	ListsPerMinute    int64 `json:"listsPerMinute"`
	// DeletesPerMinute are requests that a log begin later, its older records be gone.
	DeletesPerMinute int64 `json:"deletesPerMinute,omitempty"`
	// LinearizablePPM is the share of fetches that ask for linearizability.
	LinearizablePPM uint64 `json:"linearizablePPM,omitempty"`
	ValueBytes      int    `json:"valueBytes"`           // 16 to 64 KiB
	MaxRecords      int    `json:"maxRecords,omitempty"` // records of a batch: 1 to this; default 1
	FetchBytes      int    `json:"fetchBytes,omitempty"` // largest fetch answer; default 16 KiB

	AttemptTimeoutNs int64 `json:"attemptTimeoutNs,omitempty"` // 200 ms to 5 s; default 1 s
	DeadlineNs       int64 `json:"deadlineNs,omitempty"`       // of an operation; default 10 s
	RetryUnknown     bool  `json:"retryUnknown,omitempty"`     // produce again after an unknown attempt: may duplicate
}

// rate is of all operations together, a minute.
func (w *WorkloadSpec) rate() int64 {
	return w.ProducesPerMinute + w.FetchesPerMinute + w.ListsPerMinute + w.DeletesPerMinute
}

// Defaults returns a schedule of three healthy nodes with one partition under
// the load of reference workload R1, without faults.
func Defaults(seed uint64) Schedule {
	return Schedule{
		Version: Version, Seed: seed, Scenario: "none",
		Nodes: 3, Partitions: 1, Replication: 3, MinISR: 2,
		DurationNs: int64(60 * time.Second), HealNs: int64(30 * time.Second),
		Network: Network{
			BaseNs: int64(200 * time.Microsecond), JitterNs: int64(300 * time.Microsecond),
			TailNs: int64(10 * time.Millisecond), TailPPM: 2000,
		},
		Disk: Disk{
			WriteNs: int64(20 * time.Microsecond), SyncNs: int64(200 * time.Microsecond),
			JitterNs: int64(200 * time.Microsecond), TailNs: int64(10 * time.Millisecond), TailPPM: 2000,
		},
		Clock: Clock{WallSpreadNs: int64(time.Second), DriftPPM: 100},
		Engine: Engine{
			JournalFileBytes: 256 << 10, SegmentBytes: 64 << 10, IndexIntervalBytes: 1 << 10,
			MaxBatchBytes: 64 << 10, CheckpointBytes: 32 << 10, LogTailBytes: 32 << 10,
			ISRLagNs: int64(2 * time.Second), RestartNs: int64(time.Second),
		},
		Workload: WorkloadSpec{
			Clients: 10, ProducesPerMinute: 300, FetchesPerMinute: 240, ListsPerMinute: 60,
			LinearizablePPM: 300_000, ValueBytes: 100, MaxRecords: 1, FetchBytes: 16 << 10,
			AttemptTimeoutNs: int64(time.Second), DeadlineNs: int64(10 * time.Second),
		},
		Faults: []Fault{},
	}
}

// JSON renders the schedule, indented, ending in a newline.
func (s Schedule) JSON() []byte {
	if s.Faults == nil {
		s.Faults = []Fault{}
	}
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		panic("cluster: a schedule is plain data: " + err.Error())
	}
	return append(b, '\n')
}

// fill replaces knobs that are 0 and have a default.
func (s *Schedule) fill() {
	d := Defaults(s.Seed)
	fill(&s.Engine.ISRLagNs, d.Engine.ISRLagNs)
	fill(&s.Engine.RestartNs, d.Engine.RestartNs)
	fill(&s.Engine.MaxBatchBytes, d.Engine.MaxBatchBytes)
	fill(&s.Workload.MaxRecords, d.Workload.MaxRecords)
	fill(&s.Workload.FetchBytes, d.Workload.FetchBytes)
	fill(&s.Workload.AttemptTimeoutNs, d.Workload.AttemptTimeoutNs)
	fill(&s.Workload.DeadlineNs, d.Workload.DeadlineNs)
}

func fill[T comparable](field *T, def T) {
	var zero T
	if *field == zero {
		*field = def
	}
}
