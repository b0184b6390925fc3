package checker

// Meta says where a history comes from.
type Meta struct {
	// Source is free text: "simulation", "live cluster at ...".
	Source   string `json:"source,omitempty"`
	Seed     uint64 `json:"seed,omitempty"`
	Scenario string `json:"scenario,omitempty"`
	// Complete promises that the operations are all that ever wrote to the
	// partitions: a record that none of them produced is then a violation.
	Complete bool `json:"complete,omitempty"`
}

// Member is one voter of a group.
type Member struct {
	Replica uint64 `json:"replica"`
	Node    uint64 `json:"node"`
}

// Group is one raft group as the oracles must know it, or an unreplicated log.
type Group struct {
	ID        uint64 `json:"id"`
	Topic     string `json:"topic,omitempty"`
	Partition int32  `json:"partition,omitempty"`
	// MinISR is how many replicas an acknowledgement needs at least; 0: the one
	// named by each acknowledgement.
	MinISR int `json:"minIsr,omitempty"`
	// Unreplicated: one node has the only copy, without raft. Members is that one,
	// and the group's events are those of such a log (see env.EventKind).
	Unreplicated bool `json:"unreplicated,omitempty"`
	// Members are the voters. Empty: unknown, and nothing that needs a quorum
	// is checked.
	Members []Member `json:"members"`
}

// LogRecord is one record of the agreed log.
type LogRecord struct {
	Offset int64  `json:"offset"`
	Value  string `json:"value"`
}

// SegmentDigest digests one segment of a replica's log.
type SegmentDigest struct {
	Base  int64  `json:"base"`  // first offset
	Bytes int64  `json:"bytes"` // digested
	Sum   uint64 `json:"sum,string"`
}

// ReplicaDigest is the final state of one replica.
type ReplicaDigest struct {
	Node         uint64          `json:"node"`
	Replica      uint64          `json:"replica"`
	AppliedIndex uint64          `json:"appliedIndex"`
	Fingerprint  uint64          `json:"fingerprint,string"`
	StartOffset  int64           `json:"startOffset,omitempty"`
	Segments     []SegmentDigest `json:"segments,omitempty"` // by growing base
}

// LogRetention is what lets go of a log's oldest records beside DeleteRecords
// operations. The zero value: nothing does.
type LogRetention struct {
	Bytes int64 `json:"bytes,omitempty"` // whole segments go, and so many bytes stay; 0: not by size
	Ms    int64 `json:"ms,omitempty"`    // what is older goes, in milliseconds; 0: not by time
}

// OffsetRange is the offsets from Base on and below End.
type OffsetRange struct {
	Base int64 `json:"base"`
	End  int64 `json:"end"`
}

// Log is what a partition holds in the end: the agreed log, and how far each
// replica's copy of it goes.
type Log struct {
	Topic       string `json:"topic"`
	Partition   int32  `json:"partition"`
	StartOffset int64  `json:"startOffset"`
	// TrimmedTo is the highest offset that a command of the log made it start at,
	// as Monitor.TrimmedTo tells. Nil: not known; then the events of the history
	// say it, and without any the start is taken as it is.
	TrimmedTo *int64 `json:"trimmedTo,omitempty"`
	// Retention is what the log is told to keep. Nil: not known; then nobody judges
	// whether too much is gone.
	Retention *LogRetention `json:"retention,omitempty"`
	// Unread are the offsets, from and to, that nobody can read any more, and that
	// the partition says so of; only an unreplicated one may have any. What stood
	// there is not held against it: that nobody was told anything else is judged.
	Unread   []OffsetRange   `json:"unread,omitempty"`
	Records  []LogRecord     `json:"-"` // a line each in the file
	Replicas []ReplicaDigest `json:"replicas,omitempty"`
}

// History is everything known about one run.
type History struct {
	Meta   Meta
	Groups []Group
	Ops    []Op
	// Events and Samples may be empty: a live cluster need not record them. A
	// run that was judged online need not keep them either.
	Events  []Event
	Samples []Sample
	Logs    []Log
}
