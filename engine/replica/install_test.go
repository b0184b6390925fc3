package replica

import (
	"errors"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/diskmodel"
	"github.com/lockstep-log/lockstep/engine/env"
)

// behind makes a cluster whose third node is away until its peers' journals have
// forgotten what it needs.
func behind(t *testing.T) *cluster {
	c := newCluster(t, 3)
	c.produce(5)
	c.run(time.Second)
	c.leave(c.nodes[2])
	return c
}

// leave has a node miss what its peers' journals forget.
func (c *cluster) leave(n *node) {
	c.t.Helper()
	n.crash(false)
	c.produce(200)
	c.run(time.Second)
	if first, _ := c.leader().r.view.FirstIndex(); first < 50 {
		c.t.Fatalf("the leader still has entries from %d on", first)
	}
}

func TestAMemberBelowTheJournalGetsASnapshot(t *testing.T) {
	c := behind(t)
	c.nodes[2].boot(false)
	c.settled()
	if n := c.nodes[2].events[env.EventSnapshot]; n != 1 {
		t.Fatalf("%d snapshots installed", n)
	}
	c.produce(5)
	c.nodes[2].crash(false)
	c.nodes[2].boot(false)
	c.settled()
}

// atOperation ends a node's process at its nth operation on the disk from now
// on; it tells how many there were.
func (n *node) atOperation(nth int, end func()) (count *int) {
	count = new(int)
	n.disk.Observe(func(diskmodel.Step) {
		if *count++; *count == nth {
			n.disk.Observe(nil)
			n.c.k.After(0, end)
		}
	})
	return count
}

// Whatever operation of the restarted member is its last: it comes back, takes
// the snapshot, and forgets nothing.
func TestACrashAtEachOperationOfAnInstallation(t *testing.T) {
	c := behind(t)
	total := c.nodes[2].atOperation(0, nil)
	c.nodes[2].boot(false)
	c.settled()
	operations := *total
	if operations < 5 || operations > 500 {
		t.Fatalf("%d operations", operations)
	}
	installed := 0
	for nth := 1; nth <= operations; nth++ {
		for _, power := range []bool{false, true} {
			c := behind(t)
			n := c.nodes[2]
			n.atOperation(nth, func() {
				n.crash(power)
				c.k.After(100*time.Millisecond, func() { n.boot(false) })
			})
			n.boot(false)
			c.run(2 * time.Second)
			c.settled()
			c.produce(2)
			c.settled()
			installed += n.events[env.EventSnapshot]
		}
	}
	if installed < operations {
		t.Errorf("%d installations in %d runs", installed, 2*operations)
	}
}

// The machine is at the snapshot and its checkpoint says so; the journal has not
// heard of it. It is brought there with the promises that it holds.
func TestACrashBetweenMachineAndJournal(t *testing.T) {
	c := newCluster(t, 3)
	c.produce(1)
	c.leader().crash(false) // so that the term is not the first one
	c.produce(1)
	for _, n := range c.nodes {
		if !*n.alive {
			n.boot(false)
		}
	}
	c.settled()
	c.leave(c.nodes[2])
	n := c.nodes[2]
	n.onEvent = func(e env.Event) {
		if e.Kind == env.EventRepaired { // the machine's Restore is durable
			n.onEvent = nil
			n.crash(true)
		}
	}
	n.boot(false)
	c.until(func() bool { return !*n.alive }, "crash")
	if at := n.ledgers.checkpoint; !at.Installed || at.Index == 0 {
		t.Fatalf("the machine is at %+v", at)
	}
	promised := n.journal.Group(clusterGroup).HardState
	deaf := true // what it knows it knows from its disk
	c.drop = func(_, to env.NodeID) bool { return deaf && to == n.id }
	n.boot(false)
	c.run(100 * time.Millisecond)
	if n.r.Fenced() != nil || n.r.applied != n.ledgers.checkpoint.Index {
		t.Fatalf("applied %d: %v", n.r.applied, n.r.Fenced())
	}
	if got := n.journal.Group(clusterGroup).HardState; got.Term != promised.Term || got.Vote != promised.Vote || got.Term < 2 {
		t.Fatalf("it stands by %+v, it promised %+v", got, promised)
	}
	deaf = false
	c.settled()
}

// raft cannot be told that a snapshot it has taken is not to be had: the replica
// is made anew within the process.
func TestAMachineThatRefusesASnapshotIsReopened(t *testing.T) {
	c := behind(t)
	n := c.nodes[2]
	n.ledgers.refuse = errors.New("a file that was to be kept has vanished")
	n.boot(false)
	c.settled()
	if n.opens < 2 || n.events[env.EventSnapshotFailed] == 0 {
		t.Fatalf("opened %d times, %d snapshots failed", n.opens, n.events[env.EventSnapshotFailed])
	}
}

// The leader dies while the member stages: the next one offers its own.
func TestTheLeaderDiesWhileAMemberStages(t *testing.T) {
	c := behind(t)
	n := c.nodes[2]
	// Only after the third is there can another lead at all.
	old := c.leader()
	n.onEvent = func(e env.Event) {
		if e.Kind == env.EventSnapshotStaged {
			n.onEvent = nil
			c.k.After(0, func() { old.crash(false) })
			c.k.After(3*time.Second, func() { old.boot(false) })
		}
	}
	n.boot(false)
	c.run(5 * time.Second)
	c.settled()
	if n.events[env.EventSnapshot] == 0 {
		t.Fatal("no snapshot was installed")
	}
}

// A snapshot whose staging fails is offered again.
func TestASnapshotThatCannotBeStagedIsOfferedAgain(t *testing.T) {
	c := behind(t)
	l, n := c.leader(), c.nodes[2]
	failures := 0
	l.onEvent = func(e env.Event) {
		switch e.Kind {
		case env.EventSnapshotSent:
			if failures < 3 {
				clear(l.offers)
			}
		case env.EventSnapshotFailed:
			failures++
		default:
		}
	}
	n.boot(false)
	c.settled()
	if failures < 3 || n.events[env.EventSnapshot] != 1 {
		t.Fatalf("%d failures, %d installations", failures, n.events[env.EventSnapshot])
	}
}
