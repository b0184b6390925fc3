package checker

import (
	"cmp"
	"maps"
	"slices"
)

// DurableFunc says whether n bytes of a node's file at offset off would survive
// any power loss now: the truth of the disk model, not the engine's opinion.
type DurableFunc func(node uint64, file string, off, n int64) bool

// Config is what a Monitor must know about the cluster.
type Config struct {
	Groups []Group
}

// Monitor judges the events of a run one by one. It is not safe for concurrent
// use. In the common case observing an event allocates nothing but the growth
// of its models of the logs.
type Monitor struct {
	tally
	durable DurableFunc
	groups  map[uint64]*group
	nodes   map[uint64]*node
	recent  *replica // the last event's
	damages []Damage // found and not repaired, oldest first
	isr     ISRMetric
}

// node is one machine.
type node struct {
	replicas    []*replica
	alone       []*aloneLog
	incarnation uint64
}

// group is one raft group as the events show it.
type group struct {
	Group
	replicas []*replica        // who was ever named
	configs  []*config         // by index; the first is genesis
	leaders  map[uint64]uint64 // term -> replica
	// entries are the first entry seen at each index; others holds those of
	// further terms at the same index.
	entries byIndex[knownEntry]
	others  map[entryKey]knownEntry
	// commits are the entries known to be committed, up to committed.
	commits   byIndex[commit]
	committed uint64
	known     uint64 // the last one that has a commit
	applied   byIndex[appliedEntry]
	trims     []trim    // by index
	alone     *aloneLog // of an unreplicated log, of which nothing else above counts
}

type entryKey struct{ index, term uint64 }

type knownEntry struct {
	term     uint64
	prevTerm uint64
	sum      uint32
	prev     bool // prevTerm is known
}

type commit struct {
	term     uint64 // of the entry
	inTerm   uint64 // in which it was first known to be committed
	observer uint64 // replica
	config   *config
}

type appliedEntry struct {
	term    uint64
	offset  int64
	replica uint64 // the first that applied it
	sum     uint32
}

// replica is one member of a group as the events show it.
type replica struct {
	id, node uint64 // node 0: not seen on any yet
	group    *group
	log      replicaLog

	config  *config // in force, by what it has applied
	reached uint64  // index of the newest configuration that it ever was in
	left    *config // in force before that, until leftAt
	leftAt  int64
	takes   bool // the next one comes with the snapshot
	silence silence
	lives   bool // the id was given to a disk

	down  bool // between a crash and the next Recovered
	seen  bool // an event of it came before
	whole bool // its events are known from a Recovered on
	fresh bool // restarted, and nothing applied since
	begun bool // where it began is known: at position
	role  Role

	term        uint64 // by Role, of this incarnation
	writtenTerm uint64 // by Written, of this incarnation
	everWritten uint64 // highest term that any incarnation wrote or held
	commit      uint64 // of this incarnation
	everCommit  uint64
	applied     uint64 // of this incarnation
	everApplied uint64
	position    uint64 // of its state now, as far as its events tell
	checkpoint  uint64
	installed   uint64   // the newest snapshot whose log restart is durable
	staged      []uint64 // snapshots above the checkpoint whose files are on its disk

	voteTerm, votePeer          uint64 // the newest vote that left
	promisedTerm                uint64 // the highest term that a message promised
	persistedTerm, persistedFor uint64 // the newest hard state held to be durable
	sureTerm, sureVote          uint64 // the newest hard state seen durable on the disk

	queue []written // handed to the disk, not persisted; oldest first
	early []Event   // Written and Persisted between a crash and Recovered
	owed  Event     // a Commit that waits for the entries of its turn
}

// NewMonitor returns a monitor of the groups of cfg. A nil durable leaves the
// durability oracle without anything to check.
func NewMonitor(cfg Config, durable DurableFunc) *Monitor {
	m := &Monitor{
		durable: durable, groups: map[uint64]*group{},
		nodes: map[uint64]*node{},
	}
	for _, g := range cfg.Groups {
		m.addGroup(g)
	}
	return m
}

func (m *Monitor) addGroup(g Group) *group {
	out := &group{Group: g, leaders: map[uint64]uint64{}, others: map[entryKey]knownEntry{}}
	out.Members = slices.Clone(g.Members)
	slices.SortFunc(out.Members, func(a, b Member) int { return cmp.Compare(a.Replica, b.Replica) })
	m.groups[g.ID] = out
	if g.Unreplicated {
		m.addAlone(out)
		return out
	}
	genesis := &config{}
	out.configs = append(out.configs, genesis)
	for _, v := range out.Members {
		r := m.addReplica(out, v.Replica, v.Node)
		r.lives = true
		genesis.voters = append(genesis.voters, r)
	}
	return out
}

func (m *Monitor) addReplica(g *group, id, on uint64) *replica {
	r := &replica{id: id, group: g, config: g.configs[0]}
	g.replicas = append(g.replicas, r)
	m.place(r, on)
	return r
}

// place notes the node of a replica that had none.
func (m *Monitor) place(r *replica, on uint64) {
	if r.node = on; on != 0 {
		n := m.node(on)
		n.replicas = append(n.replicas, r)
	}
}

func (m *Monitor) node(id uint64) *node {
	n := m.nodes[id]
	if n == nil {
		n = &node{}
		m.nodes[id] = n
	}
	return n
}

// replica finds the event's replica.
func (m *Monitor) replica(e *Event) *replica {
	if r := m.recent; r != nil && r.id == e.Replica && r.group.ID == e.Group {
		return r
	}
	g := m.groups[e.Group]
	if g == nil {
		g = m.addGroup(Group{ID: e.Group})
	}
	m.recent = m.named(g, e.Replica)
	if m.recent.node == 0 {
		m.place(m.recent, e.Node)
	}
	return m.recent
}

// named finds a replica by its id, wherever it is.
func (m *Monitor) named(g *group, id uint64) *replica {
	for _, r := range g.replicas {
		if r.id == id {
			return r
		}
	}
	return m.addReplica(g, id, 0)
}

// Observe judges one event. Slices in it are not kept.
func (m *Monitor) Observe(e Event) {
	switch e.Kind {
	case EventBooted:
		m.booted(&e)
	case EventCrashed:
		m.crashed(&e)
	case EventLost:
		m.lost(&e)
	case EventRecycled:
		m.recycled(&e)
	case EventDiskLost:
		m.diskLost(&e)
	case EventDamaged:
		m.damaged(&e)
	case EventRepaired:
		m.repaired(&e)
	case EventLostReported:
		m.reported(&e)
	case EventSnapshotStaged:
		m.staged(&e)
	case EventStopped, EventTornTail, EventResynced, EventReadBack, EventISR, EventNone,
		EventSnapshotSent, EventSnapshotResumed, EventSnapshotFailed, EventUnrepairable,
		EventFull, EventSpace, EventScrubbed:
	case EventServed, EventDurableEnd:
		m.observeAlone(m.groups[e.Group], &e)
	default:
		if g := m.groups[e.Group]; g != nil && g.alone != nil {
			m.observeAlone(g, &e)
			return
		}
		m.observeReplica(m.replica(&e), &e)
	}
}

func (m *Monitor) observeReplica(r *replica, e *Event) {
	if r.owed.Kind != EventNone && (e.Kind != EventEntry && e.Kind != EventRole || e.AtNs != r.owed.AtNs) {
		m.settle(r)
	}
	switch e.Kind {
	case EventRecovered:
		m.recovered(r, e)
	case EventRole:
		m.role(r, e)
	case EventEntry:
		m.entry(r, e)
	case EventWritten:
		m.written(r, e)
	case EventPersisted:
		m.persisted(r, e)
	case EventVoteSent:
		m.voteSent(r, e)
	case EventAckSent:
		m.ackSent(r, e)
	case EventCommit:
		m.commit(r, e)
	case EventApply:
		m.apply(r, e)
	case EventProduceAcked:
		m.produceAcked(r, e)
	case EventCheckpoint:
		r.checkpoint = max(r.checkpoint, e.Index)
	case EventSnapshot:
		m.snapshot(r, e)
	case EventMembers:
		m.members(r, e)
	case EventTrim:
		m.trim(r, e)
	case EventReplica:
		m.replaced(r, e)
	case EventFenced:
		m.fenced(r)
	default: // says nothing that is promised
	}
	r.seen = true
	r.lives = r.lives || e.Kind != EventWritten && e.Kind != EventPersisted
}

// object records a violation at an event.
func (m *Monitor) object(o oracle, e *Event, format string, args ...any) {
	m.fail(o, e.AtNs, e.Seq, format, args...)
}

// Finish ends the judging and returns what was found, in the order of the
// events.
func (m *Monitor) Finish() Report {
	for _, id := range slices.Sorted(maps.Keys(m.nodes)) {
		for _, r := range m.nodes[id].replicas {
			if r.owed.Kind != EventNone {
				m.settle(r)
			}
		}
	}
	return Report{Violations: slices.Clone(m.violations), Verdicts: m.verdicts(), ISR: m.isr}
}

// Violations returns how many violations were found so far, so that a run may
// end at the first.
func (m *Monitor) Violations() int {
	n := 0
	for _, f := range m.found {
		n += f
	}
	return n
}
