package env

// Tracer takes the typed events of one node. The oracles, the metrics and the
// debug log are three consumers of this one stream. It never calls back.
type Tracer interface {
	// Trace takes one event. Slices in it are shared and must not be kept
	// beyond the call unless copied.
	Trace(e Event)
}

// EventKind says what happened; the constants name the fields they fill beside
// Group and Replica.
//
// An unreplicated log (package direct) has no entries. It counts its records
// instead, from 1: the one at offset o is o+1. All terms are 0. Recovered says from
// which record to which it serves, Written and Persisted name those of a segment,
// ProduceAcked has in Index the last one of the batch, Checkpoint the log's last.
type EventKind uint8

// The kinds of events.
const (
	EventNone EventKind = iota
	// EventBooted: the process recovered and serves. Index: its incarnation.
	EventBooted
	// EventRecovered: what a replica found on its disk and stands by: Term, Vote,
	// First, Last (log bounds; Last < First: empty), Index (commit index).
	EventRecovered
	// EventRole: Role, Term, Peer (the leader's replica, if known).
	EventRole
	// EventEntry: an entry entered this replica's log and cut everything after
	// it: Index, Term (the entry's), Sum (CRC32C of its data), Length (bytes).
	EventEntry
	// EventWritten: bytes were handed to the disk, not yet durable: First, Last
	// (entries; First 0: none), Term, Vote (First 0: hard state only), File,
	// Offset, Length.
	EventWritten
	// EventPersisted: the engine holds the same to be durable: First, Last, Term,
	// Vote as in EventWritten.
	EventPersisted
	// EventVoteSent: a granted vote leaves for Peer: Term.
	EventVoteSent
	// EventAckSent: an append acknowledgement up to Index leaves for Peer, in
	// Term. The leader's own counts, with Peer its own replica.
	EventAckSent
	// EventCommit: the commit index rose to Index, in Term.
	EventCommit
	// EventApply: an entry was applied: Index, Term (the entry's), Sum, Offset
	// (log end offset after it, or -1 where the machine has none).
	EventApply
	// EventProduceAcked: a produce is answered with success: Index, Term (of its
	// entry), Offset (base offset), Length (records), First (min ISR in force).
	EventProduceAcked
	// EventISR: the leader's in-sync set in force changed: Set, Term, Index
	// (version).
	EventISR
	// EventCheckpoint: a checkpoint is durable: Index, Term.
	EventCheckpoint
	// EventRecycled: a journal file was given back for reuse: File.
	EventRecycled
	// EventTornTail: recovery cut an incomplete write: File, Offset.
	EventTornTail
	// EventResynced: recovery rewrote and synced what might have been in the
	// page cache only: Length (bytes).
	EventResynced
	// EventReadBack: entries First..Last were read back into the hot window.
	EventReadBack
	// EventFenced: the replica serves no more: Text says why.
	EventFenced
	// EventStopped: the node stopped itself on a failure: Text says why.
	EventStopped
	// EventSnapshotSent: a leader offers Peer a snapshot in place of entries that
	// it no longer has: Index, Term (of the checkpoint).
	EventSnapshotSent
	// EventSnapshotResumed: staging goes on with what an earlier life or an older
	// snapshot left on the disk: Index, Length (bytes kept).
	EventSnapshotResumed
	// EventSnapshotStaged: all files of a snapshot are here, verified and synced:
	// Index, Length (bytes).
	EventSnapshotStaged
	// EventSnapshot: a snapshot is installed and the log goes on after it: Index,
	// Term, and where the journal's record of it is: File, Offset, Length.
	EventSnapshot
	// EventSnapshotFailed: a snapshot for Peer was given up: Index, Text says why.
	EventSnapshotFailed
	// EventMembers: the membership in force: Index (of the entry that made it; 0:
	// genesis), Term, Voters, Outgoing (the other half of a joint configuration;
	// empty: not joint), Learners.
	EventMembers
	// EventReplica: this node goes on under the fresh id Replica in place of Peer,
	// from its own checkpoint at Index.
	EventReplica
	// EventDamaged: bytes that do not verify: File, Offset, Length, Text.
	EventDamaged
	// EventRepaired: they verify again: File, Length, Text (segment, index,
	// checkpoint, journal).
	EventRepaired
	// EventUnrepairable: no replica has good bytes of a range: Offset, Length (of
	// the log's offsets).
	EventUnrepairable
	// EventTrim: the log begins at Offset from now on: Index (of the command).
	EventTrim
	// EventFull: the disk has no room: the node takes no more records.
	EventFull
	// EventSpace: it has room again.
	EventSpace
	// EventScrubbed: a pass over everything on the disk ended: Length (bytes).
	EventScrubbed
	// EventLostReported: the replica asks its group to be replaced: Peer (the node
	// asked).
	EventLostReported
	// EventRetention: the leader proposes that the log begin at Offset, by its
	// settings: Text (size, time).
	EventRetention
	// EventDurableEnd: an unreplicated log's note of how far it is durable is
	// durable itself: Offset (that end).
	EventDurableEnd
	// EventKinds is how many kinds there are.
	EventKinds
)

// Role of a replica in its group.
type Role uint8

// The roles, as raft has them.
const (
	Follower Role = iota
	PreCandidate
	Candidate
	Leader
)

// String names the role.
func (r Role) String() string {
	return [...]string{"follower", "pre-candidate", "candidate", "leader"}[r&3]
}

// Event is one thing that happened on a node. It is flat so that tracing
// allocates nothing; which fields count depends on Kind.
type Event struct {
	Kind    EventKind
	Role    Role
	Sum     uint32
	Group   GroupID
	Replica ReplicaID
	Peer    ReplicaID
	Vote    ReplicaID
	Term    uint64
	Index   uint64
	First   uint64
	Last    uint64
	Offset  int64
	Length  int64
	File    string
	Text    string
	Set     []NodeID

	// Of EventMembers.
	Voters, Outgoing, Learners []ReplicaID
}

// Unsummed is a Tracer that has no use for the checksums of entries' data: nobody
// computes them then, and Sum is 0 in EventEntry and EventApply.
type Unsummed interface {
	Tracer
	// Unsummed does nothing.
	Unsummed()
}

// Summed tells whether a tracer wants the checksums of entries' data.
func Summed(t Tracer) bool {
	_, unsummed := t.(Unsummed)
	return !unsummed
}

// Discard is a Tracer that drops everything.
var Discard Tracer = discard{}

type discard struct{}

func (discard) Trace(Event) {}
func (discard) Unsummed()   {}
