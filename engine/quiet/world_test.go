package quiet

import (
	"bytes"
	crand "crypto/rand"
	"io"
	"log"
	"math/rand/v2"
	"testing"
	"time"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/engine/env"
)

// The world plays nodes with raft's own RawNodes, so that its traps are in it: a
// follower that does not tick refuses votes for ever. Links lose, delay and
// repeat; pairs are cut one way or both; nodes pause and restart.

const (
	ms        = time.Millisecond
	grain     = 5 * ms
	tickEvery = 50 * ms
	nodeCount = 4
	groups    = 6
	factor    = 3
	// loneliest is how long a group may be without a leader although a majority of
	// its members can talk to each other: the pair's timeout, and elections of
	// raft under loss.
	loneliest = 8 * time.Second
)

func TestMain(m *testing.M) {
	raft.SetLogger(&raft.DefaultLogger{Logger: log.New(io.Discard, "", 0)})
	m.Run()
}

type world struct {
	r       *rand.Rand
	broken  broken
	cfg     Config
	now     time.Duration
	nodes   [nodeCount]*node
	flights map[time.Duration][]flight
	cut     [nodeCount][nodeCount]bool
	loss    int // per cent
	slow    time.Duration

	bad     map[[2]int]time.Duration // a follower rests in vain since then, by node and group
	clique  [groups][8]time.Duration // since when these members can all talk
	without [groups]time.Duration    // since when the group has no leader
	ticks   int
	woken   [reasons]int
	rested  int
	longest time.Duration // without a leader that is excused
	fault   string
}

// broken names the rules that a run leaves out.
type broken struct {
	timeout bool // a silent pair is down only after ten seconds
	echo    bool // any beat that comes says that the pair is well
	digest  bool // digests are not compared
	told    bool // a leader is taken out of service and Groups never learn of it
}

type flight struct {
	from, to int
	life     uint64
	beat     []byte
	group    env.GroupID
	raft     *raftpb.Message
}

type node struct {
	w        *world
	id       int
	life     uint64
	born     time.Duration // clocks begin at 1 s then
	up       bool
	paused   time.Duration // until then
	awoke    time.Duration // from the last pause, or its birth
	inbox    []flight
	q        *Groups
	replicas [groups]*replica
	lives    [nodeCount]uint64
	tickAt   time.Duration
	beatAt   time.Duration
}

type replica struct {
	group   env.GroupID
	id      env.ReplicaID
	storage *raft.MemoryStorage
	rn      *raft.RawNode
	applied uint64
	active  time.Duration
	quiet   bool
	fenced  bool
	term    uint64
	role    raft.StateType
	lead    uint64
}

func hosts(node, group int) bool { return (node-group+groups*nodeCount)%nodeCount < factor }

func newWorld(seed uint64, cfg Config, b broken) *world {
	crand.Reader = rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16)})
	w := &world{r: rand.New(rand.NewPCG(seed, 6)), cfg: cfg, broken: b, flights: map[time.Duration][]flight{}, bad: map[[2]int]time.Duration{}}
	for i := range w.nodes {
		n := &node{w: w, id: i}
		w.nodes[i] = n
		for g := range groups {
			if !hosts(i, g) {
				continue
			}
			s := raft.NewMemoryStorage()
			var voters []uint64
			for other := range nodeCount {
				if hosts(other, g) {
					voters = append(voters, uint64(other+1))
				}
			}
			one := uint64(1)
			if err := s.ApplySnapshot(&raftpb.Snapshot{Metadata: &raftpb.SnapshotMetadata{
				ConfState: &raftpb.ConfState{Voters: voters}, Index: &one, Term: &one,
			}}); err != nil {
				panic(err)
			}
			n.replicas[g] = &replica{group: env.GroupID(g + 1), id: env.ReplicaID(i + 1), storage: s}
		}
		n.start()
	}
	return w
}

func (n *node) start() {
	w := n.w
	n.life++
	n.up, n.born, n.awoke, n.paused, n.inbox = true, w.now, w.now, 0, nil
	n.tickAt, n.beatAt = w.now+time.Duration(w.r.IntN(10))*grain, w.now+time.Duration(w.r.IntN(20))*grain
	cfg := w.cfg
	cfg.Life = n.life
	if w.broken.timeout {
		cfg.PeerTimeout = 10 * time.Second
	}
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	n.q = New(cfg, n)
	for _, r := range n.replicas {
		if r == nil {
			continue
		}
		hs, _, err := r.storage.InitialState()
		if err != nil {
			panic(err)
		}
		r.applied = max(1, hs.GetCommit())
		r.rn, err = raft.NewRawNode(&raft.Config{
			ID: uint64(r.id), ElectionTick: 10, HeartbeatTick: 1, Storage: r.storage, Applied: r.applied,
			MaxSizePerMsg: 1 << 20, MaxInflightMsgs: 16, CheckQuorum: true, PreVote: true, DisableProposalForwarding: true,
		})
		if err != nil {
			panic(err)
		}
		r.quiet, r.fenced, r.active = false, false, n.clock()
		r.term, r.role, r.lead = hs.GetTerm(), raft.StateFollower, 0
	}
}

func (n *node) clock() time.Duration { return n.w.now - n.born + time.Second }

func (n *node) runs() bool { return n.up && n.paused <= n.w.now }

// Rest implements Host.
func (n *node) Rest(from env.NodeID, g Grant) bool {
	r := n.replicas[g.Group-1]
	if r == nil || r.fenced {
		return false
	}
	last, err := r.storage.LastIndex()
	if err != nil {
		panic(err)
	}
	st := r.rn.BasicStatus()
	f := Following{
		Term: st.GetTerm(), Replica: r.id, Last: last, Commit: st.GetCommit(), Applied: r.applied,
	}
	if st.RaftState == raft.StateFollower {
		f.Node = env.NodeID(st.Lead)
	}
	r.quiet = g.Fits(from, f)
	if r.quiet {
		n.w.rested++
	}
	return r.quiet
}

// Wake implements Host.
func (n *node) Wake(g env.GroupID, _ env.NodeID, why Reason) {
	r := n.replicas[g-1]
	if !r.quiet {
		panic("a replica that ticks was woken up")
	}
	r.quiet, r.active = false, n.clock()
	n.w.woken[why]++
}

func (n *node) wake(r *replica) {
	if n.q.Quiet(r.group) != r.quiet {
		panic("Quiet does not know which replicas tick")
	}
	n.q.Wake(r.group)
	if r.quiet {
		panic("Wake did not wake up")
	}
}

// ready handles what raft has ready, in the smallest way there is.
func (n *node) ready(r *replica) {
	for r.rn.HasReady() {
		rd := r.rn.Ready()
		if !raft.IsEmptyHardState(rd.HardState) {
			if err := r.storage.SetHardState(rd.HardState); err != nil {
				panic(err)
			}
		}
		if err := r.storage.Append(rd.Entries); err != nil {
			panic(err)
		}
		if len(rd.Entries) > 0 || len(rd.CommittedEntries) > 0 {
			r.active = n.clock()
		}
		if k := len(rd.CommittedEntries); k > 0 {
			r.applied = rd.CommittedEntries[k-1].GetIndex()
		}
		for _, m := range rd.Messages {
			n.w.send(flight{from: n.id, to: int(m.GetTo()) - 1, life: n.life, group: r.group, raft: m})
		}
		r.rn.Advance(rd)
	}
	st := r.rn.BasicStatus()
	if st.GetTerm() != r.term || st.RaftState != r.role || st.Lead != r.lead {
		r.term, r.role, r.lead, r.active = st.GetTerm(), st.RaftState, st.Lead, n.clock()
		n.wake(r)
	}
}

// fence takes a leader out of service, and its wake-up is lost: nobody but the
// digest tells.
func (n *node) fence(r *replica) {
	if l := n.q.led[r.group]; l != nil {
		r.fenced, r.quiet, r.role = true, false, raft.StateFollower
		if n.w.broken.told {
			return
		}
		for _, f := range l.followers {
			out := &n.q.peer(f.Node).out
			out.digest.toggle(n.q.cfg.Key, out.grants[r.group].grant)
			delete(out.grants, r.group)
		}
		delete(n.q.led, r.group)
	}
}

func (n *node) tick() {
	n.q.Tick(n.clock())
	for _, r := range n.replicas {
		if r == nil || r.quiet || r.fenced {
			continue
		}
		n.w.ticks++
		r.rn.Tick()
		n.ready(r)
		if r.role == raft.StateLeader && !r.quiet {
			n.offer(r)
		}
	}
}

func (n *node) offer(r *replica) {
	st := r.rn.Status()
	last, _ := r.storage.LastIndex()
	lastTerm, _ := r.storage.Term(last)
	l := Leader{
		Term: st.GetTerm(), Last: last, Commit: st.GetCommit(), Applied: r.applied,
		Ready: lastTerm == st.GetTerm(), Active: r.active,
	}
	for other := range nodeCount {
		if id := uint64(other + 1); other != n.id && hosts(other, int(r.group)-1) {
			l.Followers = append(l.Followers, Follower{Node: env.NodeID(id), Replica: env.ReplicaID(id), Match: st.Progress[id].Match})
		}
	}
	r.quiet = n.w.cfg.MayRest(n.clock(), l) && n.q.Offer(n.clock(), r.group, l)
}

func (n *node) beat(to int) {
	b := n.q.Beat(n.clock(), env.NodeID(to+1))
	n.w.send(flight{from: n.id, to: to, life: n.life, beat: b.Append(nil)})
}

func (n *node) receive(f flight) {
	if f.life < n.lives[f.from] {
		return // the border
	}
	n.lives[f.from] = f.life
	if f.beat != nil {
		b, err := Decode(f.beat)
		if err != nil || !bytes.Equal(b.Append(nil), f.beat) {
			panic("a beat does not survive its encoding")
		}
		n.tamper(f.from, &b)
		if n.q.Receive(n.clock(), env.NodeID(f.from+1), f.life, &b) {
			n.beat(f.from)
		}
		return
	}
	r := n.replicas[f.group-1]
	if m := f.raft; r.fenced || m.GetType() == raftpb.MsgAppResp && m.GetIndex() == 0 && m.GetTerm() == r.term {
		return // the latter raft would take for a follower without a log, as package replica tells
	}
	if !idleTalk(f.raft, r.term) {
		n.wake(r)
	}
	_ = r.rn.Step(f.raft)
	n.ready(r)
}

// tamper leaves rules out of what comes.
func (n *node) tamper(from int, b *Beat) {
	if n.w.broken.echo {
		b.Echo = uint64(n.clock())
	}
	if in := n.q.peer(env.NodeID(from + 1)).in; n.w.broken.digest && len(b.Changes) == 0 {
		b.Digest = uint64(in.digest)
	}
}

// idleTalk tells of heartbeats of the term and their answers, which may still be
// on their way when a group comes to rest, and change nothing.
func idleTalk(m *raftpb.Message, term uint64) bool {
	switch m.GetType() {
	case raftpb.MsgHeartbeat, raftpb.MsgHeartbeatResp:
		return m.GetTerm() == term
	case raftpb.MsgAppResp:
		return m.GetTerm() == term && !m.GetReject()
	default:
		return false
	}
}

func (w *world) send(f flight) {
	if w.cut[f.from][f.to] || w.r.IntN(100) < w.loss {
		return
	}
	copies := 1
	if w.loss > 0 && w.r.IntN(50) == 0 {
		copies = 2
	}
	for range copies {
		at := w.now + grain*time.Duration(1+w.r.IntN(3))
		if w.slow > 0 {
			at += time.Duration(w.r.IntN(int(w.slow/grain))) * grain
		}
		w.flights[at] = append(w.flights[at], f)
	}
}

// step lets a grain of time pass.
func (w *world) step() {
	w.now += grain
	for _, f := range w.flights[w.now] {
		n := w.nodes[f.to]
		switch {
		case !n.up || w.cut[f.from][f.to]:
		case !n.runs():
			n.inbox = append(n.inbox, f)
		default:
			n.receive(f)
		}
	}
	delete(w.flights, w.now)
	for _, n := range w.nodes {
		if !n.runs() {
			continue
		}
		if n.paused == w.now {
			n.awoke = w.now
			inbox := n.inbox
			n.inbox = nil
			for _, f := range inbox {
				n.receive(f)
			}
		}
		if w.now >= n.tickAt {
			n.tickAt = w.now + tickEvery
			n.tick()
		}
		if w.now >= n.beatAt {
			n.beatAt = w.now + w.cfg.BeatEvery
			for to := range nodeCount {
				if to != n.id {
					n.beat(to)
				}
			}
		}
	}
	w.check()
	for _, n := range w.nodes {
		if fault := n.q.invalid(); fault != "" {
			w.failf("%s", fault)
		}
	}
}

// work proposes something somewhere.
func (w *world) work() {
	g := w.r.IntN(groups)
	for _, n := range w.nodes {
		if r := n.replicas[g]; r != nil && n.runs() && !r.fenced && r.role == raft.StateLeader {
			n.wake(r)
			_ = r.rn.Propose([]byte("x"))
			n.ready(r)
			return
		}
	}
}

// run lets time pass, with a disturbance and some work every so often; 0: none.
func (w *world) run(d, faultEvery, workEvery time.Duration) {
	for end := w.now + d; w.now < end && w.fault == ""; {
		w.step()
		if faultEvery > 0 && w.r.IntN(int(faultEvery/grain)) == 0 {
			w.disturb()
		}
		if workEvery > 0 && w.r.IntN(int(workEvery/grain)) == 0 {
			w.work()
		}
	}
}

// resting is how many replicas do not tick.
func (w *world) resting() int {
	total := 0
	for _, n := range w.nodes {
		total += n.q.Resting()
	}
	return total
}
