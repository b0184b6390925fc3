package replica

import (
	"errors"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
	"github.com/lockstep-log/lockstep/engine/machine"
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
)

// Member is one replica of the group and its node.
type Member struct {
	ID   env.ReplicaID
	Node env.NodeID
}

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
}

// Config of a replica; all fields are required. Limits as in engine.Config.
type Config struct {
	Env     env.Env
	Host    Host
	Journal *journal.Journal
	Machine machine.StateMachine

	Group   env.GroupID
	Self    env.ReplicaID
	Members []Member // sorted by id, with Self
	MinISR  int

	ElectionTicks   int
	Tick            time.Duration
	ISRLag          time.Duration
	MaxInflight     int
	MaxInflightByte uint64
	MaxUncommitted  uint64
	MaxWaiters      int
	CheckpointBytes int64
}

func (c *Config) node(id env.ReplicaID) env.NodeID {
	for _, m := range c.Members {
		if m.ID == id {
			return m.Node
		}
	}
	return 0
}
