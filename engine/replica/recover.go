package replica

import (
	"errors"
	"fmt"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
	"github.com/lockstep-log/lockstep/engine/machine"
)

// ErrDamaged marks what recovery found and must not serve from: something this
// replica acknowledged may be missing.
var ErrDamaged = errors.New("replica: damaged")

// Recover opens the machine, replays committed entries from the journal into
// it, and starts raft. An error fences this replica; the node goes on.
func (r *Replica) Recover(t *env.Task, rec journal.Recovered) error {
	if rec.Fenced != nil {
		return rec.Fenced
	}
	var checkpoint machine.Checkpoint
	var err error
	t.Await(func(done func()) {
		r.machine.Open(func(c machine.Checkpoint, e error) { checkpoint, err = c, e; done() })
	})
	if err != nil {
		return fmt.Errorf("group %d: machine: %w", r.cfg.Group, err)
	}
	rec = r.catchUpJournal(t, rec, checkpoint)
	if err := checkRecovered(rec, checkpoint); err != nil {
		return fmt.Errorf("group %d: %w", r.cfg.Group, err)
	}
	m, err := decodeMeta(checkpoint.Meta)
	if err != nil {
		return fmt.Errorf("group %d: %w", r.cfg.Group, err)
	}
	r.insync.state, r.members = m.insync, m.members
	r.term, r.commit, r.lastIndex = rec.HardState.Term, max(rec.HardState.Commit, checkpoint.Index), rec.Last
	r.applied, r.toldCommit = checkpoint.Index, r.commit
	r.trace(env.Event{
		Kind: env.EventRecovered, Term: r.term, Vote: rec.HardState.Vote,
		First: rec.First, Last: rec.Last, Index: r.commit, Offset: int64(checkpoint.Index),
	})
	if r.members.Index > 0 {
		r.traceMembers()
	}
	if err := r.replay(t); err != nil {
		return fmt.Errorf("group %d: replay: %w", r.cfg.Group, err)
	}
	if r.removed() {
		r.leave()
	}
	return contain(r.startRaft)
}

// catchUpJournal ends an installation that was cut short: the machine is at the
// snapshot, the journal does not know it yet. What was voted and which term it is
// stands in the journal's hard state, so nothing is forgotten. Without the
// machine's mark a checkpoint beyond the log means that the log lost its end.
func (r *Replica) catchUpJournal(t *env.Task, rec journal.Recovered, cp machine.Checkpoint) journal.Recovered {
	if !cp.Installed || cp.ID <= rec.CheckpointID || cp.Index < rec.CheckpointIndex {
		return rec
	}
	if term, err := r.view.Term(cp.Index); err == nil && term == cp.Term {
		return rec // the log goes through it
	}
	t.Await(func(done func()) {
		r.cfg.Journal.Restart(r.cfg.Group, rec.HardState, cp.ID, cp.Index, cp.Term, done)
	})
	e := env.Event{Kind: env.EventSnapshot, Index: cp.Index, Term: cp.Term}
	e.File, e.Offset, e.Length = r.cfg.Journal.SpecialRecord(r.cfg.Group)
	r.trace(e)
	return r.cfg.Journal.Group(r.cfg.Group)
}

// checkRecovered compares what journal and machine claim of the same group.
func checkRecovered(rec journal.Recovered, cp machine.Checkpoint) error {
	switch {
	case rec.CheckpointIndex > cp.Index || rec.CheckpointID > cp.ID:
		return fmt.Errorf("%w: the journal relies on checkpoint %d at index %d, the machine has %d at %d",
			ErrDamaged, rec.CheckpointID, rec.CheckpointIndex, cp.ID, cp.Index)
	case rec.First > cp.Index+1:
		return fmt.Errorf("%w: the journal begins at index %d, the checkpoint ends at %d", ErrDamaged, rec.First, cp.Index)
	case cp.Index > rec.Last:
		return fmt.Errorf("%w: the journal ends at index %d, before the checkpoint at %d", ErrDamaged, rec.Last, cp.Index)
	case rec.HardState.Commit > rec.Last:
		return fmt.Errorf("%w: the journal ends at index %d, before the commit index %d", ErrDamaged, rec.Last, rec.HardState.Commit)
	default:
		return nil
	}
}

// replay applies what is known to be committed above the checkpoint.
func (r *Replica) replay(t *env.Task) error {
	if r.commit == r.applied {
		return nil
	}
	return r.view.Replay(t, r.applied+1, r.commit, func(e *raftpb.Entry) error {
		return contain(func() error { return r.applyEntry(e) })
	})
}

// contain turns a panic into an error: in recovery, too, it fences one replica
// and not the node. f must not wait in a task, whose unwinding is a panic.
func contain(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	return f()
}

func (r *Replica) startRaft() error {
	r.view.SetApplied(r.applied)
	r.view.SetConfState(r.members.ConfState())
	r.view.SetSnapshot(r.offer)
	rn, err := raft.NewRawNode(&raft.Config{
		ID:                        uint64(r.cfg.Self),
		ElectionTick:              r.cfg.ElectionTicks,
		HeartbeatTick:             1,
		Storage:                   storage{View: r.view, commit: r.commit},
		Applied:                   r.applied,
		AsyncStorageWrites:        true,
		MaxSizePerMsg:             uint64(r.cfg.MaxMessageBytes),
		MaxUncommittedEntriesSize: r.cfg.MaxUncommitted,
		MaxInflightMsgs:           r.cfg.MaxInflight,
		MaxInflightBytes:          r.cfg.MaxInflightByte,
		CheckQuorum:               true,
		PreVote:                   true,
		DisableProposalForwarding: true,
		StepDownOnRemoval:         true,
		Logger:                    logger{},
	})
	if err != nil {
		return fmt.Errorf("group %d: raft: %w", r.cfg.Group, err)
	}
	r.rn = rn
	return nil
}

// storage is the journal's view with a commit index that covers what was
// applied: raft panics at start when Applied is above Commit.
type storage struct {
	*journal.View
	commit uint64
}

// InitialState implements raft.Storage.
func (s storage) InitialState() (*raftpb.HardState, *raftpb.ConfState, error) {
	hs, cs, err := s.View.InitialState()
	if err != nil {
		return nil, nil, err
	}
	term, vote, commit := hs.GetTerm(), hs.GetVote(), max(hs.GetCommit(), s.commit)
	return &raftpb.HardState{Term: &term, Vote: &vote, Commit: &commit}, cs, nil
}
