package replica

import (
	"fmt"
	"hash/crc32"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/isr"
	"github.com/lockstep-log/lockstep/engine/machine"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// apply applies committed entries and answers raft within the turn.
func (r *Replica) apply(m *raftpb.Message) {
	for _, e := range m.Entries {
		if err := r.applyEntry(e); err != nil {
			r.Fence(fmt.Errorf("group %d replica %d: %w", r.cfg.Group, r.cfg.Self, err))
			return
		}
		if e.GetType() == raftpb.EntryConfChangeV2 {
			if r.removed() {
				r.leave()
			}
		}
	}
	r.view.SetApplied(r.applied)
	for _, response := range m.Responses {
		r.stepOwn(response)
	}
	r.maybeCheckpoint()
}

// applyEntry gives one committed entry to whom it belongs. The machine sees
// every index, so that its applied index is the group's; what is not its own
// comes to it empty.
func (r *Replica) applyEntry(e *raftpb.Entry) error {
	if e.GetIndex() != r.applied+1 {
		return fmt.Errorf("%w: entry %d was to be applied after %d", ErrDamaged, e.GetIndex(), r.applied)
	}
	data := e.GetData()
	command := machine.Entry{Index: e.GetIndex(), Term: e.GetTerm()}
	switch {
	case e.GetType() == raftpb.EntryConfChangeV2:
		if err := r.applyMembership(e); err != nil {
			return err
		}
	case e.GetType() != raftpb.EntryNormal:
		return fmt.Errorf("entry %d is of type %v, which is never proposed", e.GetIndex(), e.GetType())
	case len(data) == 0: // raft's own, at the start of a term, or in place of a refused change
	case data[0] == commandMachine:
		command.Data = data[1:]
	case data[0] == commandISR:
		if err := r.applyISR(e); err != nil {
			return err
		}
	default:
		return fmt.Errorf("entry %d holds a command of unknown kind %#x; was it written by a newer version?", e.GetIndex(), data[0])
	}
	result := r.machine.Apply(command)
	r.applied = e.GetIndex()
	r.readyTerm = e.GetTerm()
	r.sinceBytes += int64(len(data))
	end := r.endOffset()
	r.traceApply(e, end)
	r.waiters.apply(e.GetTerm(), e.GetIndex(), result, end)
	return nil
}

func (r *Replica) applyISR(e *raftpb.Entry) error {
	members, rest, err := isr.DecodeMembers(e.GetData()[1:])
	if err != nil || len(rest) != 0 {
		return fmt.Errorf("entry %d: in-sync set: %w (%d bytes too many)", e.GetIndex(), err, len(rest))
	}
	// Proposed before a removal and applied after it, it may name who is gone.
	r.insync.committed(keepVoters(isr.State{Version: e.GetIndex(), Members: members}, r.members))
	return nil
}

// endOffset is where the log ends now; -1 if the machine is no log.
func (r *Replica) endOffset() int64 {
	if r.log == nil {
		return -1
	}
	return r.log.EndOffset()
}

func (r *Replica) traceApply(e *raftpb.Entry, end int64) {
	event := env.Event{Kind: env.EventApply, Index: e.GetIndex(), Term: e.GetTerm(), Offset: end}
	if r.summed {
		event.Sum = crc32.Checksum(e.GetData(), castagnoli)
	}
	r.trace(event)
}

// checkpointRetry is when a checkpoint that failed, for want of room, is tried
// again.
const checkpointRetry = time.Second

// maybeCheckpoint starts a checkpoint once enough was applied since the last.
func (r *Replica) maybeCheckpoint() {
	if r.sinceBytes >= r.cfg.CheckpointBytes && !r.checkpointing {
		r.Checkpoint(func(error) {})
	}
}

// Checkpoint makes the applied state durable and tells the journal. done gets
// ErrOverloaded if one is running already.
func (r *Replica) Checkpoint(done func(error)) {
	switch {
	case r.fenced != nil || r.dead:
		done(ErrFenced)
		return
	case r.checkpointing || r.install.restoring:
		done(ErrOverloaded)
		return
	case r.install.phase == installing:
		done(nil) // the machine's state is the snapshot, and durable
		return
	}
	r.checkpointing, r.sinceBytes = true, 0
	ended, began := false, r.now()
	err := contain(func() error {
		r.machine.Checkpoint(meta{r.insync.state, r.members}.encode(), func(c machine.Checkpoint, err error) {
			ended = true
			if err == nil && r.cfg.Checkpointed != nil {
				r.cfg.Checkpointed(r.now() - began)
			}
			r.checkpointed(c, err)
			done(err)
		})
		return nil
	})
	if err == nil {
		return
	}
	r.Fence(fmt.Errorf("group %d replica %d: checkpoint: %w", r.cfg.Group, r.cfg.Self, err))
	if !ended {
		done(err)
	}
}

func (r *Replica) checkpointed(c machine.Checkpoint, err error) {
	r.checkpointing = false
	if err == nil && !r.dead {
		r.trace(env.Event{Kind: env.EventCheckpoint, Index: c.Index, Term: c.Term})
		r.cfg.Journal.Checkpointed(r.cfg.Group, c.ID, c.Index, c.Term)
	}
	if err != nil && r.retryAt == 0 {
		r.retryAt = r.now() + checkpointRetry
	}
	if r.install.phase == staged && r.rn != nil {
		r.wake() // it waits for the machine
	}
}
