package replica

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/diskmodel"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/journal"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/membership"
	"github.com/lockstep-log/lockstep/engine/ship"
	"github.com/lockstep-log/lockstep/engine/wire"
	"github.com/lockstep-log/lockstep/sim"
)

// cluster is one group on several nodes: replicas, journals on modelled disks,
// and a node of the fewest words around each.
type cluster struct {
	t       *testing.T
	k       *sim.Kernel
	nodes   []*node
	genesis []membership.Member
	wish    Wish
	minISR  int
	drop    func(from, to env.NodeID) bool
	acked   []uint64 // commands
	command uint64
	spoke   map[env.ReplicaID]life    // who sent under an id
	said    map[env.ReplicaID]promise // and what it stands by
}

// promise is the newest term in which a replica said yes, and to whom it gave its
// vote in it.
type promise struct{ term, vote uint64 }

// life is one life of one node's disk.
type life struct {
	node env.NodeID
	disk uint64
}

// node is one machine: its disk, what its state machine holds on it, and the
// process that runs.
type node struct {
	c       *cluster
	id      env.NodeID
	disk    *diskmodel.Disk
	ledgers *durableLedger
	alive   *bool
	running bool
	posted  []func()
	tasks   env.Tasks

	journal *journal.Journal
	r       *Replica
	opens   uint64
	woken   map[*Replica]bool
	offers  map[ship.Ref]machine.Manifest
	lives   map[env.NodeID]uint64 // newest incarnation heard of
	nonce   uint64                // of the report that waits; 0: none
	asked   time.Duration
	full    bool
	stuck   bool // nothing that is staged comes
	events  map[env.EventKind]int
	onEvent func(env.Event)
	lastErr error
}

const clusterGroup = 1

func newCluster(t *testing.T, size int) *cluster {
	t.Helper()
	return newClusterOf(t, size, 1)
}

func newClusterOf(t *testing.T, size int, seed uint64) *cluster {
	t.Helper()
	return newClusterOn(t, size, size, seed)
}

// newClusterOn begins a group on the first of some nodes; the others are blank.
func newClusterOn(t *testing.T, size, begins int, seed uint64) *cluster {
	t.Helper()
	k := sim.New(seed)
	before := rand.Reader
	rand.Reader = drawn{k.Rand("raft", 0)}
	t.Cleanup(func() { rand.Reader = before })
	c := &cluster{t: t, k: k, minISR: 2, spoke: map[env.ReplicaID]life{}, said: map[env.ReplicaID]promise{}, drop: func(env.NodeID, env.NodeID) bool { return false }}
	for i := range size {
		id := env.NodeID(i + 1)
		if i < begins {
			c.genesis = append(c.genesis, membership.Member{ID: env.ReplicaID(100 + id), Node: id})
		}
		c.nodes = append(c.nodes, &node{c: c, id: id, disk: diskmodel.New(k, uint64(id), diskmodel.DefaultConfig()), events: map[env.EventKind]int{}})
	}
	for _, n := range c.nodes {
		n.ledgers = &durableLedger{checkpoint: machine.Checkpoint{ID: 1, Meta: GenesisMeta(c.genesis)}}
		n.boot(true)
	}
	c.run(time.Second)
	return c
}

func (n *node) config() (journal.Config, journal.Identity) {
	cfg := journal.DefaultConfig()
	cfg.FileBytes, cfg.MaxBatchBytes, cfg.RetainBytes, cfg.MaxBytes = 16<<10, 4<<10, 0, 64*16<<10
	return cfg, journal.Identity{Cluster: 7, Node: n.id}
}

// boot starts a process on the node's disk.
func (n *node) boot(format bool) {
	alive := true
	n.alive, n.running, n.posted, n.tasks = &alive, false, nil, env.Tasks{}
	n.r, n.opens, n.nonce, n.woken = nil, 0, 0, map[*Replica]bool{}
	n.offers, n.lives = map[ship.Ref]machine.Manifest{}, map[env.NodeID]uint64{}
	e := n.env(n.exec(n.alive))
	n.do(func() {
		n.tasks.Go("boot", func(t *env.Task) {
			cfg, id := n.config()
			if format {
				if err := journal.Format(t, e, cfg, id, []journal.Genesis{{Group: clusterGroup, Replica: n.c.began(n.id)}}); err != nil {
					n.c.t.Error(err)
					return
				}
			}
			j, err := journal.Open(t, e, cfg, id, nil, &n.tasks, func(err error) { n.c.t.Error(err) })
			if err != nil {
				n.c.t.Error(err)
				return
			}
			n.journal = j
			n.open(t, e, j.Groups()[0])
			n.armTick(e)
		})
	})
}

// began is the id that a node's replica began with; 0: blank.
func (c *cluster) began(id env.NodeID) env.ReplicaID {
	m, _ := membership.Genesis(c.genesis).OnNode(id)
	return m.ID
}

func (n *node) open(t *env.Task, e env.Env, rec journal.Recovered) {
	n.opens++
	n.c.remembers(rec)
	n.r = New(Config{
		Env: e, Host: n, Journal: n.journal, Machine: &ledger{n: n, clock: e.Clock, alive: n.alive},
		Group: clusterGroup, Self: rec.Replica, Genesis: n.c.genesis, MinISR: n.c.minISR, Disk: n.journal.Disk(), Opens: n.opens,
		ElectionTicks: 10, Tick: 50 * time.Millisecond, ISRLag: time.Second,
		MaxInflight: 16, MaxInflightByte: 1 << 20, MaxUncommitted: 1 << 20, MaxWaiters: 100, CheckpointBytes: 2 << 10,
		SnapshotTimeout: 2 * time.Second, Space: func(int64) bool { return !n.full }, MaxMessageBytes: 1 << 20,
		Recycle: scribble,
		Wish:    func() Wish { return n.c.wish },
	})
	if err := n.r.Recover(t, rec); err != nil {
		n.r.Fence(err)
	}
}

func (n *node) armTick(e env.Env) {
	e.Clock.AfterFunc(50*time.Millisecond, func() {
		n.r.Tick()
		for range n.journal.Laggards(2) {
			n.r.Checkpoint(func(error) {})
		}
		n.report(e)
		n.armTick(e)
	})
}

// report asks for a fresh id while the journal says that the old one is void.
func (n *node) report(e env.Env) {
	rec := n.journal.Group(clusterGroup)
	if rec.Fenced == nil || e.Clock.Monotonic() < n.asked {
		return
	}
	if n.nonce == 0 {
		n.nonce = n.journal.Incarnation()<<32 | 1
	}
	n.asked = e.Clock.Monotonic() + 200*time.Millisecond
	for _, other := range n.c.nodes {
		if other != n {
			n.Send(other.id, wire.Message{Group: clusterGroup, Own: &wire.Own{
				Kind: wire.OwnLost, From: rec.Replica, ID: n.nonce, Disk: n.journal.Disk(), Incarnation: n.journal.Incarnation(),
			}})
		}
	}
}

// granted adopts the fresh id that this life has asked for.
func (n *node) granted(o *wire.Own) {
	rec := n.journal.Group(clusterGroup)
	if n.nonce == 0 || o.ID != n.nonce || rec.Fenced == nil || o.To <= rec.Replica || n.r.Busy() {
		return
	}
	n.nonce = 0
	e := n.env(n.exec(n.alive))
	n.tasks.Go("adopt", func(t *env.Task) {
		at := n.ledgers.checkpoint
		t.Await(func(done func()) {
			if err := n.journal.Adopt(clusterGroup, o.To, at.ID, at.Index, at.Term, done); err != nil {
				n.c.t.Error(err)
			}
		})
		n.r.Kill()
		n.Trace(env.Event{Kind: env.EventReplica, Replica: o.To, Peer: o.From, Index: at.Index})
		n.open(t, e, n.journal.Group(clusterGroup))
	})
}

// Reopen makes the replica anew in this process.
func (n *node) Reopen(r *Replica) {
	e := n.env(n.exec(n.alive))
	n.tasks.Go("reopen", func(t *env.Task) {
		t.Await(func(done func()) { n.journal.Drained(clusterGroup, done) })
		r.Kill()
		n.open(t, e, n.journal.View(clusterGroup).Reopen())
	})
}

// crash ends the process; power loses what was not synced.
func (n *node) crash(power bool) {
	if !*n.alive {
		return
	}
	*n.alive = false
	n.tasks.Stop()
	if power {
		n.disk.PowerLoss(diskmodel.LoseAll)
	} else {
		n.disk.Crash()
	}
	for _, other := range n.c.nodes { // whose connections close
		n.c.k.After(time.Millisecond, func() {
			if other != n && *other.alive && other.r != nil {
				other.do(func() { other.r.PeerDown(n.id) })
			}
		})
	}
}

// The loop and the ports.

func (n *node) exec(alive *bool) func(func()) {
	return func(f func()) {
		if !*alive {
			return
		}
		if n.running {
			panic("a port called back inside a call")
		}
		n.running = true
		f()
		for *alive && len(n.posted) > 0 {
			next := n.posted[0]
			n.posted = n.posted[1:]
			next()
		}
		n.running = false
	}
}

func (n *node) do(f func()) { n.exec(n.alive)(f) }

func (n *node) env(exec func(func())) env.Env {
	return env.Env{Clock: nodeClock{n, exec}, Disk: n.mount(exec), Tracer: n, Entropy: n.c.k.Rand("test", uint64(n.id))}
}

// mount mounts the disk once a process.
func (n *node) mount(exec func(func())) env.Disk {
	if n.opens > 0 {
		return nil // only the journal does I/O, and it has its own
	}
	return n.disk.Mount(exec)
}

type nodeClock struct {
	n    *node
	exec func(func())
}

func (c nodeClock) Monotonic() time.Duration { return time.Duration(c.n.c.k.Now()) }
func (c nodeClock) Wall() int64              { return c.n.c.k.Now() }
func (c nodeClock) Post(f func())            { c.n.posted = append(c.n.posted, f) }
func (c nodeClock) AfterFunc(d time.Duration, f func()) env.Timer {
	return c.n.c.k.After(d, func() { c.exec(f) })
}

func (n *node) Trace(e env.Event) {
	n.events[e.Kind]++
	if e.Kind == env.EventFenced {
		n.lastErr = errors.New(e.Text)
	}
	if n.onEvent != nil {
		n.onEvent(e)
	}
}

// The host.

func (n *node) Applied(*Replica)             {}
func (n *node) Fenced(_ *Replica, err error) { n.lastErr = err }
func (n *node) StageProgress(*Replica) int64 {
	if n.stuck {
		return 0
	}
	return n.c.k.Now()
}

func (n *node) Withdraw(ref ship.Ref) { delete(n.offers, ref) }
func (n *node) Offer(_ *Replica, m machine.Manifest) (ship.Ref, error) {
	ref := ship.Ref{Group: clusterGroup, Index: m.Checkpoint.Index, Term: m.Checkpoint.Term, Bytes: 1}
	n.offers[ref] = m
	return ref, nil
}

func (n *node) Wake(r *Replica) {
	if n.woken[r] {
		n.c.t.Error("woken twice in a turn")
	}
	n.woken[r] = true
	n.posted = append(n.posted, func() {
		n.woken[r] = false
		r.Flush()
	})
}

// Stage takes a manifest from the node that offers it, after a while.
func (n *node) Stage(r *Replica, ref ship.Ref, from env.NodeID, done func(*Staged, error)) {
	exec := n.exec(n.alive)
	if n.stuck {
		n.c.k.After(50*time.Millisecond, func() { n.Stage(r, ref, from, done) })
		return
	}
	n.c.k.After(30*time.Millisecond, func() {
		exec(func() {
			source := n.c.nodes[from-1]
			m, ok := source.offers[ref]
			if !ok || !*source.alive {
				done(nil, ship.ErrSources)
				return
			}
			n.Trace(env.Event{Kind: env.EventSnapshotStaged, Index: ref.Index})
			done(&Staged{Manifest: m, Discard: func() {}}, nil)
		})
	})
}

func (n *node) Send(to env.NodeID, m wire.Message) {
	if m.Raft != nil {
		n.c.speaks(n, m.Raft)
	}
	frame := wire.AppendFrame(nil, &wire.Frame{
		Cluster: 7, From: n.id, To: to, Incarnation: n.journal.Incarnation(), Disk: n.journal.Disk(), Messages: []wire.Message{m},
	})
	from := n.id
	n.c.k.After(time.Millisecond, func() {
		other := n.c.nodes[to-1]
		if !n.c.drop(from, to) && *other.alive && other.r != nil {
			other.do(func() { other.receive(frame) })
		}
	})
}

// speaks checks that no id is ever used by two disks, and notes what is promised.
func (c *cluster) speaks(n *node, m *raftpb.Message) {
	id := env.ReplicaID(m.GetFrom())
	now := life{n.id, n.journal.Disk()}
	if before, ok := c.spoke[id]; ok && before != now {
		c.t.Errorf("replica %d spoke as %+v and now as %+v", id, before, now)
	}
	c.spoke[id] = now
	kind := m.GetType()
	if m.GetReject() || kind != raftpb.MsgVoteResp && kind != raftpb.MsgAppResp {
		return
	}
	said := c.said[id]
	if m.GetTerm() > said.term {
		said = promise{term: m.GetTerm()}
	}
	if kind == raftpb.MsgVoteResp && m.GetTerm() == said.term {
		said.vote = m.GetTo()
	}
	c.said[id] = said
}

// remembers checks that a replica that speaks stands by what it said before.
func (c *cluster) remembers(rec journal.Recovered) {
	said, hs := c.said[rec.Replica], rec.HardState
	if rec.Fenced == nil && (hs.Term < said.term || hs.Term == said.term && said.vote != 0 && uint64(hs.Vote) != said.vote) {
		c.t.Errorf("replica %d recovered term %d, vote %d; it said yes in term %d, vote %d", rec.Replica, hs.Term, hs.Vote, said.term, said.vote)
	}
}

func (n *node) receive(b []byte) {
	f, err := wire.Decode(b)
	if err != nil {
		n.c.t.Fatal(err)
	}
	if f.Incarnation > n.lives[f.From] {
		n.lives[f.From] = f.Incarnation
		n.r.PeerRestarted(f.From)
	}
	if f.Incarnation < n.lives[f.From] {
		return
	}
	m := f.Messages[0]
	if m.Raft != nil {
		n.r.Step(f.From, f.Disk, m)
		return
	}
	switch o := m.Own; o.Kind {
	case wire.OwnSnapStatus:
		n.r.SnapStatus(f.From, o)
	case wire.OwnLeaving:
		n.r.Leaving(f.From, o)
	case wire.OwnRemoved:
		n.r.Removed(o)
	case wire.OwnGrant:
		n.granted(o)
	case wire.OwnLost:
		g, ok := n.r.Lost(Lost{Group: clusterGroup, Node: f.From, Replica: o.From, Disk: o.Disk, Incarnation: o.Incarnation, Nonce: o.ID})
		if ok {
			n.Send(f.From, wire.Message{Group: clusterGroup, Own: &wire.Own{
				Kind: wire.OwnGrant, From: g.Old, To: g.New, ID: g.Nonce, Disk: g.Disk, Incarnation: g.Incarnation, Index: g.Index,
			}})
		}
	default:
		n.c.t.Fatalf("nobody takes a %v", o.Kind)
	}
}

// What the tests do.

func (c *cluster) run(d time.Duration) { c.k.Run(c.k.Now() + int64(d)) }

func (c *cluster) until(done func() bool, what string) {
	c.t.Helper()
	for end := c.k.Now() + int64(time.Minute); !done(); {
		if c.k.Now() > end || !c.k.Step() {
			c.t.Fatalf("within a minute: no %s; %s", what, c)
		}
	}
}

// String tells how everyone is.
func (c *cluster) String() string {
	s := ""
	for _, n := range c.nodes {
		if n.r != nil {
			s += fmt.Sprintf("\nnode %d alive %v: replica %d %v term %d role %v applied %d commit %d members %+v fenced %v",
				n.id, *n.alive, n.r.Self(), n.r.State(), n.r.term, n.r.role, n.r.applied, n.r.commit, n.r.members, n.lastErr)
		}
	}
	return s
}

// leader waits for one that serves.
func (c *cluster) leader() *node {
	c.t.Helper()
	var found *node
	c.until(func() bool {
		for _, n := range c.nodes {
			if *n.alive && n.r != nil && n.r.Leading() {
				found = n
			}
		}
		return found != nil
	}, "leader")
	return found
}

// produce has so many commands acknowledged, by whoever leads.
func (c *cluster) produce(count int) {
	c.t.Helper()
	for range count {
		c.command++
		value, done := c.command, false
		for end := c.k.Now() + int64(time.Minute); !done; {
			if c.k.Now() > end {
				c.t.Fatalf("within a minute: no acknowledgement; %s", c)
			}
			var outcome *Outcome
			l := c.leader()
			l.do(func() {
				data := append(binary.LittleEndian.AppendUint64(nil, value), make([]byte, 200)...)
				l.r.Propose(AppendCommand(nil, data), time.Second, func(o Outcome) { outcome = &o })
			})
			c.until(func() bool { return outcome != nil || !*l.alive }, "answer")
			done = outcome != nil && outcome.Err == nil
			if !done {
				c.run(50 * time.Millisecond)
			}
		}
		c.acked = append(c.acked, value)
	}
}

// placed are the nodes that should have a voter.
func (c *cluster) placed() (nodes []*node) {
	for _, n := range c.nodes {
		if c.wish.none() || slices.Contains(c.wish.Voters, n.id) {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// settled waits until every node that should have a voter serves as one with the
// same state, and checks that nothing acknowledged is missing.
func (c *cluster) settled() {
	c.t.Helper()
	nodes := c.placed()
	same := func() bool {
		if !slices.ContainsFunc(nodes, func(n *node) bool { return n.r != nil && n.r.Leading() }) {
			return false // what is acknowledged may not be known to be committed yet
		}
		for _, n := range nodes {
			if !*n.alive || n.r == nil || n.r.State() != Serving || n.r.rn == nil || n.r.applied != nodes[0].r.applied || n.r.applied < n.r.commit ||
				n.r.members.Joint() || n.r.leader == 0 {
				return false
			}
			if voters, _ := splitIDs(n.r.members.Members); len(voters) != len(nodes) || len(n.r.members.Members) != len(nodes)+len(c.wish.Learners) {
				return false
			}
			if m, ok := n.r.members.OnNode(n.id); !ok || m.ID != n.r.Self() || len(n.r.insync.state.Members) != len(nodes) {
				return false
			}
		}
		return true
	}
	c.until(same, "settled group")
	want := nodes[0].r.Machine().Fingerprint()
	for _, n := range nodes {
		if got := n.r.Machine().Fingerprint(); got != want {
			c.t.Fatalf("node %d has state %x, node %d %x", n.id, got, nodes[0].id, want)
		}
		seen := map[uint64]bool{}
		for _, v := range n.r.Machine().(*ledger).values {
			seen[v] = true
		}
		for _, v := range c.acked {
			if !seen[v] {
				c.t.Fatalf("node %d lost acknowledged command %d", n.id, v)
			}
		}
	}
}

// ledger is a machine that keeps every command, durable by checkpoints alone.
type ledger struct {
	n      *node
	clock  env.Clock
	alive  *bool
	values []uint64
	at     machine.Checkpoint
}

// durableLedger is what a node's disk holds of it.
type durableLedger struct {
	checkpoint machine.Checkpoint
	values     []uint64
	refuse     error         // the next Restore answers
	slow       time.Duration // a Restore takes
}

func (l *ledger) Open(done func(machine.Checkpoint, error)) {
	d := l.n.ledgers
	l.values, l.at = append([]uint64(nil), d.values...), d.checkpoint
	done(d.checkpoint, nil)
}

func (l *ledger) Apply(e machine.Entry) machine.Result {
	if e.Index != l.at.Index+1 {
		panic(fmt.Sprintf("entry %d applied after %d", e.Index, l.at.Index))
	}
	l.at.Index, l.at.Term = e.Index, e.Term
	if len(e.Data) >= 8 {
		l.values = append(l.values, binary.LittleEndian.Uint64(e.Data))
	}
	return machine.Result{Offset: -1}
}

// later is when the disk is done; a crash before that leaves what was.
func (l *ledger) later(f func()) { l.clock.AfterFunc(3*time.Millisecond, f) }

func (l *ledger) Checkpoint(meta []byte, done func(machine.Checkpoint, error)) {
	next := durableLedger{values: append([]uint64(nil), l.values...), checkpoint: l.at}
	next.checkpoint.Meta = append([]byte(nil), meta...)
	l.later(func() {
		next.checkpoint.ID = l.n.ledgers.checkpoint.ID + 1
		*l.n.ledgers = next
		done(next.checkpoint, nil)
	})
}

func (l *ledger) Snapshot() (machine.Manifest, error) {
	d := l.n.ledgers
	m := machine.Manifest{Checkpoint: d.checkpoint}
	m.Checkpoint.Installed = false
	for _, v := range d.values {
		m.Body = binary.LittleEndian.AppendUint64(m.Body, v)
	}
	return m, nil
}

func (l *ledger) Restore(m machine.Manifest, _ machine.Source, done func(machine.Checkpoint, error)) {
	l.clock.AfterFunc(3*time.Millisecond+l.n.ledgers.slow, func() {
		if err := l.n.ledgers.refuse; err != nil {
			l.n.ledgers.refuse = nil
			done(machine.Checkpoint{}, err)
			return
		}
		next := durableLedger{checkpoint: m.Checkpoint}
		next.checkpoint.ID, next.checkpoint.Installed = l.n.ledgers.checkpoint.ID+1, true
		for b := m.Body; len(b) > 0; b = b[8:] {
			next.values = append(next.values, binary.LittleEndian.Uint64(b))
		}
		*l.n.ledgers = next
		l.values, l.at = append([]uint64(nil), next.values...), next.checkpoint
		l.n.Trace(env.Event{Kind: env.EventRepaired, Text: "restored"}) // a place to crash at
		if *l.alive {
			done(next.checkpoint, nil)
		}
	})
}

func (l *ledger) Fingerprint() uint64 {
	sum := uint64(14695981039346656037)
	for _, v := range l.values {
		sum = (sum ^ v) * 1099511628211
	}
	return sum
}
func (l *ledger) Close() {}
