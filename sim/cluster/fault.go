package cluster

// Fault is one thing done to the cluster: it begins at AtNs, counted from the
// start of the load, and is undone ForNs later, or when the second phase
// begins. Which of the other fields count depends on Kind.
type Fault struct {
	AtNs  int64  `json:"atNs"`
	ForNs int64  `json:"forNs,omitempty"`
	Kind  string `json:"kind"`

	// Nodes are the targets. If there are none, Role names who Group's members
	// are asked for when the fault begins.
	Nodes []uint64 `json:"nodes,omitempty"`
	Role  string   `json:"role,omitempty"`
	Group uint64   `json:"group,omitempty"` // for Role; 0 is the first group
	Count int      `json:"count,omitempty"` // how many nodes, for "leader" the leader and followers; 0 is one

	// On delays the beginning to the target's Nth next such event (0 is the
	// first): "write" (bytes were handed to the disk and no sync has covered
	// them), "start" (the target begins to recover), "sync" (a sync has ended),
	// "io" (any operation that changes the disk has ended), "recovery-io" (one of
	// a process that does not serve yet). The last three strike before the process
	// hears of the operation. DelayNs is added then.
	On      string `json:"on,omitempty"`
	Nth     int    `json:"nth,omitempty"`
	DelayNs int64  `json:"delayNs,omitempty"`

	// Mode of a power loss: "all", "prefix", "subset", "torn" or "any".
	Mode string `json:"mode,omitempty"`

	// Direction of a one-way cut as the targets see it: "in" or "out".
	Direction string `json:"direction,omitempty"`

	// Clients adds the clients' links to a partition: the targets cannot be
	// reached by clients either.
	Clients bool `json:"clients,omitempty"`

	// LatencyNs is added to each message of a degraded link, or to each
	// operation of a slow disk, or is what a wall clock jumps by.
	LatencyNs int64 `json:"latencyNs,omitempty"`

	// Parts per million of a degraded link's messages.
	LossPPM      uint64 `json:"lossPPM,omitempty"`
	DuplicatePPM uint64 `json:"duplicatePPM,omitempty"`
	ReorderPPM   uint64 `json:"reorderPPM,omitempty"`
	CorruptPPM   uint64 `json:"corruptPPM,omitempty"`

	// BytesPerSecond is what is left of a degraded link's or a throttled disk's
	// bandwidth, QueueBytes what of each lane may wait for such a link; 0 is no limit.
	BytesPerSecond int64 `json:"bytesPerSecond,omitempty"`
	QueueBytes     int64 `json:"queueBytes,omitempty"`

	// PeriodNs of a flapping partition: cut for half of it, whole for the other.
	PeriodNs int64 `json:"periodNs,omitempty"`

	// DriftPPM is how fast (or slow, negative) a drifting clock runs.
	DriftPPM int64 `json:"driftPPM,omitempty"`

	// Area is which files a disk's damage strikes: "journal", "journal-tail",
	// "segment", "index", "checkpoint" or "any"; Sectors how many sectors, 0 is one; Shift by how many
	// sectors a misdirected write misses its place, 0 is one.
	Area    string `json:"area,omitempty"`
	Sectors int    `json:"sectors,omitempty"`
	Shift   int64  `json:"shift,omitempty"`

	// Formatted: who lost their disks come back with new ones that an operator has
	// formatted. Without it nobody does before the second phase.
	Formatted bool `json:"formatted,omitempty"`
}

// The kinds of faults.
const (
	// Crash ends the process; the operating system lives: written bytes stay
	// readable, connections close. Undone by a restart.
	Crash = "crash"
	// PowerLoss ends the machine: unsynced bytes suffer Mode, peers hear nothing.
	PowerLoss = "power-loss"
	// Stop asks the process for a clean stop, then starts it again.
	Stop = "stop"
	// Pause stops the process' loop; everything that fires waits.
	Pause = "pause"
	// Partition cuts the targets from all other nodes, both ways.
	Partition = "partition"
	// OneWay cuts one direction between the targets and all other nodes.
	OneWay = "one-way"
	// ClientCut cuts the targets from all clients.
	ClientCut = "client-cut"
	// Degrade worsens all links of the targets to other nodes.
	Degrade = "degrade"
	// Ring lets each target reach its two neighbours among the targets alone;
	// with a Direction only the one after it ("out") or before it ("in").
	Ring = "ring"
	// Bridge splits the other nodes into two halves that only the targets reach.
	Bridge = "bridge"
	// Flap is a partition that comes and goes every PeriodNs.
	Flap = "flap"
	// Reset breaks the targets' connections once: what is under way is lost.
	Reset = "reset"
	// Clog holds what the targets' links carry and then delivers it at once.
	Clog = "clog"
	// SlowDisk adds LatencyNs to each disk operation of the targets.
	SlowDisk = "slow-disk"
	// FailSync fails the targets' next sync, if one comes within ForNs. The node
	// stops itself; the supervisor starts it again.
	FailSync = "fail-sync"
	// SyncErrors fails all syncs of the targets.
	SyncErrors = "sync-errors"
	// ThrottleDisk leaves BytesPerSecond of the targets' disks' bandwidth.
	ThrottleDisk = "throttle-disk"
	// StallDisk lets no operation of the targets' disks end.
	StallDisk = "stall-disk"
	// FullDisk lets nothing grow on the targets' disks.
	FullDisk = "full-disk"
	// BadRead makes sectors of the targets' disks unreadable.
	BadRead = "bad-read"
	// Rot flips a bit in sectors at rest, for good.
	Rot = "rot"
	// MisdirectedWrite lets the targets' next write to Area land Shift sectors
	// away, for good; LostWrite lets it land nowhere.
	MisdirectedWrite = "misdirected-write"
	LostWrite        = "lost-write"
	// LostEntry takes the targets' power, and a file's name for good.
	LostEntry = "lost-entry"
	// LostDisk takes the targets' disks; they come back with empty ones.
	LostDisk = "lost-disk"
	// SwapDisks puts each target's disk into the next target.
	SwapDisks = "swap-disks"
	// WallJump moves the targets' wall clocks by LatencyNs, for good.
	WallJump = "wall-jump"
	// Drift lets the targets' clocks run fast or slow by DriftPPM.
	Drift = "drift"
	// Freeze lets the targets' clocks stand still.
	Freeze = "freeze"
)

// Roles, triggers and directions of a Fault.
const (
	RoleLeader      = "leader"
	RoleFollower    = "follower"
	RoleISRFollower = "isr-follower" // one that its leader has in the in-sync set
	RoleLongestLog  = "longest-log"  // of the members that are up
	RoleShortestLog = "shortest-log"
	RoleAll         = "all"
	OnWrite         = "write"
	OnStart         = "start"
	OnSync          = "sync"
	OnIO            = "io"
	OnRecoveryIO    = "recovery-io"
	DirectionIn     = "in"
	DirectionOut    = "out"
)

// Areas of a disk, for Fault.Area.
const (
	AreaAny        = "any"
	AreaJournal    = "journal"
	AreaTail       = "journal-tail" // its end, which no later batch proves to be durable; for BadRead alone
	AreaSegment    = "segment"
	AreaIndex      = "index"
	AreaCheckpoint = "checkpoint"
)

// kind is what the cluster does for one kind of fault. end undoes begin on the
// same targets; nil: there is nothing to undo.
type kind struct {
	begin func(c *Cluster, f *Fault, targets []*host)
	end   func(c *Cluster, f *Fault, targets []*host)
}

// kinds is the table of all faults. A new kind is a constant, a line here and
// its functions in fault_*.go.
var kinds map[string]kind

// init fills the table: what a fault does may in the end begin other faults,
// which a variable's initialiser must not depend on.
func init() {
	kinds = map[string]kind{
		Crash:     {begin: (*Cluster).beginCrash, end: (*Cluster).release},
		PowerLoss: {begin: (*Cluster).beginPowerLoss, end: (*Cluster).release},
		Stop:      {begin: (*Cluster).beginStop, end: (*Cluster).release},
		Pause:     {begin: (*Cluster).beginPause, end: (*Cluster).endPause},

		Partition: {begin: (*Cluster).beginPartition, end: (*Cluster).endPartition},
		OneWay:    {begin: (*Cluster).beginOneWay, end: (*Cluster).endOneWay},
		ClientCut: {begin: (*Cluster).beginClientCut, end: (*Cluster).endClientCut},
		Degrade:   {begin: (*Cluster).beginDegrade, end: (*Cluster).endDegrade},
		Ring:      {begin: (*Cluster).beginRing, end: (*Cluster).endRing},
		Bridge:    {begin: (*Cluster).beginBridge, end: (*Cluster).endBridge},
		Flap:      {begin: (*Cluster).beginFlap, end: (*Cluster).endFlap},
		Reset:     {begin: (*Cluster).beginReset},
		Clog:      {begin: (*Cluster).beginClog, end: (*Cluster).endClog},

		SlowDisk:     {begin: (*Cluster).beginSlowDisk, end: (*Cluster).endSlowDisk},
		ThrottleDisk: {begin: (*Cluster).beginThrottleDisk, end: (*Cluster).endThrottleDisk},
		StallDisk:    {begin: (*Cluster).beginStallDisk, end: (*Cluster).endStallDisk},
		FailSync:     {begin: (*Cluster).beginFailSync, end: (*Cluster).endFailSync},
		SyncErrors:   {begin: (*Cluster).beginSyncErrors, end: (*Cluster).endSyncErrors},
		FullDisk:     {begin: (*Cluster).beginFullDisk, end: (*Cluster).endFullDisk},
		SwapDisks:    {begin: (*Cluster).beginSwapDisks, end: (*Cluster).endSwapDisks},

		BadRead:          {begin: (*Cluster).beginBadRead},
		Rot:              {begin: (*Cluster).beginRot},
		MisdirectedWrite: {begin: (*Cluster).beginMisdirectedWrite, end: (*Cluster).endOrderedWrites},
		LostWrite:        {begin: (*Cluster).beginLostWrite, end: (*Cluster).endOrderedWrites},
		LostEntry:        {begin: (*Cluster).beginLostEntry, end: (*Cluster).release},
		LostDisk:         {begin: (*Cluster).beginLostDisk, end: (*Cluster).release},

		WallJump: {begin: (*Cluster).beginWallJump},
		Drift:    {begin: (*Cluster).beginDrift, end: (*Cluster).endDrift},
		Freeze:   {begin: (*Cluster).beginFreeze, end: (*Cluster).endFreeze},
	}
}
