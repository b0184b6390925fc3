package lease

import (
	"fmt"
	"slices"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
)

// The model is raft without a scheduler: whoever may do something may do it at
// any moment, every message may be lost, late or repeated, and elections know no
// timeout. Only what the promises forbid does not happen. So it does worse than
// any network and any library, and every rule of the package can be left out to
// see what it is good for.

// broken names the rules that a run leaves out.
type broken struct {
	driftBound  bool // clocks drift by more than the bound
	restartWait bool // a restarted voter votes at once
	selfRule    bool // a leader that votes for another keeps its lease
	timeoutNow  bool // the lease goes on after MsgTimeoutNow
	change      bool // the lease goes on over a change of the membership
	sendTime    bool // the lease runs from the acknowledgement
	ownCommit   bool // leases begin at the election
	bothHalves  bool // a majority of the incoming half is enough
	termCheck   bool // a supporter of a newer term promises, too
	votes       bool // supporters vote
	campaigns   bool // supporters campaign
}

const (
	follower = iota
	candidate
	leading
)

type config struct{ in, out []env.ReplicaID }

func (c config) members() []env.ReplicaID {
	all := slices.Concat(c.in, c.out)
	slices.Sort(all)
	return slices.Compact(all)
}

func (c config) quorum(agrees func(env.ReplicaID) bool) bool {
	for _, half := range [...][]env.ReplicaID{c.in, c.out} {
		n := 0
		for _, id := range half {
			if agrees(id) {
				n++
			}
		}
		if len(half) > 0 && n <= len(half)/2 {
			return false
		}
	}
	return true
}

type entry struct {
	term   uint64
	change *config
}

type kind int

const (
	vote kind = iota
	voteResp
	app
	appResp
	timeoutNow
	support
	supported
)

type message struct {
	kind     kind
	from, to env.ReplicaID
	term     uint64
	logTerm  uint64
	index    uint64 // of the last entry, or acknowledged
	commit   uint64
	forced   bool
	log      []entry
	round    Round
}

type node struct {
	id    env.ReplicaID
	clock time.Duration // its own reading
	ppm   int64         // how fast the clock runs

	term, commit uint64 // durable, like vote and log
	vote         env.ReplicaID
	log          []entry

	role    int
	leader  env.ReplicaID
	votes   []env.ReplicaID
	match   [most + 1]uint64
	begun   bool // leases have begun in this term
	lease   *Leader
	promise *Supporter
}

const most = 5

type world struct {
	choose  func(n int) int
	broken  broken
	cfg     Config
	nodes   []*node
	flights []message
	elected uint64                   // the newest term in which somebody won
	winner  map[uint64]env.ReplicaID // by term
	acked   uint64                   // the highest index that any leader committed
	reached reached
}

// reached counts what happened, so that a test cannot pass because nothing did.
type reached struct {
	valid     int // leases at the end of a step
	rivals    int // candidates of later terms at the same time
	elections int
	changes   int
	forced    int // votes for the target of a transfer
	refused   int // requests for votes
	restarts  int
}

var genesis = config{in: []env.ReplicaID{1, 2, 3}}

func newWorld(b broken, choose func(n int) int) *world {
	w := &world{choose: choose, broken: b, winner: map[uint64]env.ReplicaID{}}
	w.cfg = Config{Promise: 100 * time.Millisecond, DriftPPM: 50_000, IdleAfter: time.Second}
	w.cfg.RenewEvery = w.cfg.Length() / 8
	for id := env.ReplicaID(1); id <= most; id++ {
		n := &node{id: id}
		w.nodes = append(w.nodes, n)
		w.start(n)
		w.drift(n)
		n.promise.ready = never // the first life
	}
	return w
}

// start begins a life: what is durable stays.
func (w *world) start(n *node) {
	n.clock = time.Duration(w.choose(1000)) * time.Millisecond
	n.role, n.leader, n.votes, n.begun = follower, 0, nil, false
	n.lease, n.promise = NewLeader(w.cfg, n.id), NewSupporter(w.cfg, n.clock)
	if w.broken.restartWait {
		n.promise.ready = never
	}
}

func (w *world) drift(n *node) {
	bound := w.cfg.DriftPPM
	if w.broken.driftBound {
		bound *= 8
	}
	n.ppm = million + [...]int64{-1, 0, 1}[w.choose(3)]*bound
}

func (w *world) pass(d time.Duration) {
	for _, n := range w.nodes {
		n.clock += d / million * time.Duration(n.ppm) // d is whole milliseconds: exact
	}
}

func (w *world) node(id env.ReplicaID) *node { return w.nodes[id-1] }

func (w *world) send(m message) {
	if len(w.flights) == 48 {
		i := w.choose(len(w.flights))
		w.flights = slices.Delete(w.flights, i, i+1)
	}
	w.flights = append(w.flights, m)
}

func (n *node) config() config {
	for i := n.commit; i > 0; i-- {
		if c := n.log[i-1].change; c != nil {
			return *c
		}
	}
	return genesis
}

func (n *node) lastTerm() uint64 {
	if len(n.log) == 0 {
		return 0
	}
	return n.log[len(n.log)-1].term
}

// follow comes to a term, or stays in it, as a follower.
func (w *world) follow(n *node, term uint64, leader env.ReplicaID) {
	if term > n.term {
		n.term, n.vote = term, 0
	}
	if n.role == leading && !w.broken.selfRule {
		n.lease.End()
	}
	n.role, n.leader, n.votes = follower, leader, nil
}

func (w *world) campaign(n *node, forced bool) {
	if n.role == leading || !slices.Contains(n.config().members(), n.id) {
		return
	}
	w.follow(n, n.term+1, 0)
	n.role, n.vote, n.votes = candidate, n.id, []env.ReplicaID{n.id}
	for _, to := range n.config().members() {
		if to != n.id {
			w.send(message{kind: vote, from: n.id, to: to, term: n.term, logTerm: n.lastTerm(), index: uint64(len(n.log)), forced: forced})
		}
	}
	w.count(n)
}

func (w *world) count(n *node) {
	if !n.config().quorum(func(id env.ReplicaID) bool { return slices.Contains(n.votes, id) }) {
		return
	}
	if other := w.winner[n.term]; other != 0 && other != n.id {
		panic(fmt.Sprintf("the model elected %d and %d in term %d", other, n.id, n.term))
	}
	w.winner[n.term] = n.id
	w.elected = max(w.elected, n.term)
	w.reached.elections++
	n.role, n.leader, n.begun, n.match = leading, n.id, false, [most + 1]uint64{}
	w.propose(n, entry{term: n.term})
	if w.broken.ownCommit && !n.begun {
		n.begun = true
		n.lease.Begin(n.term, n.config().in, n.config().out)
	}
}

func (w *world) propose(n *node, e entry) {
	n.log = append(slices.Clone(n.log), e)
	n.match[n.id] = uint64(len(n.log))
	w.replicate(n)
	w.commit(n)
}

func (w *world) replicate(n *node) {
	for _, to := range n.config().members() {
		if to != n.id {
			w.send(message{kind: app, from: n.id, to: to, term: n.term, log: n.log, commit: n.commit})
		}
	}
}

// commit counts who has what, and applies: the leader first, before anybody
// hears of it.
func (w *world) commit(n *node) {
	index := uint64(len(n.log))
	for ; index > n.commit && n.log[index-1].term == n.term; index-- {
		if n.config().quorum(func(id env.ReplicaID) bool { return n.match[id] >= index }) {
			break
		}
	}
	if index <= n.commit || n.log[index-1].term != n.term {
		return
	}
	for n.commit < index {
		n.commit++
		if c := n.log[n.commit-1].change; c != nil {
			w.reached.changes++
			w.reconfigured(n, *c)
		}
	}
	w.acked = max(w.acked, n.commit)
	if !n.begun {
		n.begun = true
		c := n.config()
		n.lease.Begin(n.term, c.in, w.outgoing(c))
	}
	if !slices.Contains(n.config().members(), n.id) {
		w.follow(n, n.term, 0)
	}
}

func (w *world) reconfigured(n *node, c config) {
	until := n.lease.until
	n.lease.Reconfigured(c.in, w.outgoing(c))
	if w.broken.change {
		n.lease.until = until
	}
}

func (w *world) outgoing(c config) []env.ReplicaID {
	if w.broken.bothHalves {
		return nil
	}
	return c.out
}

func (w *world) deliver(m message) {
	n := w.node(m.to)
	switch m.kind {
	case vote:
		w.onVote(n, m)
	case voteResp:
		if n.role == candidate && n.term == m.term && !slices.Contains(n.votes, m.from) {
			n.votes = append(n.votes, m.from)
			w.count(n)
		}
	case app:
		w.onApp(n, m)
	case appResp:
		if n.role == leading && n.term == m.term {
			n.match[m.from] = max(n.match[m.from], m.index)
			w.commit(n)
		}
	case timeoutNow:
		if m.term < n.term || n.role == leading {
			return
		}
		if m.term > n.term {
			w.follow(n, m.term, 0)
		}
		if n.promise.TimeoutNow(n.clock, m.from, m.term) || w.broken.campaigns {
			w.campaign(n, true)
		}
	case support:
		raft := Following{Term: n.term}
		if n.role == follower {
			raft.Leader = n.leader
		}
		if w.broken.termCheck {
			raft = Following{Term: m.round.Term, Leader: m.from}
		}
		if n.promise.Support(n.clock, m.from, m.round, raft) {
			w.send(message{kind: supported, from: n.id, to: m.from, round: m.round})
		}
	case supported:
		if w.broken.sendTime && m.round.Term == n.lease.term {
			n.lease.sent[m.round.ID%rounds] = n.clock
		}
		n.lease.Supported(m.from, m.round)
	}
}

func (w *world) onVote(n *node, m message) {
	if n.promise.Refuses(n.clock, m.term, m.forced) && !w.broken.votes {
		w.reached.refused++
		return
	}
	if m.term < n.term {
		return
	}
	if m.term > n.term {
		w.follow(n, m.term, 0)
	}
	upToDate := m.logTerm > n.lastTerm() || m.logTerm == n.lastTerm() && m.index >= uint64(len(n.log))
	if upToDate && (n.vote == 0 || n.vote == m.from) {
		n.vote = m.from
		if m.forced {
			w.reached.forced++
		}
		w.send(message{kind: voteResp, from: n.id, to: m.from, term: m.term})
	}
}

func (w *world) onApp(n *node, m message) {
	if m.term < n.term {
		return
	}
	w.follow(n, m.term, m.from)
	same := 0
	for same < min(len(n.log), len(m.log)) && n.log[same].term == m.log[same].term {
		same++
	}
	if same < len(m.log) {
		if uint64(same) < n.commit {
			panic(fmt.Sprintf("the model overwrites committed entry %d", same+1))
		}
		n.log = m.log
	}
	n.commit = max(n.commit, min(m.commit, uint64(len(m.log))))
	w.send(message{kind: appResp, from: n.id, to: m.from, term: m.term, index: uint64(len(m.log))})
}
