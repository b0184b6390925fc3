package journal

import (
	"fmt"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/engine/env"
)

// View is a group's log as raft sees it: everything appended, durable or not.
// It implements raft.Storage and never does I/O: entries below the window are
// fetched in the background, and until they are there the answer is
// ErrCompacted, which together with Snapshot's answer makes raft try again at
// the next heartbeat response.
//
// raft panics if entries that it is about to apply are not in memory. They are
// as long as SetApplied follows what was applied: Replay everything up to the
// commit index and call SetApplied before raft starts.
type View struct {
	journal *Journal
	group   *group

	replica env.ReplicaID
	fenced  bool
	hs      HardState
	log     outline
	conf    *raftpb.ConfState
	applied uint64
	durable uint64
	cuts    uint64 // how often something was cut off the end

	checkpoint checkpoint // newest one told

	window   window
	cold     cold
	damage   error
	missed   bool // Entries had to read what was asked: the next Snapshot waits for it
	snapshot func() (*raftpb.Snapshot, error)
}

var _ raft.Storage = (*View)(nil)

// InitialState implements raft.Storage. The commit index is at least what was
// applied and at most the last index: raft starts with nothing else.
func (v *View) InitialState() (*raftpb.HardState, *raftpb.ConfState, error) {
	term, vote := v.hs.Term, uint64(v.hs.Vote)
	commit := min(max(v.hs.Commit, v.applied, v.log.dummy()), v.log.last)
	return &raftpb.HardState{Term: &term, Vote: &vote, Commit: &commit}, v.conf, nil
}

// SetConfState sets the configuration that InitialState names: the one at what
// was applied. It must not change afterwards.
func (v *View) SetConfState(c *raftpb.ConfState) { v.conf = c }

// SetVoters is SetConfState for a configuration of voters alone.
func (v *View) SetVoters(ids []env.ReplicaID) {
	v.conf = &raftpb.ConfState{Voters: make([]uint64, len(ids))}
	for i, id := range ids {
		v.conf.Voters[i] = uint64(id)
	}
}

// SetSnapshot sets what Snapshot answers where entries have left the journal: the
// newest durable checkpoint, or ErrSnapshotTemporarilyUnavailable.
func (v *View) SetSnapshot(f func() (*raftpb.Snapshot, error)) { v.snapshot = f }

// SetApplied tells that entries up to index are applied: they may leave memory.
func (v *View) SetApplied(index uint64) {
	if index <= v.applied {
		return
	}
	v.applied = index
	v.unpin()
	v.journal.evict(v)
}

// newCheckpoint takes in that the machine has one.
func (v *View) newCheckpoint(c checkpoint) {
	if c.id < v.checkpoint.id || c.index < v.checkpoint.index {
		panic(fmt.Sprintf("journal: group %d: checkpoint %d at %d after %d at %d", v.group.id, c.id, c.index, v.checkpoint.id, v.checkpoint.index))
	}
	v.checkpoint = c
}

// Damage is what made entries of this group unreadable while the journal ran;
// nil if nothing did.
func (v *View) Damage() error { return v.damage }

// FirstIndex implements raft.Storage: the first entry still in the journal.
func (v *View) FirstIndex() (uint64, error) { return v.log.first(), nil }

// LastIndex implements raft.Storage.
func (v *View) LastIndex() (uint64, error) { return v.log.last, nil }

// Term implements raft.Storage. Terms of the whole journal are in memory.
func (v *View) Term(i uint64) (uint64, error) {
	if term, ok := v.log.term(i); ok {
		return term, nil
	}
	if i < v.log.dummy() {
		return 0, raft.ErrCompacted
	}
	return 0, raft.ErrUnavailable
}

// Snapshot implements raft.Storage. raft asks for one where FirstIndex is beyond
// what a member needs, and where Entries answered ErrCompacted because the bytes
// are not in memory yet: then no snapshot is needed, only patience.
func (v *View) Snapshot() (*raftpb.Snapshot, error) {
	missed := v.missed
	v.missed = false
	if missed || v.snapshot == nil {
		return nil, raft.ErrSnapshotTemporarilyUnavailable
	}
	return v.snapshot()
}

// Entries implements raft.Storage: as many of [lo, hi) from lo on as are at
// hand and fit maxBytes, at least one.
func (v *View) Entries(lo, hi, maxBytes uint64) ([]*raftpb.Entry, error) {
	switch {
	case lo < v.log.first():
		return nil, raft.ErrCompacted
	case hi > v.log.last+1 || lo >= hi:
		return nil, raft.ErrUnavailable
	case lo >= v.window.first:
		return copyUpTo(v.window.from(lo, hi), maxBytes), nil
	}
	entries := v.cold.from(lo, hi)
	v.readAhead(lo)
	if len(entries) == 0 {
		v.missed = true
		return nil, raft.ErrCompacted
	}
	return copyUpTo(entries, maxBytes), nil
}

// copyUpTo copies the longest prefix within maxBytes, at least one entry: the
// caller owns the slice, and ours shrinks under it.
func copyUpTo(entries []*raftpb.Entry, maxBytes uint64) []*raftpb.Entry {
	size := wireBytes(entries[0])
	n := 1
	for n < len(entries) {
		if size += wireBytes(entries[n]); size > maxBytes {
			break
		}
		n++
	}
	return append(make([]*raftpb.Entry, 0, n), entries[:n]...)
}

// wireBytes is at least the entry's size as raft counts it, and close to it.
func wireBytes(e *raftpb.Entry) uint64 {
	n := len(e.GetData())
	return uint64(5 + uvarintBytes(e.GetTerm()) + uvarintBytes(e.GetIndex()) + uvarintBytes(uint64(n)) + n)
}

// append makes entries visible, in place of whatever stood from the first of
// them on.
func (v *View) append(entries []*raftpb.Entry) {
	first := entries[0].GetIndex()
	if first <= v.log.dummy() || first > v.log.last+1 {
		panic(fmt.Sprintf("journal: group %d: entries from %d appended to a log of %d..%d", v.group.id, first, v.log.first(), v.log.last))
	}
	if first <= v.log.last {
		v.cutFrom(first)
	}
	for i, e := range entries {
		if e.GetIndex() != first+uint64(i) {
			panic(fmt.Sprintf("journal: group %d: entry %d where %d belongs", v.group.id, e.GetIndex(), first+uint64(i)))
		}
		v.log.add(e.GetTerm())
		v.journal.hold(v, e)
		v.trace(e)
	}
	v.journal.evict(v)
}

func (v *View) trace(e *raftpb.Entry) {
	event := env.Event{
		Kind: env.EventEntry, Group: v.group.id, Replica: v.replica, Index: e.GetIndex(), Term: e.GetTerm(),
		Length: int64(len(e.GetData())),
	}
	if v.journal.summed {
		event.Sum = dataSum(e.GetData())
	}
	v.journal.env.Tracer.Trace(event)
}

// cutFrom removes entries from index from on. What was durable of them is not
// durable as what comes in their place.
func (v *View) cutFrom(from uint64) {
	v.cuts++
	v.log.cut(from)
	v.window.cut(from, &v.journal.memory)
	v.cold.cut(from, &v.journal.memory)
	v.durable = min(v.durable, from-1)
}

// persisted tells that everything up to index is durable.
func (v *View) persisted(index uint64) {
	v.durable = max(v.durable, index)
	v.unpin()
	v.journal.evict(v)
}

// restart makes the log void; it goes on after {index, term}.
func (v *View) restart(hs HardState, index, term uint64) {
	v.cuts++
	v.window.cut(0, &v.journal.memory)
	v.dropCold()
	v.log = newOutline(index, term)
	v.window = window{first: index + 1, pin: index + 1}
	v.durable, v.missed = index, false
	v.hs = hs
	v.hs.Commit = max(v.hs.Commit, index)
}

// compact forgets entries before first.
func (v *View) compact(first uint64) {
	v.log.compact(first)
	for v.window.first < v.log.first() && v.window.drop(&v.journal.memory) {
	}
}
