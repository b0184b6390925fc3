package engine

import (
	"errors"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/replica"
)

// log is what produce, fetch and list-offsets need of a state machine; package
// wal has it.
type log interface {
	EndOffset() int64
	StartOffset() int64
	Read(offset, limit int64, maxBytes int, done func(batches []byte, err error))
}

// partition is one replica hosted here and the requests that wait at it.
type partition struct {
	node    *Node
	spec    *Partition
	replica *replica.Replica
	log     log      // nil: the machine is no log
	fetches []*fetch // wait for records
	reading []*fetch // wait for the disk
}

func (n *Node) newPartition(spec *Partition, self env.ReplicaID) *partition {
	p := &partition{node: n, spec: spec}
	m := newMachine(&n.cfg, MachineSpec{
		Env: n.env, Tasks: &n.tasks, Partition: *spec, Dir: machineDir(spec.Group), Fail: n.fail,
	})
	p.log, _ = m.(log)
	p.replica = replica.New(replica.Config{
		Env: n.env, Host: n, Journal: n.journal, Machine: m,
		Group: spec.Group, Self: self, Genesis: members(spec), MinISR: spec.MinISR,
		ElectionTicks: n.cfg.ElectionTicks, Tick: n.cfg.Tick, ISRLag: n.cfg.ISRLag,
		MaxInflight: n.cfg.MaxInflight, MaxInflightByte: n.cfg.MaxInflightByte,
		MaxUncommitted: n.cfg.MaxUncommitted, MaxWaiters: n.cfg.MaxWaiters,
		CheckpointBytes: n.cfg.CheckpointBytes,
		SnapshotTimeout: n.cfg.SnapshotTimeout, Space: func() bool { return true },
	})
	return p
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

func (p *partition) leaderEpoch() int32 { return int32(p.replica.Term()) }

// codeOf translates a replica's error for a write.
func codeOf(err error) Code {
	switch {
	case err == nil:
		return None
	case errors.Is(err, replica.ErrNotLeader), errors.Is(err, replica.ErrNotReady):
		return NotLeaderOrFollower
	case errors.Is(err, replica.ErrNotEnoughReplicas):
		return NotEnoughReplicas
	case errors.Is(err, replica.ErrUnacknowledged):
		return NotEnoughReplicasAfterAppend
	case errors.Is(err, replica.ErrTimeout):
		return RequestTimedOut
	case errors.Is(err, replica.ErrOverloaded):
		return ThrottlingQuotaExceeded
	case errors.Is(err, replica.ErrFenced):
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
