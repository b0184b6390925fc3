package quiet

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
)

// Reason says why a replica ticks again.
type Reason uint8

// The reasons.
const (
	Asked     Reason = iota + 1 // Wake was called
	Unsettled                   // not all followers went quiet in time, or one refused
	TakenBack                   // the leader took its word back
	PairDown                    // the pair of nodes is down
	Mismatch                    // the two nodes disagree about what rests
	Void                        // the peer says that what it knew of it is void
	reasons
)

// String names the reason.
func (r Reason) String() string {
	if r == 0 || r >= reasons {
		return "reason?"
	}
	return [...]string{"asked", "unsettled", "taken back", "pair down", "mismatch", "void"}[r-1]
}

// Host is the node as its idle groups see it. It must not call back into Groups
// from within a call.
type Host interface {
	// Rest asks a follower to stop ticking. false: it does not fit (Grant.Fits).
	Rest(from env.NodeID, g Grant) bool
	// Wake has a replica tick again, that of a leader or of a follower; leader is
	// the node that it followed, 0 for a leader.
	Wake(g env.GroupID, leader env.NodeID, why Reason)
}

// Groups are the idle groups of one node. Nothing in it reads a clock: now is
// the node's monotonic time.
//
// Invariants:
//
//  1. A group is in led or in resting or in neither, never in both; the replicas
//     of just these do not tick.
//  2. led has a group iff the set of each of its followers' nodes has its grant.
//  3. resting has a group iff the mirror of its leader's node has it, not among
//     the awake, and that pair is up and its mirror not broken.
type Groups struct {
	cfg     Config
	host    Host
	peers   []*peer // sorted by node
	led     map[env.GroupID]*led
	resting map[env.GroupID]*peer // followers, by the leader's node
	offers  []offer               // oldest first; some may be void
	offered uint64
}

// led is a group whose leader here does not tick.
type led struct {
	followers []Follower
	waits     int // followers whose node has not acknowledged the grant
	offer     uint64
}

type offer struct {
	group    env.GroupID
	number   uint64
	deadline time.Duration
}

// New makes the idle groups of a node that begins: all are awake.
func New(cfg Config, host Host) *Groups {
	return &Groups{cfg: cfg, host: host, led: map[env.GroupID]*led{}, resting: map[env.GroupID]*peer{}}
}

func (q *Groups) peer(node env.NodeID) *peer {
	i, found := slices.BinarySearchFunc(q.peers, node, func(p *peer, node env.NodeID) int { return cmp.Compare(p.node, node) })
	if !found {
		p := &peer{node: node, fresh: never, notUntil: never}
		p.out.begin(1)
		p.in.begin(0)
		q.peers = slices.Insert(q.peers, i, p)
	}
	return q.peers[i]
}

// Quiet tells whether the replica of a group must not tick.
func (q *Groups) Quiet(g env.GroupID) bool { return q.led[g] != nil || q.resting[g] != nil }

// Settled tells whether a group that is led here rests on all its replicas.
func (q *Groups) Settled(g env.GroupID) bool { l := q.led[g]; return l != nil && l.waits == 0 }

// Offer begins to put a group to rest that is led here and may (MayRest). On
// true its leader stops ticking at once: a heartbeat would wake up the followers.
// false: a follower's node is not well, or too much is under way.
func (q *Groups) Offer(now time.Duration, g env.GroupID, l Leader) bool {
	if q.Quiet(g) {
		return false
	}
	for i := range l.Followers {
		if p := q.peer(l.Followers[i].Node); !p.up || len(p.out.changes) >= q.cfg.MaxChanges/2 {
			return false
		}
	}
	q.offered++
	q.led[g] = &led{followers: slices.Clone(l.Followers), waits: len(l.Followers), offer: q.offered}
	for i := range l.Followers {
		f := &l.Followers[i]
		q.peer(f.Node).out.add(q.cfg.Key, Grant{Group: g, Term: l.Term, Replica: f.Replica, Index: l.Last})
	}
	q.offers = append(q.offers, offer{group: g, number: q.offered, deadline: now + q.cfg.SettleTimeout})
	return true
}

// Wake has a replica tick again because something came for its group (a
// request, a message of raft's), or because its role, term, leader or membership
// changes, or it ends. To be called in the same turn, before any message leaves.
func (q *Groups) Wake(g env.GroupID) {
	if q.led[g] != nil {
		q.wakeLed(g, Asked)
	}
	if p := q.resting[g]; p != nil {
		p.in.awake[g] = struct{}{}
		q.wakeResting(p, g, Asked)
	}
}

// wakeLed takes a leader's grants back.
func (q *Groups) wakeLed(g env.GroupID, why Reason) {
	l := q.led[g]
	delete(q.led, g)
	for i := range l.followers {
		p := q.peer(l.followers[i].Node)
		if _, in := p.out.grants[g]; !in {
			continue // the set began anew
		}
		if len(p.out.changes) >= q.cfg.MaxChanges {
			q.beginAnew(p, why)
			continue
		}
		p.out.remove(q.cfg.Key, g)
	}
	q.host.Wake(g, 0, why)
}

func (q *Groups) wakeResting(p *peer, g env.GroupID, why Reason) {
	delete(q.resting, g)
	q.host.Wake(g, p.node, why)
}

// beginAnew empties the set toward a peer: whatever is led here and rests there
// wakes up, everywhere.
func (q *Groups) beginAnew(p *peer, why Reason) {
	before := p.out.grants
	p.out.begin(p.out.era + 1)
	for _, g := range slices.Sorted(maps.Keys(before)) {
		if q.led[g] != nil {
			q.wakeLed(g, why)
		}
	}
}

// breakMirror wakes up whatever rests here and is led there, until the peer
// begins anew.
func (q *Groups) breakMirror(p *peer, why Reason) {
	before := p.in.grants
	p.in.begin(p.in.era)
	p.in.broken = true
	for _, g := range slices.Sorted(maps.Keys(before)) {
		if q.resting[g] == p {
			q.wakeResting(p, g, why)
		}
	}
}

// down wakes up everything between the two nodes.
func (q *Groups) down(p *peer) {
	p.up = false
	q.breakMirror(p, PairDown)
	q.beginAnew(p, PairDown)
}

// PeerDown takes the hint that the connection to a node closed. Only what the
// node answers from now on says that it lives.
func (q *Groups) PeerDown(now time.Duration, node env.NodeID) {
	p := q.peer(node)
	p.notUntil = now
	if p.up {
		q.down(p)
	}
}

// Forget drops a node that left the cluster.
func (q *Groups) Forget(node env.NodeID) {
	p := q.peer(node)
	q.down(p)
	q.peers = slices.DeleteFunc(q.peers, func(other *peer) bool { return other == p })
}

// Tick wakes up what is overdue. To be called at every tick of the node: it
// bounds how late a dead peer is noticed. It costs the number of peers, not of
// groups.
func (q *Groups) Tick(now time.Duration) {
	for _, p := range q.peers {
		q.expire(now, p)
	}
	for len(q.offers) > 0 {
		o := q.offers[0]
		l := q.led[o.group]
		pending := l != nil && l.offer == o.number && l.waits > 0
		if pending && o.deadline > now {
			return
		}
		q.offers = q.offers[1:]
		if pending {
			q.wakeLed(o.group, Unsettled)
		}
	}
}

func (q *Groups) expire(now time.Duration, p *peer) {
	if p.up && now-p.fresh > q.cfg.PeerTimeout {
		q.down(p)
	}
}

// Beat is what to send to a node now. Its slices are valid until the next call
// of any method.
func (q *Groups) Beat(now time.Duration, to env.NodeID) Beat { return q.peer(to).beat(now) }

// Up tells whether a pair of nodes is well.
func (q *Groups) Up(node env.NodeID) bool { return q.peer(node).up }

// Fresh is a moment at which a node is known to have lived, not earlier: when
// the newest beat that it answered was sent. Far in the past if none was.
func (q *Groups) Fresh(node env.NodeID) time.Duration { return q.peer(node).fresh }

// Resting is how many replicas here do not tick.
func (q *Groups) Resting() int { return len(q.led) + len(q.resting) }
