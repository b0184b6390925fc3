package checker

// EventKind says what happened on a node. The kinds below EventCrashed are
// those of env.EventKind, with the same numbers and fields; env documents which
// fields each fills.
type EventKind uint8

// The kinds of events.
const (
	EventNone EventKind = iota
	EventBooted
	EventRecovered
	EventRole
	EventEntry
	EventWritten
	EventPersisted
	EventVoteSent
	EventAckSent
	EventCommit
	EventApply
	EventProduceAcked
	EventISR
	EventCheckpoint
	EventRecycled
	EventTornTail
	EventResynced
	EventReadBack
	EventFenced
	EventStopped
	EventSnapshotSent
	EventSnapshotResumed
	EventSnapshotStaged
	EventSnapshot
	EventSnapshotFailed
	EventMembers
	EventReplica
	EventDamaged
	EventRepaired
	EventUnrepairable
	EventTrim
	EventFull
	EventSpace
	EventScrubbed
	EventLostReported
	EventRetention
	EventDurableEnd
)

// Kinds that an observer of the nodes adds: no node can say them of itself.
const (
	// EventCrashed: the node's process is gone, whatever the reason.
	EventCrashed EventKind = iota + 64
	// EventLost: a power loss took bytes that were written and not durable:
	// File, Offset, Length.
	EventLost
	// EventDiskLost: the node's disk is gone with everything on it; what the node
	// finds from now on is an empty one. Comes after EventCrashed.
	EventDiskLost
	// EventServed: the node answers a fetch of an unreplicated log: Offset (the
	// high watermark it names).
	EventServed
)

var eventKindNames = names{
	EventBooted: "booted", EventRecovered: "recovered", EventRole: "role", EventEntry: "entry",
	EventWritten: "written", EventPersisted: "persisted", EventVoteSent: "voteSent", EventAckSent: "ackSent",
	EventCommit: "commit", EventApply: "apply", EventProduceAcked: "produceAcked", EventISR: "isr",
	EventCheckpoint: "checkpoint", EventRecycled: "recycled", EventTornTail: "tornTail",
	EventResynced: "resynced", EventReadBack: "readBack", EventFenced: "fenced", EventStopped: "stopped",
	EventSnapshotSent: "snapshotSent", EventSnapshotResumed: "snapshotResumed", EventSnapshotStaged: "snapshotStaged",
	EventSnapshot: "snapshot", EventSnapshotFailed: "snapshotFailed", EventMembers: "members", EventReplica: "replica",
	EventDamaged: "damaged", EventRepaired: "repaired", EventUnrepairable: "unrepairable", EventTrim: "trim",
	EventFull: "full", EventSpace: "space", EventScrubbed: "scrubbed", EventLostReported: "lostReported",
	EventRetention:  "retention",
	EventDurableEnd: "durableEnd",
	EventCrashed:    "crashed", EventLost: "lost",
	EventDiskLost: "diskLost", EventServed: "served",
}

// String names the kind.
func (k EventKind) String() string { return eventKindNames.of(uint8(k)) }

// MarshalText names the kind in a history file.
func (k EventKind) MarshalText() ([]byte, error) {
	return eventKindNames.marshal("event kind", uint8(k))
}

// UnmarshalText reads the name in a history file.
func (k *EventKind) UnmarshalText(b []byte) error {
	i, err := eventKindNames.unmarshal("event kind", b)
	*k = EventKind(i)
	return err
}

// Role of a replica in its group, as in env.
type Role uint8

// The roles.
const (
	Follower Role = iota
	PreCandidate
	Candidate
	Leader
)

var roleNames = names{Follower: "follower", PreCandidate: "pre-candidate", Candidate: "candidate", Leader: "leader"}

// String names the role.
func (r Role) String() string { return roleNames.of(uint8(r)) }

// MarshalText names the role in a history file.
func (r Role) MarshalText() ([]byte, error) { return roleNames.marshal("role", uint8(r)) }

// UnmarshalText reads the name in a history file.
func (r *Role) UnmarshalText(b []byte) error {
	i, err := roleNames.unmarshal("role", b)
	*r = Role(i)
	return err
}

// Event is one thing that happened on a node: env.Event with the node, the time
// and the number that the observer gave it.
type Event struct {
	Kind EventKind `json:"kind"`
	Seq  uint64    `json:"seq,omitempty"`
	AtNs int64     `json:"atNs"`
	Node uint64    `json:"node"`

	Group   uint64   `json:"group,omitempty"`
	Replica uint64   `json:"replica,omitempty"`
	Role    Role     `json:"role,omitempty"`
	Sum     uint32   `json:"sum,omitempty"`
	Peer    uint64   `json:"peer,omitempty"`
	Vote    uint64   `json:"vote,omitempty"`
	Term    uint64   `json:"term,omitempty"`
	Index   uint64   `json:"index,omitempty"`
	First   uint64   `json:"first,omitempty"`
	Last    uint64   `json:"last,omitempty"`
	Offset  int64    `json:"offset,omitempty"`
	Length  int64    `json:"length,omitempty"`
	File    string   `json:"file,omitempty"`
	Text    string   `json:"text,omitempty"`
	Set     []uint64 `json:"set,omitempty"`

	Voters   []uint64 `json:"voters,omitempty"`
	Outgoing []uint64 `json:"outgoing,omitempty"`
	Learners []uint64 `json:"learners,omitempty"`
}
