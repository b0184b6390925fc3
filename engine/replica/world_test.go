package replica

import (
	"crypto/rand"
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

// world is one replica, 101 on node 1, of three, on a modelled disk. The test
// plays its peers: what the replica sends waits in sent.
type world struct {
	t       *testing.T
	k       *sim.Kernel
	r       *Replica
	sent    []wire.Message
	posted  []func()
	woken   bool
	running bool
	delays  []time.Duration // of the timers that were asked for
	fenced  error
	stages  []stageCall
	machine *counter
}

// stageCall is what the replica asked to be staged.
type stageCall struct {
	ref  ship.Ref
	done func(*Staged, error)
}

var members = []membership.Member{{ID: 101, Node: 1}, {ID: 102, Node: 2}, {ID: 103, Node: 3}}

func newWorld(t *testing.T, self env.ReplicaID) *world {
	t.Helper()
	w := &world{t: t, k: sim.New(1)}
	before := rand.Reader
	rand.Reader = drawn{w.k.Rand("raft", 0)} // raft's election timeouts come from there
	t.Cleanup(func() { rand.Reader = before })
	disk := diskmodel.New(w.k, 1, diskmodel.DefaultConfig())
	e := env.Env{Clock: w, Disk: disk.Mount(w.do), Tracer: w, Entropy: w.k.Rand("test", 1)}
	cfg := journal.DefaultConfig()
	cfg.FileBytes, cfg.MaxBatchBytes = 1<<20, 256<<10
	id := journal.Identity{Cluster: 7, Node: members[self-101].Node}
	var tasks env.Tasks
	done := false
	w.do(func() {
		tasks.Go("boot", func(task *env.Task) {
			if err := journal.Format(task, e, cfg, id, []journal.Genesis{{Group: 1, Replica: self}}); err != nil {
				t.Error(err)
				return
			}
			j, err := journal.Open(task, e, cfg, id, nil, &tasks, func(err error) { t.Error(err) })
			if err != nil {
				t.Error(err)
				return
			}
			w.machine = &counter{}
			w.r = New(Config{
				Env: e, Host: w, Journal: j, Machine: w.machine, Group: 1, Self: self, Genesis: members, MinISR: 2,
				ElectionTicks: 10, Tick: 50 * time.Millisecond, ISRLag: 10 * time.Second,
				MaxInflight: 256, MaxInflightByte: 8 << 20, MaxUncommitted: 1 << 20, MaxWaiters: 4, CheckpointBytes: 1 << 30,
				SnapshotTimeout: 10 * time.Second, Space: func(int64) bool { return true }, MaxMessageBytes: 1 << 20,
				Recycle: scribble,
			})
			if err := w.r.Recover(task, j.Groups()[0]); err != nil {
				t.Error(err)
				return
			}
			done = true
		})
	})
	w.run(time.Second)
	if !done {
		t.Fatal("the replica did not recover")
	}
	return w
}

// drawn makes a stream of the simulator a source of bytes.
type drawn struct{ r *sim.Rand }

func (d drawn) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(d.r.Uint64())
	}
	return len(p), nil
}

// counter is a machine that counts what it applies.
type counter struct {
	applied uint64
	restore func() // Restore calls it and never ends
}

func (c *counter) Open(done func(machine.Checkpoint, error)) {
	done(machine.Checkpoint{Meta: GenesisMeta(members)}, nil)
}

func (c *counter) Apply(machine.Entry) machine.Result {
	c.applied++
	return machine.Result{Offset: -1}
}

func (c *counter) Checkpoint([]byte, func(machine.Checkpoint, error)) {
	panic("the tests apply too little for one")
}
func (c *counter) Snapshot() (machine.Manifest, error) { return machine.Manifest{}, nil }
func (c *counter) Restore(machine.Manifest, machine.Source, func(machine.Checkpoint, error)) {
	c.restore()
}
func (c *counter) Fingerprint() uint64 { return c.applied }
func (c *counter) Close()              {}

// do runs f on the loop, and then the turn's end.
func (w *world) do(f func()) {
	if w.running {
		panic("a port called back inside a call")
	}
	w.running = true
	f()
	for len(w.posted) > 0 {
		next := w.posted[0]
		w.posted = w.posted[1:]
		next()
	}
	w.running = false
}

func (w *world) run(d time.Duration) { w.k.Run(w.k.Now() + int64(d)) }

// The ports.

func (w *world) Monotonic() time.Duration { return time.Duration(w.k.Now()) }
func (w *world) Wall() int64              { return w.k.Now() }
func (w *world) Post(f func())            { w.posted = append(w.posted, f) }
func (w *world) AfterFunc(d time.Duration, f func()) env.Timer {
	w.delays = append(w.delays, d)
	return w.k.After(d, func() { w.do(f) })
}

func (w *world) Trace(env.Event) {}

// The host.

func (w *world) Send(_ env.NodeID, m wire.Message) { w.sent = append(w.sent, m) }
func (w *world) Applied(*Replica)                  {}
func (w *world) Fenced(_ *Replica, err error)      { w.fenced = err }
func (w *world) Reopen(*Replica)                   {}
func (w *world) Stage(_ *Replica, ref ship.Ref, _ env.NodeID, done func(*Staged, error)) {
	w.stages = append(w.stages, stageCall{ref, done})
}

func (w *world) Offer(*Replica, machine.Manifest) (ship.Ref, error) { return ship.Ref{}, nil }
func (w *world) StageProgress(*Replica) int64                       { return 0 }
func (w *world) Withdraw(ship.Ref)                                  {}
func (w *world) Wake(r *Replica) {
	if w.woken {
		w.t.Error("woken twice in a turn")
	}
	w.woken = true
	w.Post(func() {
		w.woken = false
		r.Flush()
	})
}

// The peers.

// take gives the messages of a type that were sent, and forgets all.
func (w *world) take(kind raftpb.MessageType) []*raftpb.Message {
	var out []*raftpb.Message
	for _, m := range w.sent {
		if m.Raft.GetType() == kind {
			out = append(out, m.Raft)
		}
	}
	w.sent = nil
	return out
}

// answerOf is what a healthy peer answers to a message of each type.
var answerOf = map[raftpb.MessageType]raftpb.MessageType{
	raftpb.MsgPreVote: raftpb.MsgPreVoteResp, raftpb.MsgVote: raftpb.MsgVoteResp,
	raftpb.MsgApp: raftpb.MsgAppResp, raftpb.MsgHeartbeat: raftpb.MsgHeartbeatResp,
}

// reply is the answer of the peer that a message went to.
func reply(m *raftpb.Message) *raftpb.Message {
	kind, index := answerOf[m.GetType()], m.GetIndex()+uint64(len(m.Entries))
	term, to, from := m.GetTerm(), m.GetFrom(), m.GetTo()
	return &raftpb.Message{Type: &kind, Term: &term, To: &to, From: &from, Index: &index, Context: m.Context}
}

// step delivers a message of a peer from the node that it lives on.
func (w *world) step(m *raftpb.Message) {
	from := w.r.members.Node(env.ReplicaID(m.GetFrom()))
	w.do(func() { w.r.Step(from, 0, wire.Message{Group: 1, Raft: m}) })
}

// serve lets the peers answer everything until nothing is sent any more.
func (w *world) serve() {
	for range 100 {
		w.run(5 * time.Millisecond)
		sent := w.sent
		w.sent = nil
		if len(sent) == 0 {
			return
		}
		for _, m := range sent {
			if _, asks := answerOf[m.Raft.GetType()]; asks {
				w.step(reply(m.Raft))
			}
		}
	}
	w.t.Fatal("the conversation has no end")
}

// tick lets one tick pass.
func (w *world) tick() {
	w.run(50 * time.Millisecond)
	w.do(w.r.Tick)
}

// lead makes the replica the leader of its peers.
func (w *world) lead() {
	w.t.Helper()
	for range 30 {
		if w.r.Leading() {
			return
		}
		w.tick()
		w.serve()
	}
	w.t.Fatalf("no leader: term %d, role %v", w.r.Term(), w.r.role)
}

// follow makes the replica a follower of a member in term 5.
func (w *world) follow(leader env.ReplicaID) {
	w.t.Helper()
	w.step(message(raftpb.MsgHeartbeat, leader, w.r.Self(), 5))
	if w.r.leader != leader || w.r.Term() != 5 {
		w.t.Fatalf("follows %d in term %d", w.r.leader, w.r.Term())
	}
}

func message(kind raftpb.MessageType, from, to env.ReplicaID, term uint64) *raftpb.Message {
	f, t, none := uint64(from), uint64(to), uint64(0)
	return &raftpb.Message{Type: &kind, From: &f, To: &t, Term: &term, Commit: &none, Index: &none, LogTerm: &none}
}

// scribble is what a node may do with a command's buffer once it has it back: if
// anybody looked at it still, the logs of these tests would hold it.
func scribble(data []byte) {
	for i := range data {
		data[i] = 0xee
	}
}
