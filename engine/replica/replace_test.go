package replica

import (
	"errors"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/membership"
	"github.com/lockstep-log/lockstep/engine/wire"
)

var errRot = errors.New("a byte of the journal has rotted")

// void has a node's replica forget what it promised, as recovery finds it.
func (n *node) void() {
	n.do(func() {
		n.journal.Fence(clusterGroup, errRot)
		n.r.Fence(errRot)
	})
}

// replaced waits until a node serves as a voter under a later id.
func (c *cluster) replaced(n *node, old env.ReplicaID) {
	c.t.Helper()
	c.settled()
	if n.r.Self() <= old {
		c.t.Fatalf("node %d still is replica %d", n.id, n.r.Self())
	}
	for _, other := range c.nodes {
		if _, member := other.r.members.Member(old); member {
			c.t.Fatalf("node %d still has replica %d: %+v", other.id, old, other.r.members)
		}
	}
}

func TestAReplicaThatMayHaveForgottenIsReplaced(t *testing.T) {
	for _, size := range []int{3, 5} {
		c := newCluster(t, size)
		c.produce(20)
		f := c.nodes[size-1]
		if c.leader() == f {
			f = c.nodes[0]
		}
		old := f.r.Self()
		f.void()
		c.produce(5)
		c.replaced(f, old)
		if f.r.Self() != env.ReplicaID(101+size) {
			t.Fatalf("it is replica %d now", f.r.Self())
		}
		c.produce(5)
		c.settled()
	}
}

// The leader is the one that forgot: others elect, and replace it.
func TestALeaderThatMayHaveForgottenIsReplaced(t *testing.T) {
	c := newCluster(t, 3)
	c.produce(20)
	f := c.leader()
	old := f.r.Self()
	f.void()
	c.replaced(f, old)
	c.produce(5)
	c.settled()
}

// The successor needs more than the journals have: it begins at its own
// checkpoint and gets a snapshot.
func TestASuccessorBelowTheJournalGetsASnapshot(t *testing.T) {
	c := behind(t)
	f := c.nodes[2]
	f.boot(false)
	c.run(time.Millisecond) // it has not heard of anybody yet
	old := env.ReplicaID(103)
	c.until(func() bool { return f.r != nil && f.r.rn != nil }, "replica")
	f.void()
	c.replaced(f, old)
	if f.events[env.EventSnapshot] == 0 {
		t.Fatal("it caught up without a snapshot")
	}
}

func TestEveryoneIsReplacedInTurn(t *testing.T) {
	c := newCluster(t, 3)
	for round := range 2 {
		for _, n := range c.nodes {
			c.produce(5)
			old := n.r.Self()
			n.void()
			c.replaced(n, old)
		}
		if got := c.nodes[0].r.members.Next; got != env.ReplicaID(107+3*round) {
			t.Fatalf("next id %d", got)
		}
	}
}

// Two of three forgot: nothing is proposed that could not be committed, nothing
// false is served, and nobody speaks under an old id.
func TestWithoutAQuorumNobodyIsReplaced(t *testing.T) {
	c := newCluster(t, 3)
	c.produce(5)
	c.nodes[1].void()
	c.nodes[2].void()
	c.run(5 * time.Second)
	for _, n := range c.nodes {
		if n.r.Leading() || n.r.members.Index != 0 {
			t.Fatalf("node %d leads %v, membership %+v", n.id, n.r.Leading(), n.r.members)
		}
	}
}

func TestAGroupOfOneAndOfTwo(t *testing.T) {
	c := newCluster(t, 2)
	c.produce(5)
	f := c.nodes[0]
	if c.leader() == f {
		f = c.nodes[1]
	}
	f.void()
	c.run(5 * time.Second)
	for _, n := range c.nodes {
		if n.r.members.Index != 0 {
			t.Fatalf("node %d: %+v", n.id, n.r.members)
		}
	}
}

// A crash of anybody at each operation on the disk of the one that is replaced,
// of the leader at each step of the membership: another goes on, an id is never
// used twice, nothing acknowledged is lost.
func TestACrashAtEachOperationOfAReplacement(t *testing.T) {
	prepare := func() (*cluster, *node, *node) {
		c := newCluster(t, 3)
		c.produce(20)
		l := c.leader()
		f := c.nodes[0]
		if f == l {
			f = c.nodes[1]
		}
		return c, f, l
	}
	for _, who := range []string{"the one replaced", "the leader"} {
		c, f, l := prepare()
		victim := f
		if who == "the leader" {
			victim = l
		}
		old := f.r.Self()
		total := victim.atOperation(0, nil)
		f.void()
		c.replaced(f, old)
		operations := *total
		again := 0
		for nth := 1; nth <= operations; nth++ {
			for _, power := range []bool{false, true} {
				c, f, l := prepare()
				victim := f
				if who == "the leader" {
					victim = l
				}
				victim.atOperation(nth, func() {
					victim.crash(power)
					c.k.After(time.Duration(nth%3)*time.Second, func() { victim.boot(false) })
				})
				f.void()
				c.run(4 * time.Second)
				c.settled()
				// A fence that was not durable, of a replica that is whole, is no loss: it
				// may serve on. A durable one ends in another id.
				if f.r.Self() == old && (who == "the leader" || nth > 3) {
					t.Errorf("%s, operation %d: node %d still is replica %d", who, nth, f.id, old)
				}
				if f.r.Self() > 104 {
					again++
				}
				c.produce(3)
				c.settled()
			}
		}
		if operations < 10 || who != "the leader" && again == 0 {
			t.Errorf("%s: %d operations, %d times another id was granted", who, operations, again)
		}
	}
}

// The leader dies as soon as anybody has applied a step.
func TestTheLeaderDiesAtEachStepOfAReplacement(t *testing.T) {
	for step := 1; step <= 3; step++ {
		for _, power := range []bool{false, true} {
			c := newCluster(t, 3)
			c.produce(10)
			l := c.leader()
			f := c.nodes[0]
			if f == l {
				f = c.nodes[1]
			}
			old := f.r.Self()
			seen := 0
			l.onEvent = func(e env.Event) {
				if e.Kind == env.EventMembers {
					if seen++; seen == step {
						l.onEvent = nil
						c.k.After(0, func() { l.crash(power) })
						c.k.After(2*time.Second, func() { l.boot(false) })
					}
				}
			}
			f.void()
			c.run(4 * time.Second)
			c.replaced(f, old)
			c.produce(3)
			c.settled()
		}
	}
}

// A grant that was lost, late or for an earlier life is of no use to anybody: the
// next life gets an id of its own.
func TestAnEarlierLifesIdIsNotUsed(t *testing.T) {
	c := newCluster(t, 3)
	c.produce(10)
	f := c.nodes[2]
	if c.leader() == f {
		f = c.nodes[1]
	}
	old := f.r.Self()
	f.void()
	l := c.leader()
	c.until(func() bool { m, _ := l.r.members.OnNode(f.id); return m.ID == 104 }, "replacement")
	f.crash(true) // before the grant came
	c.run(time.Second)
	f.boot(false)
	c.replaced(f, old)
	if f.r.Self() != 105 {
		t.Fatalf("it is replica %d", f.r.Self())
	}
	if _, spoke := c.spoke[104]; spoke {
		t.Fatal("replica 104 spoke")
	}
}

// A healthy replica that was replaced on an outdated report learns of it, and
// comes back under a fresh id.
func TestAHealthyReplicaThatWasReplacedComesBack(t *testing.T) {
	c := newCluster(t, 3)
	c.produce(10)
	l := c.leader()
	f := c.nodes[0]
	if f == l {
		f = c.nodes[1]
	}
	old := f.r.Self()
	report := Lost{Group: clusterGroup, Node: f.id, Replica: old, Disk: f.journal.Disk(), Incarnation: f.journal.Incarnation(), Nonce: 1}
	l.do(func() { l.r.Lost(report) })
	c.until(func() bool { return f.r.Fenced() != nil || f.r.Self() != old }, "fence")
	c.replaced(f, old)
	if !errors.Is(f.lastErr, ErrRemoved) {
		t.Fatalf("it was fenced for %v", f.lastErr)
	}
}

// While a member was away another was replaced, and its successor leads: a
// sender that is newer than what a replica has applied may speak, or the two
// would never meet.
func TestAMemberThatWasAwayFollowsASuccessor(t *testing.T) {
	c := newCluster(t, 5)
	c.produce(5)
	l := c.leader()
	var followers []*node
	for _, n := range c.nodes {
		if n != l {
			followers = append(followers, n)
		}
	}
	away, f := followers[0], followers[1]
	cut := true
	c.drop = func(from, to env.NodeID) bool { return cut && (from == away.id || to == away.id) }
	f.void()
	c.until(func() bool {
		m, ok := l.r.members.Member(f.r.Self())
		return ok && f.r.Self() == 106 && !m.Learner && l.r.insync.state.Contains(106)
	}, "successor")
	l.do(func() { l.r.TransferAway(func(n env.NodeID) bool { return n != f.id }) })
	c.until(f.r.Leading, "successor that leads")
	if away.r.members.Index != 0 {
		t.Fatalf("the one that was away knows %+v", away.r.members)
	}
	cut = false
	c.until(func() bool { return away.r.Leader() == f.id }, "leader known to the one that was away")
	c.settled()
}

func TestBorderOfMembers(t *testing.T) {
	c := newCluster(t, 3)
	c.produce(3)
	f := c.nodes[2]
	if c.leader() == f {
		f = c.nodes[1]
	}
	old := f.r.Self()
	f.void()
	c.replaced(f, old)
	l := c.leader()
	if l == f {
		c.until(func() bool { l = c.leader(); return true }, "leader")
	}
	r := l.r
	for name, one := range map[string]struct {
		from  env.NodeID
		disk  uint64
		id    env.ReplicaID
		admit bool
	}{
		"a member":                 {f.id, f.journal.Disk(), f.r.Self(), true},
		"from another node":        {l.id, f.journal.Disk(), f.r.Self(), false},
		"from another disk":        {f.id, f.journal.Disk() + 1, f.r.Self(), false},
		"removed":                  {f.id, f.journal.Disk(), old, false},
		"newer than what is known": {f.id, 1, r.members.Next, true},
		"itself":                   {l.id, 1, r.Self(), false},
	} {
		if got := r.admits(one.from, one.disk, one.id); got != one.admit {
			t.Errorf("%s: admitted %v", name, got)
		}
	}
	if r.nodeOf(r.members.Next) != f.id || r.admits(l.id, 1, r.members.Next) {
		t.Error("a newer one speaks from two nodes")
	}
	for i := range 40 {
		r.admits(f.id, 1, r.members.Next+env.ReplicaID(i)+1)
	}
	if len(r.routes) > mostRoutes {
		t.Errorf("%d routes", len(r.routes))
	}
	r.changes.markDue = false
	r.Leaving(f.id, &wire.Own{Kind: wire.OwnLeaving, From: f.r.Self()})
	if r.changes.markDue {
		t.Error("a member asks whether it is needed")
	}
	r.Removed(&wire.Own{Kind: wire.OwnRemoved, To: r.Self(), Index: r.members.Index})
	if r.Fenced() != nil {
		t.Error("removed by a configuration that is applied here, and has it")
	}
}

func TestAFullDiskHandsLeadershipOver(t *testing.T) {
	c := newCluster(t, 3)
	c.produce(3)
	l := c.leader()
	l.full = true
	var got error
	l.do(func() {
		l.r.Propose(AppendCommand(nil, []byte("12345678")), time.Second, func(o Outcome) { got = o.Err })
	})
	if !errors.Is(got, ErrStorage) {
		t.Fatalf("a full disk takes a command: %v", got)
	}
	var other *node
	for _, n := range c.nodes {
		if n != l {
			other = n // the last one; the others are to be avoided
		}
	}
	l.do(func() { l.r.TransferAway(func(n env.NodeID) bool { return n != other.id }) })
	c.until(func() bool { return other.r.Leading() }, "transfer")
	c.produce(5)
	if l.r.applied >= other.r.applied {
		t.Fatalf("it took %d entries in", l.r.applied)
	}
	l.full = false
	c.settled()
}

func TestMetaRoundTrip(t *testing.T) {
	s := membership.Genesis([]membership.Member{{ID: 101, Node: 1}, {ID: 102, Node: 2}})
	m := meta{members: s}
	again, err := decodeMeta(m.encode())
	if err != nil || again.members.Next != 103 {
		t.Fatalf("%+v, %v", again, err)
	}
	for _, bad := range [][]byte{nil, {1, 0, 0}, m.encode()[:5], append(m.encode(), 0)} {
		if _, err := decodeMeta(bad); !errors.Is(err, ErrMeta) {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

// A learner gets its vote only once it has kept up for an election timeout.
func TestALearnerThatLagsIsNotPromoted(t *testing.T) {
	c := newCluster(t, 3)
	c.produce(5)
	l := c.leader()
	f := c.nodes[0]
	if f == l {
		f = c.nodes[1]
	}
	lagging := false
	c.drop = func(_, to env.NodeID) bool { return lagging && to == f.id }
	f.onEvent = func(e env.Event) { lagging = lagging || e.Kind == env.EventReplica }
	f.void()
	c.until(func() bool { return lagging }, "adoption")
	learner := func() bool { m, _ := l.r.members.OnNode(f.id); return m.Learner }
	for range 20 {
		c.produce(1)
		c.run(200 * time.Millisecond)
		if !learner() {
			t.Fatal("promoted while nothing reaches it")
		}
	}
	lagging, f.onEvent = false, nil
	back := c.k.Now()
	c.until(func() bool { return !learner() }, "promotion")
	if waited := time.Duration(c.k.Now() - back); waited < l.r.electionTimeout() {
		t.Fatalf("promoted after %v", waited)
	}
	c.settled()
}
