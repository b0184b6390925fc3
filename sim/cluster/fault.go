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
	Role  string   `json:"role,omitempty"`  // "leader", "follower" or "all"
	Group uint64   `json:"group,omitempty"` // for Role; 0 is the first group
	Count int      `json:"count,omitempty"` // how many nodes, for "leader" the leader and followers; 0 is one

	// On delays the beginning to the target's next such event: "write" (bytes
	// were handed to the disk and no sync has covered them), "start" (the target
	// begins to recover). DelayNs is added then.
	On      string `json:"on,omitempty"`
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
	// SlowDisk adds LatencyNs to each disk operation of the targets.
	SlowDisk = "slow-disk"
	// FailSync fails the targets' next sync, if one comes within ForNs. The node
	// stops itself; the supervisor starts it again.
	FailSync = "fail-sync"
	// WallJump moves the targets' wall clocks by LatencyNs, for good.
	WallJump = "wall-jump"
)

// Roles, triggers and directions of a Fault.
const (
	RoleLeader   = "leader"
	RoleFollower = "follower"
	RoleAll      = "all"
	OnWrite      = "write"
	OnStart      = "start"
	DirectionIn  = "in"
	DirectionOut = "out"
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
		Crash:     {(*Cluster).beginCrash, (*Cluster).release},
		PowerLoss: {(*Cluster).beginPowerLoss, (*Cluster).release},
		Stop:      {(*Cluster).beginStop, (*Cluster).release},
		Pause:     {(*Cluster).beginPause, (*Cluster).endPause},
		Partition: {(*Cluster).beginPartition, (*Cluster).endPartition},
		OneWay:    {(*Cluster).beginOneWay, (*Cluster).endOneWay},
		ClientCut: {(*Cluster).beginClientCut, (*Cluster).endClientCut},
		Degrade:   {(*Cluster).beginDegrade, (*Cluster).endDegrade},
		SlowDisk:  {(*Cluster).beginSlowDisk, (*Cluster).endSlowDisk},
		FailSync:  {(*Cluster).beginFailSync, (*Cluster).endFailSync},
		WallJump:  {(*Cluster).beginWallJump, nil},
	}
}
