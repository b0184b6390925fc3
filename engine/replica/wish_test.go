package replica

import (
	"fmt"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
)

// wishFor changes where the members should be.
func (c *cluster) wishFor(voters ...env.NodeID) { c.wish = Wish{Voters: voters} }

// needOne lets a leader acknowledge alone, if it is the only voter.
func (c *cluster) needOne() {
	c.minISR = 1 // of processes to come
	for _, n := range c.nodes {
		n.r.cfg.MinISR = 1
	}
}

// A group moves, grows and shrinks while it takes commands; whoever leads.
func TestAGroupGoesWhereItIsWishedFor(t *testing.T) {
	for seed := range uint64(5) {
		c := newClusterOn(t, 6, 3, seed)
		c.needOne()
		c.produce(20)
		for _, voters := range [][]env.NodeID{
			{4, 5, 6}, {4}, {1}, {1, 2, 3, 4, 5}, {5, 6, 1}, {2, 3},
		} {
			c.wishFor(voters...)
			c.produce(10)
			c.settled()
		}
	}
}

// A learner that is wished for as such stays one, and has everything.
func TestALearnerStaysOne(t *testing.T) {
	c := newClusterOn(t, 4, 3, 1)
	c.produce(20)
	c.wish = Wish{Voters: []env.NodeID{1, 2, 3}, Learners: []env.NodeID{4}}
	c.settled()
	c.produce(5)
	f := c.nodes[3]
	c.until(func() bool { return f.r.applied == c.nodes[0].r.applied }, "learner that is up to date")
	if m, ok := f.r.members.OnNode(4); !ok || !m.Learner || f.r.Machine().Fingerprint() != c.nodes[0].r.Machine().Fingerprint() {
		t.Fatalf("%s", c)
	}
	c.wishFor(1, 2, 3)
	c.settled() // and it is gone
}

// A wish that is taken back in the middle leaves the group as it was.
func TestAWishIsTakenBack(t *testing.T) {
	for after := time.Duration(0); after < 3*time.Second; after += 100 * time.Millisecond {
		c := newClusterOn(t, 6, 3, uint64(after))
		c.produce(20)
		c.wishFor(4, 5, 6)
		c.run(after)
		c.wishFor(1, 2, 3)
		c.produce(3)
		c.settled()
	}
}

// A group whose new node never comes keeps its members and serves.
func TestAMoveToANodeThatIsDown(t *testing.T) {
	c := newClusterOn(t, 4, 3, 1)
	c.produce(10)
	c.nodes[3].crash(false)
	c.wishFor(1, 2, 4)
	c.run(5 * time.Second)
	c.produce(5)
	if voters, _ := splitIDs(c.leader().r.members.Members); len(voters) != 3 {
		t.Fatalf("%s", c)
	}
	c.nodes[3].boot(false)
	c.settled()
}

// Who is to leave is not replaced first.
func TestALostMemberThatIsToLeave(t *testing.T) {
	c := newClusterOn(t, 4, 3, 1)
	c.produce(10)
	f := c.nodes[2]
	if c.leader() == f {
		f = c.nodes[1]
	}
	f.void()
	rest := []env.NodeID{}
	for _, n := range c.nodes {
		if n != f {
			rest = append(rest, n.id)
		}
	}
	c.wishFor(rest...)
	c.settled()
	if id := f.r.Self(); id > 103 {
		t.Fatalf("it came back as replica %d", id)
	}
}

// The leader dies as soon as anybody has applied a step of a move, whichever
// node it is on and whether or not it is to leave.
func TestTheLeaderDiesAtEachStepOfAMove(t *testing.T) {
	for _, move := range [][]env.NodeID{{4, 5, 6}, {4}, {1, 2, 4}} {
		for step := 1; step <= 6; step++ {
			for _, power := range []bool{false, true} {
				t.Run(fmt.Sprintf("%v/%d/%v", move, step, power), func(t *testing.T) {
					c := newClusterOn(t, 6, 3, uint64(step))
					c.needOne()
					c.produce(10)
					seen := 0
					for _, n := range c.nodes {
						n.onEvent = func(e env.Event) {
							if e.Kind != env.EventMembers || !n.r.Leading() {
								return
							}
							if seen++; seen == step {
								c.k.After(0, func() { n.crash(power) })
								c.k.After(2*time.Second, func() { n.boot(false) })
							}
						}
					}
					c.wishFor(move...)
					c.run(4 * time.Second)
					c.produce(3)
					c.settled()
				})
			}
		}
	}
}

// A node that joins crashes at each operation of its disk.
func TestACrashAtEachOperationOfAJoin(t *testing.T) {
	prepare := func() (*cluster, *node) {
		c := newClusterOn(t, 4, 3, 1)
		c.produce(20)
		return c, c.nodes[3]
	}
	c, f := prepare()
	total := f.atOperation(0, nil)
	c.wishFor(1, 2, 4)
	c.settled()
	operations := *total
	for nth := 1; nth <= operations; nth++ {
		for _, power := range []bool{false, true} {
			c, f := prepare()
			f.atOperation(nth, func() {
				f.crash(power)
				c.k.After(time.Duration(nth%3)*time.Second, func() { f.boot(false) })
			})
			c.wishFor(1, 2, 4)
			c.run(4 * time.Second)
			c.settled()
			c.produce(3)
			c.settled()
		}
	}
	if operations < 5 {
		t.Errorf("%d operations", operations)
	}
}
