package replica

import (
	"errors"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/membership"
	"github.com/lockstep-log/lockstep/engine/ship"
	"github.com/lockstep-log/lockstep/engine/wire"
)

// Errors that requests are answered with. Beside Outcome.Unknown false each
// says that the proposal was not and will not be written.
var (
	// ErrNotLeader: another replica leads, or none.
	ErrNotLeader = errors.New("replica: not the leader")
	// ErrNotReady: elected, but no entry of this term is committed yet.
	ErrNotReady = errors.New("replica: leader without a committed entry of its term")
	// ErrNotEnoughReplicas: the in-sync set in force is smaller than min ISR.
	ErrNotEnoughReplicas = errors.New("replica: fewer in-sync replicas than min ISR")
	// ErrUnacknowledged: written, but the acknowledgement rule was not met in time.
	ErrUnacknowledged = errors.New("replica: not acknowledged by enough replicas in time")
	// ErrTimeout: a read could not be confirmed in time.
	ErrTimeout = errors.New("replica: no quorum confirmed the read in time")
	// ErrOverloaded: a limit is reached; retry later.
	ErrOverloaded = errors.New("replica: overloaded")
	// ErrFenced: this replica serves no more.
	ErrFenced = errors.New("replica: fenced")
	// ErrStorage: the disk has no room; nothing more is written until it has.
	ErrStorage = errors.New("replica: the disk is full")
	// ErrRepairable marks damage outside of what the journal promises: the replica
	// may serve under the same id once the named files are whole again.
	ErrRepairable = errors.New("replica: damaged files, to be fetched from another replica")
)

// Host is the node as its replicas see it.
type Host interface {
	// Send queues a message for the frame that leaves at the end of the turn.
	Send(to env.NodeID, m wire.Message)
	// Wake asks for Flush at the end of the turn; it is asked once until then.
	Wake(r *Replica)
	// Applied tells that the applied index rose or the role changed.
	Applied(r *Replica)
	// Fenced tells that the replica fenced itself.
	Fenced(r *Replica, err error)
	// Stage fetches the files of a snapshot to this disk, asking the node from
	// first. done gets them verified and synced, or why not: once, on the loop, not
	// within the call. A later call for the same replica supersedes this one.
	Stage(r *Replica, ref ship.Ref, from env.NodeID, done func(*Staged, error))
	// StageProgress is how many bytes of it are here.
	StageProgress(r *Replica) int64
	// Offer makes a snapshot known to whoever ships its files, which stay
	// available until as many calls of Withdraw.
	Offer(r *Replica, m machine.Manifest) (ship.Ref, error)
	Withdraw(ref ship.Ref)
	// Reopen asks for the replica to be made anew from the disk once everything it
	// appended is durable: what a crash of this group alone would do.
	Reopen(r *Replica)
}

// Staged is a snapshot whose files are all on this disk.
type Staged struct {
	Manifest machine.Manifest
	Source   machine.Source
	Discard  func() // gives the room back; what is kept is used again by the next
}

// Config of a replica; all fields are required but Checkpointed. Limits as in
// engine.Config.
type Config struct {
	Checkpointed func(took time.Duration) // a checkpoint is durable; may be nil

	Env     env.Env
	Host    Host
	Journal *journal.Journal
	Machine machine.StateMachine

	Group   env.GroupID
	Self    env.ReplicaID
	Genesis []membership.Member // what the group began with
	MinISR  int
	Disk    uint64 // id of this node's disk
	Opens   uint64 // replicas of this group made before in this process

	ElectionTicks   int
	Tick            time.Duration
	ISRLag          time.Duration
	MaxInflight     int
	MaxInflightByte uint64
	MaxUncommitted  uint64
	MaxWaiters      int
	CheckpointBytes int64

	// Wish says where the members should be; nil: where they are.
	Wish func() Wish
	// SnapshotTimeout is how long a snapshot may make no progress.
	SnapshotTimeout time.Duration
	// Space tells whether the disk, and the journal, have room for so many bytes of
	// entries, beside small ones.
	Space func(bytes int64) bool
	// MaxMessageBytes is how many bytes of entries an append message carries, one
	// entry excepted. A journal that has anything to give back has room for it.
	MaxMessageBytes int64
	// Recycle gets back what Propose was given once nobody looks at it any more; may
	// be nil. What never got as far as raft is not given back.
	Recycle func(data []byte)
}
