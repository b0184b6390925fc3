package replica

import (
	"errors"
	"fmt"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/ship"
	"github.com/lockstep-log/lockstep/engine/wire"
)

// phase of a snapshot on its way into this replica.
type phase uint8

const (
	idle       phase = iota
	staging          // its files are fetched; raft knows nothing of it
	staged           // they are here; it is given to raft as soon as a leader of the term offers it
	installing       // raft has taken it: machine, then journal; everything else waits
)

// install brings a leader's snapshot in. raft sees it only once all files are on
// this disk: what raft has taken cannot be given back, and until it is installed
// the replica can do nothing else.
type install struct {
	phase   phase
	round   int             // counts what was begun; callbacks of earlier rounds are void
	ref     ship.Ref        // what is staged
	offer   *raftpb.Message // the newest MsgSnap that names ref
	from    env.NodeID      // and who sent it
	leader  env.ReplicaID
	files   *Staged
	stepped bool              // raft has seen the offer
	queue   []*raftpb.Message // appends that wait for the end

	restoring bool // the machine is at it
	reported  time.Duration
	bytes     int64 // that were here then
}

// statusEvery is how often a leader hears that its snapshot makes progress.
const statusEvery = time.Second

var errForeignSnapshot = errors.New("replica: not the snapshot that was offered")

// wantSnapshot takes a leader's offer. What raft answers without installing
// anything it gets at once.
func (r *Replica) wantSnapshot(from env.NodeID, m *raftpb.Message) {
	in := &r.install
	ref, err := ship.ParseRef(m.GetSnapshot().GetData())
	at := m.GetSnapshot().GetMetadata()
	if err != nil || ref.Group != r.cfg.Group || ref.Index != at.GetIndex() || ref.Term != at.GetTerm() ||
		m.GetTerm() < r.term || in.phase == installing {
		return // the leader gives it up in time, and offers another
	}
	if term, err := r.view.Term(ref.Index); ref.Index <= r.commit || err == nil && term == ref.Term {
		r.step(env.ReplicaID(m.GetFrom()), m)
		return
	}
	switch {
	case in.phase == staged && ref == in.ref, in.phase == staging && ref == in.ref && from == in.from:
		in.offer, in.from, in.leader = m, from, env.ReplicaID(m.GetFrom())
	case in.phase != idle && in.offer != nil && m.GetTerm() == in.offer.GetTerm() && ref.Index < in.ref.Index:
		// Late: the same leader has offered a newer one since.
	default:
		r.stage(from, m, ref)
	}
}

// stage begins to fetch; what an earlier round has of the same files is used. Of
// the same snapshot it goes on, and asks the node that offers it now.
func (r *Replica) stage(from env.NodeID, m *raftpb.Message, ref ship.Ref) {
	in := &r.install
	in.round++
	in.phase, in.ref, in.offer, in.from, in.files = staging, ref, m, from, nil
	in.leader, in.reported = env.ReplicaID(m.GetFrom()), r.now()
	round := in.round
	r.cfg.Host.Stage(r, ref, from, func(files *Staged, err error) {
		r.guard(func() {
			if round == in.round {
				r.stagedAs(files, err)
				r.wake()
			}
		})
	})
}

func (r *Replica) stagedAs(files *Staged, err error) {
	in := &r.install
	if err == nil {
		err = fits(files.Manifest, in.offer)
	}
	if err != nil {
		r.trace(env.Event{Kind: env.EventSnapshotFailed, Index: in.ref.Index, Text: err.Error()})
		r.status(codeOf(err))
		*in = install{round: in.round}
		return
	}
	in.phase, in.files = staged, files
}

// codeOf is what the leader is told of a failure.
func codeOf(err error) wire.Code {
	switch {
	case errors.Is(err, env.ErrNoSpace):
		return wire.Full
	case errors.Is(err, ship.ErrBusy):
		return wire.Busy
	default:
		return wire.Failed
	}
}

// fits compares what was fetched with what raft is to be told.
func fits(manifest machine.Manifest, offer *raftpb.Message) error {
	at, c := offer.GetSnapshot().GetMetadata(), manifest.Checkpoint
	m, err := decodeMeta(c.Meta)
	if err != nil {
		return err
	}
	if c.Index != at.GetIndex() || c.Term != at.GetTerm() {
		return fmt.Errorf("%w: it is of index %d, the offer of %d", errForeignSnapshot, c.Index, at.GetIndex())
	}
	if err := m.members.ConfState().Equivalent(at.GetConfState()); err != nil {
		return fmt.Errorf("%w: %w", errForeignSnapshot, err)
	}
	return nil
}

// takeStaged gives raft the offer, unless the machine is busy; then the end of
// its checkpoint does. A leader whose term is over is ignored by raft: the files
// stay for the next one's offer, as long as the log does not get there first.
func (r *Replica) takeStaged() {
	in := &r.install
	if in.phase == staged && in.ref.Index <= r.commit {
		in.files.Discard()
		*in = install{round: in.round}
	}
	if in.phase != staged || in.offer == nil || r.checkpointing {
		return
	}
	m := in.offer
	in.offer, in.stepped = nil, true
	r.step(env.ReplicaID(m.GetFrom()), m)
	r.drain()
	in.stepped = false
}

// reportStaging tells the leader now and then that the files are coming; where
// nothing comes it says nothing, and the leader gives up in time.
func (r *Replica) reportStaging(now time.Duration) {
	in := &r.install
	if in.phase != staging && in.phase != installing || now-in.reported < statusEvery {
		return
	}
	in.reported = now
	if here := r.cfg.Host.StageProgress(r); here != in.bytes || in.phase == installing {
		in.bytes = here
		r.status(wire.OK)
	}
}

func (r *Replica) status(code wire.Code) {
	in := &r.install
	if in.leader == 0 {
		return
	}
	r.cfg.Host.Send(in.from, wire.Message{Group: r.cfg.Group, Own: &wire.Own{
		Kind: wire.OwnSnapStatus, From: r.cfg.Self, To: in.leader, Term: r.term, Index: in.ref.Index, Code: code, Bytes: in.bytes,
	}})
}

// installSnapshot replaces state and log by the snapshot that raft has taken: the
// machine first, then the journal, then what raft owes to others for it. A crash
// in between is repaired by Recover: the machine's checkpoint says that it was
// installed, and the journal's hard state is untouched until it restarts.
func (r *Replica) installSnapshot(m *raftpb.Message) {
	in := &r.install
	if !in.stepped || in.files == nil || m.GetSnapshot().GetMetadata().GetIndex() != in.ref.Index {
		panic(errForeignSnapshot)
	}
	in.phase, in.restoring = installing, true
	r.machine.Restore(in.files.Manifest, in.files.Source, func(c machine.Checkpoint, err error) {
		in.restoring = false
		r.guard(func() { r.restored(m, c, err) })
	})
}

func (r *Replica) restored(m *raftpb.Message, c machine.Checkpoint, err error) {
	at := m.GetSnapshot().GetMetadata()
	if err == nil && (c.Index != at.GetIndex() || c.Term != at.GetTerm()) {
		err = fmt.Errorf("%w: the machine is at index %d, the snapshot at %d", ErrDamaged, c.Index, at.GetIndex())
	}
	var state meta
	if err == nil {
		state, err = decodeMeta(c.Meta)
	}
	if err != nil {
		r.trace(env.Event{Kind: env.EventSnapshotFailed, Index: at.GetIndex(), Text: err.Error()})
		r.reopen()
		return
	}
	r.cfg.Journal.Restart(r.cfg.Group, hardStateOf(m), c.ID, c.Index, c.Term, func() {
		r.guard(func() { r.installed(m, c, state) })
	})
}

// installed ends the installation: from here on the group goes on behind the
// snapshot.
func (r *Replica) installed(m *raftpb.Message, c machine.Checkpoint, state meta) {
	in := &r.install
	r.applied, r.readyTerm, r.sinceBytes = c.Index, c.Term, 0
	r.commit, r.toldCommit = max(r.commit, c.Index), max(r.toldCommit, c.Index)
	r.view.SetApplied(c.Index)
	e := env.Event{Kind: env.EventSnapshot, Index: c.Index, Term: c.Term}
	e.File, e.Offset, e.Length = r.cfg.Journal.SpecialRecord(r.cfg.Group)
	r.trace(e)
	r.insync.state = state.insync
	r.setMembers(state.members)
	files, queue := in.files, in.queue
	*in = install{round: in.round}
	r.stored(m.Responses)
	for _, waiting := range queue {
		if r.rn != nil {
			r.store(waiting)
		}
	}
	r.tellCommit()
	files.Discard()
	r.wake()
}

// reopen gives up this object for a new one made from the disk: raft cannot be
// told that what it has taken is not to be had.
func (r *Replica) reopen() {
	r.rn, r.role, r.leader = nil, env.Follower, 0
	r.abandon(ErrNotLeader)
	r.cfg.Host.Reopen(r)
}
