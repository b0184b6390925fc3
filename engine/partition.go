package engine

import (
	"errors"
	"time"

	"github.com/lockstep-log/lockstep/engine/direct"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/replica"
	"github.com/lockstep-log/lockstep/engine/wal"
)

// log is what produce, fetch and list-offsets need of a state machine; package
// wal has it.
type log interface {
	EndOffset() int64
	StartOffset() int64
	Read(offset, limit int64, maxBytes int, done func(batches []byte, err error))
}

// keeper is what the node needs of a log to look after it; package wal has it.
type keeper interface {
	Bad() []wal.BadFile
	Repair(t *env.Task, base int64, staged machine.Giver) error
	Reformat(t *env.Task, meta []byte, above uint64) error
	Scrub(t *env.Task, pace func(t *env.Task, bytes int64)) error
	TrimPoint(nowMs int64) (offset int64, why string)
	NoSpace() bool
	Backlog() int64
}

// Keeper is what a machine implements beside StateMachine to have its files scrubbed,
// repaired and made anew: see wal.Log for what each promises. A machine without
// any one of these looks after itself.
type Keeper = keeper

// State is what a replica is at, as far as its node knows.
type State string

// The states of a replica. Only StateServing and what a fenced one that waits
// for nobody is in may last.
const (
	StateOpening   State = "opening"
	StateServing   State = "serving"
	StateRepairing State = "repairing" // does not speak until files are fetched that it cannot begin without
	StateAsking    State = "asking"    // waits for its group to grant a fresh id
	StateAdopting  State = "adopting"  // comes back under it
	StateFenced    State = "fenced"    // serves no more in this process
)

// partition is one replica hosted here and the requests that wait at it.
type partition struct {
	node    *Node
	spec    *Partition
	replica *replica.Replica
	machine machine.StateMachine
	log     log    // nil: the machine is no log
	keeper  keeper // nil: the machine looks after itself
	opens   uint64 // replicas made of it in this process
	state   State
	why     error // why it does not serve

	direct *direct.Log // of an unreplicated partition, which has no replica and no machine

	fetches []*fetch // wait for records
	reading []*fetch // wait for the disk

	mending   keeper     // the log that is being repaired
	bad       []badRange // what is being repaired, by offset
	replacing bool
	// noCheckpoint: its log did not open for want of a good one.
	noCheckpoint bool
	asking       *asking // not nil while a grant is waited for
	trimming     bool
	hopeless     bool          // nothing to come back with, in this process
	freeing      time.Duration // when a full disk takes a trim again
	retried      bool          // what could not be read was tried again
	cleaned      bool          // nothing of an unfinished snapshot is left since
	stages       uint64        // snapshots that were begun to be staged
}

// build makes a machine and a replica of the group that know nothing yet.
func (p *partition) build(self env.ReplicaID) {
	n := p.node
	p.buildMachine(self)
	p.replica = replica.New(replica.Config{
		Checkpointed: n.checkpoints.took,
		Env:          n.env, Host: n, Journal: n.journal, Machine: p.machine,
		Group: p.spec.Group, Self: self, Genesis: members(p.spec), MinISR: p.spec.MinISR,
		Disk: n.journal.Disk(), Opens: p.opens,
		ElectionTicks: n.cfg.ElectionTicks, Tick: n.cfg.Tick, ISRLag: n.cfg.ISRLag,
		MaxInflight: n.cfg.MaxInflight, MaxInflightByte: n.cfg.MaxInflightByte,
		MaxUncommitted: n.cfg.MaxUncommitted, MaxWaiters: n.cfg.MaxWaiters,
		CheckpointBytes: n.cfg.CheckpointBytes,
		SnapshotTimeout: n.cfg.SnapshotTimeout, Space: n.hasSpace,
		MaxMessageBytes: min(maxFrameBytes, 2*n.cfg.Journal.FileBytes), Recycle: n.commands.give,
	})
	p.opens++
	p.state, p.why = StateOpening, nil
}

// buildMachine makes the machine alone. Its replica's id is 0 where it has none
// yet.
func (p *partition) buildMachine(self env.ReplicaID) {
	n := p.node
	p.machine = newMachine(&n.cfg, MachineSpec{
		Env: n.env, Tasks: &n.tasks, Partition: *p.spec, Dir: machineDir(p.spec.Group), Fail: n.fail,
	}, wal.Config{
		Replica: uint64(self), Pool: n.pool, Tails: n.tails,
		OnDamage: p.foundBad, OnRepaired: p.traceRepaired, OnTrim: p.traceTrim,
	})
	p.log, _ = p.machine.(log)
	p.keeper, _ = p.machine.(keeper)
}

// serves tells whether the replica's machine is open and its own.
func (p *partition) serves() bool {
	return p.state == StateServing && (p.direct != nil || p.replica.Fenced() == nil)
}

// trace adds who speaks to an event.
func (p *partition) trace(e env.Event) {
	e.Group, e.Replica = p.spec.Group, p.self()
	p.node.env.Tracer.Trace(e)
}

// find routes a request to the log of a partition hosted here.
func (n *Node) find(topic string, number int32) (*partition, Code) {
	spec := n.byName[topicPartition{topic, number}]
	if spec == nil {
		return nil, UnknownTopicOrPartition
	}
	if !n.Ready() {
		return nil, LeaderNotAvailable
	}
	p := n.byGroup[spec.Group]
	if spec.Unreplicated {
		p = n.directOf(spec.Group)
	}
	if p == nil {
		return nil, NotLeaderOrFollower
	}
	if p.log == nil {
		return nil, UnknownTopicOrPartition
	}
	return p, None
}

// epoch checks the leader epoch a request carries (KIP-320); -1 is unchecked.
func (p *partition) epoch(requested int32) Code {
	switch current := p.leaderEpoch(); {
	case requested < 0 || requested == current:
		return None
	case requested < current:
		return FencedLeaderEpoch
	default:
		return UnknownLeaderEpoch
	}
}

// codeOf translates a replica's error for a write.
func codeOf(err error) Code {
	switch {
	case err == nil:
		return None
	case errors.Is(err, replica.ErrNotLeader), errors.Is(err, replica.ErrNotReady):
		return NotLeaderOrFollower
	case errors.Is(err, direct.ErrClosed):
		return NotLeaderOrFollower
	case errors.Is(err, replica.ErrNotEnoughReplicas):
		return NotEnoughReplicas
	case errors.Is(err, replica.ErrUnacknowledged):
		return NotEnoughReplicasAfterAppend
	case errors.Is(err, replica.ErrTimeout), errors.Is(err, direct.ErrTimeout):
		return RequestTimedOut
	case errors.Is(err, replica.ErrOverloaded), errors.Is(err, direct.ErrOverloaded):
		return ThrottlingQuotaExceeded
	case errors.Is(err, replica.ErrFenced), errors.Is(err, replica.ErrStorage), errors.Is(err, env.ErrNoSpace):
		return KafkaStorageError
	default:
		return UnknownServerError
	}
}

// readCodeOf differs for a leader that has not committed in its term: it may
// not name an offset yet.
func readCodeOf(err error) Code {
	if errors.Is(err, replica.ErrNotReady) {
		return OffsetNotAvailable
	}
	return codeOf(err)
}

// orDefault replaces a duration that is not set.
func orDefault(d, otherwise time.Duration) time.Duration {
	if d <= 0 {
		return otherwise
	}
	return d
}
