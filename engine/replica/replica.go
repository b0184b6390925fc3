package replica

import (
	"fmt"
	"time"

	"go.etcd.io/raft/v3"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/membership"
)

// Replica is one member of a raft group. All methods run on the node's loop.
type Replica struct {
	cfg     Config
	env     env.Env
	summed  bool          // the tracer wants the checksums of entries
	rn      *raft.RawNode // nil before recovery and once fenced
	view    *journal.View
	machine machine.StateMachine
	log     logMachine // the machine, if it is a log

	role      env.Role
	leader    env.ReplicaID
	term      uint64
	commit    uint64
	lastIndex uint64
	applied   uint64
	readyTerm uint64 // the term of the last entry applied here

	toldCommit  uint64 // what the tracer was told last
	toldApplied uint64 // what Host.Applied was told last
	roleChanged bool   // and whether the role changed since

	members membership.State // after the last entry applied
	changes changes
	routes  []route // of replicas that are newer than members
	insync  insync
	queued  []*proposal // proposals of this turn
	bytes   uint64      // of their commands
	waiters waiters     // proposed, not answered
	reads   reads

	sendings sendings // snapshots on their way to others
	install  install  // the one on its way here

	toldRemoved time.Duration // when the next removed replica may be told
	leaving     bool          // removed, and perhaps needed yet
	askedToGo   time.Duration // when it asks again whether it is

	checkpointing bool
	checkpointDue bool          // one is wanted at the end of the turn
	sinceBytes    int64         // applied since the last checkpoint began
	retryAt       time.Duration // of one that had no room; 0: none

	campaigns int // planned so far: only the last one counts
	fenced    error
	awake     bool // Flush is asked for
	dead      bool
}

// logMachine is what a replica knows of a machine that is a log.
type logMachine interface {
	EndOffset() int64
	// Backlog is how many applied bytes the disk has not taken yet.
	Backlog() int64
}

// New makes a replica that does nothing until Recover has succeeded.
func New(cfg Config) *Replica {
	r := &Replica{
		cfg: cfg, env: cfg.Env, summed: env.Summed(cfg.Env.Tracer), view: cfg.Journal.View(cfg.Group), machine: cfg.Machine,
		members: membership.Genesis(cfg.Genesis),
	}
	r.log, _ = cfg.Machine.(logMachine)
	r.reads.sequence = cfg.Journal.Incarnation()<<32 | cfg.Opens<<20
	return r
}

// Group is the raft group's id.
func (r *Replica) Group() env.GroupID { return r.cfg.Group }

// Self is this replica's id.
func (r *Replica) Self() env.ReplicaID { return r.cfg.Self }

// Machine is the state machine.
func (r *Replica) Machine() machine.StateMachine { return r.machine }

// Term is raft's current term here, the leader epoch of Kafka.
func (r *Replica) Term() uint64 { return r.term }

// AppliedIndex is the last index applied here.
func (r *Replica) AppliedIndex() uint64 { return r.applied }

// Fenced tells why the replica serves no more; nil if it serves.
func (r *Replica) Fenced() error { return r.fenced }

// Busy tells whether the machine has a checkpoint or a snapshot under way. It
// must not be closed, nor opened anew, until that has ended.
func (r *Replica) Busy() bool { return r.checkpointing || r.install.restoring }

// Leader is the node that leads as far as known here, 0 if none.
func (r *Replica) Leader() env.NodeID { return r.nodeOf(r.leader) }

// Leading tells whether this replica leads and has committed in its term.
func (r *Replica) Leading() bool { return r.CheckLeader() == nil }

// CheckLeader says why requests for the leader cannot be served here.
func (r *Replica) CheckLeader() error {
	switch {
	case r.fenced != nil:
		return ErrFenced
	case r.rn == nil || r.role != env.Leader:
		return ErrNotLeader
	case r.readyTerm != r.term:
		return ErrNotReady
	default:
		return nil
	}
}

// InSync appends the nodes of the in-sync set to dst: the set in force on a
// leader, the replicated one elsewhere.
func (r *Replica) InSync(dst []env.NodeID) []env.NodeID {
	members := r.insync.state.Members
	if r.Leading() {
		members = r.insync.inForce
	}
	for _, id := range members {
		dst = append(dst, r.members.Node(id))
	}
	return dst
}

// Retire ends the service in order: whoever waits is answered, and nothing more
// is proposed, sent or applied. The machine may still be checkpointed.
func (r *Replica) Retire() {
	r.rn, r.role, r.leader = nil, env.Follower, 0
	r.sendings.stopLeading(r)
	r.abandon(ErrNotLeader)
}

// Kill forgets everything: the process is gone. Waiters are not answered.
func (r *Replica) Kill() {
	r.dead, r.rn = true, nil
	r.queued, r.waiters, r.reads = nil, waiters{}, reads{}
}

// guard runs f at the group's border: any panic fences this replica alone
// (not every panic of the raft library passes its logger).
func (r *Replica) guard(f func()) {
	if r.rn == nil {
		return
	}
	defer func() {
		if v := recover(); v != nil {
			r.Fence(fmt.Errorf("group %d replica %d: panic: %v", r.cfg.Group, r.cfg.Self, v))
		}
	}()
	f()
}

// Fence takes the replica out of service for good. Its RawNode is never touched
// again; whoever waits is answered.
func (r *Replica) Fence(err error) {
	if r.fenced != nil || r.dead {
		return
	}
	r.fenced, r.rn, r.role, r.leader = err, nil, env.Follower, 0
	r.trace(env.Event{Kind: env.EventFenced, Term: r.term, Text: err.Error()})
	r.sendings.stopLeading(r)
	r.abandon(ErrFenced)
	r.cfg.Host.Fenced(r, err)
}

// abandon answers everyone who waits, since this replica will not lead.
func (r *Replica) abandon(err error) {
	queued := r.takeQueued()
	for _, p := range queued {
		p.finish(Outcome{Err: err})
	}
	r.waiters.failAll(err)
	r.reads.failAll(err)
}

func (r *Replica) now() time.Duration { return r.env.Clock.Monotonic() }

// trace adds who speaks to an event.
func (r *Replica) trace(e env.Event) {
	e.Group, e.Replica = r.cfg.Group, r.cfg.Self
	r.env.Tracer.Trace(e)
}
