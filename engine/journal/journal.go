package journal

import (
	"fmt"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/engine/env"
)

// Journal is one node's raft log: all groups in one sequence of files. It
// belongs to the node's loop.
type Journal struct {
	env    env.Env
	summed bool // the tracer wants the checksums of entries
	cfg    Config
	id     Identity
	tasks  *env.Tasks

	fail     func(error)
	onDamage func(env.GroupID, error)
	failed   error // first failure; nothing completes after it
	opening  bool
	closing  bool
	closed   bool
	onClosed func(error)

	groups    map[env.GroupID]*group
	order     []*group // by id
	born      env.GroupID
	life      uint64
	regroups  []regroup // wait for the next roll
	recovered []Recovered

	files       []*file // oldest first, the last one is appended to
	incarnation uint64
	offset      int64 // where the next batch goes

	queue   queue
	riders  []*group
	batch   batchWriter
	batchNo uint64
	flight  flight
	busy    bool // a batch, a roll or completions under way
	posted  bool // a flush is posted
	sealed  bool // the last batch needs no seal
	parted  bool // Close has written its last batch
	sealing env.Timer

	rollWanted bool // by mend, between two batches
	mending    env.Timer
	mends      int       // since the last checkpoint or finding
	unread     []finding // by Open, which groups wait for to read again

	// The callbacks of every batch, made once.
	onPosted  func()
	onWritten func(error)
	onSynced  func(error)

	witness     witness
	witnessFile env.File // nil: there is none yet

	spares spares
	memory memory
	needed int64 // bytes of the files from the oldest that a checkpoint does not free
	// expected is what Expect was told of.
	expected int64
	refused  int64 // the most that Takes had no room for, until it has
	asked    int   // how many files Laggards last allowed
	stats    Stats
}

// Recovered is what Open found of one group.
type Recovered struct {
	Group     env.GroupID
	Replica   env.ReplicaID
	HardState HardState // Commit: at least CheckpointIndex, at most Last
	First     uint64    // first entry in the journal; Last+1 if there is none
	Last      uint64
	LastTerm  uint64

	// The newest checkpoint that the machine reported before the journal ended.
	CheckpointID, CheckpointIndex, CheckpointTerm uint64

	// Fenced, if not nil, matches ErrDamaged and says what is wrong and where:
	// the replica may have lost an entry or a vote and must not speak.
	// One whose journal is lost has no reason of its own: see Blank.
	Fenced error
	Reason Reason

	// Blank: no replica of the group lives, or is known to have lived, on this
	// disk. Fenced is then ErrBlank, or names the loss of the whole journal, and
	// Replica is 0.
	Blank bool
	Disk  uint64 // that the journal was formatted on
}

// Reason is why a group is fenced.
type Reason uint8

// Reasons. What could not be read may read again in the next process; all else
// stands until the group is adopted.
const (
	NotFenced Reason = iota
	FencedDamage
	FencedUnread
	FencedBlank // by format, nothing was lost
)

// Incarnation is a number that grows with every Open of this journal.
func (j *Journal) Incarnation() uint64 { return j.incarnation }

// Disk is the random number that Format gave to this disk.
func (j *Journal) Disk() uint64 { return j.id.Disk }

// Life is a random number that Format gave to this disk, and that changes when
// the journal loses what nobody can tell: groups may have begun here, and been
// forgotten, that Born does not know of.
func (j *Journal) Life() uint64 { return j.life }

// Born is the highest id of a group that ever began in this life of the disk with
// a replica of its own; see Regroup.
func (j *Journal) Born() env.GroupID { return j.born }

// Groups tells what Open found, ordered by group.
func (j *Journal) Groups() []Recovered { return j.recovered }

// View is what raft sees of a group; nil if the group is not of this journal.
func (j *Journal) View(g env.GroupID) *View {
	if gr := j.groups[g]; gr != nil {
		return &gr.view
	}
	return nil
}

// OnDamage names who is told when entries of a group turn out unreadable while
// the journal runs. At most one call a group; without a taker the view alone
// knows (View.Damage).
func (j *Journal) OnDamage(f func(env.GroupID, error)) { j.onDamage = f }

// Append adds entries (consecutive, cutting whatever stands from the first one
// on) and a hard state (zero: unchanged) to a group. The view shows both at
// once. done runs on the loop once everything appended to the group so far is
// durable, in order; nil means that no durability is owed. Entries must never
// change afterwards.
//
// The commit index alone owes no durability, with or without done: raft never
// relies on it (MustSync), and it is written with the next batch there is.
//
// After Close or a failure, and for a fenced group, Append does nothing.
func (j *Journal) Append(id env.GroupID, hs HardState, entries []*raftpb.Entry, done func()) {
	if j.failed != nil || j.closing {
		return
	}
	g := j.group(id)
	if g.view.fenced {
		return
	}
	changed := false
	if hs != (HardState{}) {
		changed = hs.Term != g.view.hs.Term || hs.Vote != g.view.hs.Vote
		g.view.hs = hs
		if hs.Commit > g.commit {
			g.commit = hs.Commit
			j.ride(g)
		}
	}
	if len(entries) > 0 {
		g.view.append(entries)
	}
	if len(entries) == 0 && !changed && done == nil {
		return
	}
	j.queue.push(request{group: g, hs: hs, changed: changed, entries: entries, cuts: g.view.cuts, done: done})
	j.kick()
}

// Checkpointed tells that the machine's state up to index is durable in its
// checkpoint id: entries up to it may leave the journal. If the log ends before
// index, it is void and goes on after {index, term}.
func (j *Journal) Checkpointed(id env.GroupID, checkpointID, index, term uint64) {
	if j.failed != nil || j.closing {
		return
	}
	g := j.group(id)
	if g.view.fenced {
		return
	}
	if index > g.view.log.last {
		j.Restart(id, HardState{}, checkpointID, index, term, nil)
		return
	}
	g.view.newCheckpoint(checkpoint{checkpointID, index, term})
	j.note(g)
	j.mendSoon()
}

// Retain tells that raft's followers want entries from index from on. It only
// grows; until the first call everything is wanted. It is advice: what checkpoints
// do not need is kept for it as far as Config.RetainBytes allows.
func (j *Journal) Retain(id env.GroupID, from uint64) {
	g := j.group(id)
	g.retain = max(g.retain, from)
}

// Pressure tells that pinned entries (not durable or not applied), and those that
// are expected, exceed PendingBytes: refuse proposals until it ends.
func (j *Journal) Pressure() bool {
	limit := j.cfg.WindowBytes
	if most := j.cfg.PendingBytes; most > 0 {
		limit = min(limit, most)
	}
	return j.memory.pinned+j.expected > limit
}

// Close writes what is queued, seals the journal and closes its files. done
// gets the failure that prevented it, if there was one.
func (j *Journal) Close(done func(error)) {
	if j.failed != nil || j.closing {
		err := j.failed
		if err == nil {
			err = ErrClosed
		}
		j.env.Clock.Post(func() { done(err) })
		return
	}
	j.closing, j.onClosed = true, done
	if j.spares.wanted != nil {
		j.prepareSpares() // a roll waits for room: once more, and no longer
	}
	j.kick()
}

// finishClose ends Close once everything is written and sealed.
func (j *Journal) finishClose() {
	j.closed = true
	j.disarmSeal()
	for _, f := range j.files {
		if f.readers == 0 {
			f.handle.Close()
		}
	}
	if j.witnessFile != nil {
		j.witnessFile.Close()
	}
	j.spares.close()
	done := j.onClosed
	j.env.Clock.Post(func() { done(nil) })
}

// broken stops the journal: the node must not go on after a failed write.
func (j *Journal) broken(err error) {
	if j.failed != nil {
		return
	}
	j.failed = err
	j.disarmSeal()
	j.queue.clear()
	if j.opening {
		return // Open returns it
	}
	j.fail(err)
	if j.onClosed != nil {
		j.onClosed(err)
	}
}

func (j *Journal) group(id env.GroupID) *group {
	g := j.groups[id]
	if g == nil {
		panic(fmt.Sprintf("journal: unknown group %d", id))
	}
	return g
}

func (j *Journal) current() *file { return j.files[len(j.files)-1] }
