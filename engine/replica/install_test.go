package replica

import (
	"errors"
	"testing"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/diskmodel"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/membership"
	"github.com/lockstep-log/lockstep/engine/ship"
	"github.com/lockstep-log/lockstep/engine/wire"
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

// A vote that is asked for during an installation waits for its end, and is not
// undone by it.
func TestAVoteDuringAnInstallationIsNotForgotten(t *testing.T) {
	for after := time.Duration(0); after < 3*time.Millisecond; after += 200 * time.Microsecond {
		c := behind(t)
		n, l := c.nodes[2], c.leader()
		n.ledgers.slow = 300 * time.Millisecond
		n.boot(false)
		c.until(func() bool { return n.r != nil && n.r.install.phase == installing }, "installation")
		l.do(func() { l.r.TransferAway(func(env.NodeID) bool { return false }) })
		c.until(func() bool { return len(n.r.install.queue) > 0 }, "append that waits")
		c.until(func() bool { return n.events[env.EventSnapshot] > 0 }, "end of it")
		c.run(after)
		n.crash(true)
		n.ledgers.slow = 0
		n.boot(false)
		c.settled()
	}
}

// What a deposed leader wrote and nobody took goes, whether it is shorter or
// longer than the snapshot that comes in its place, and whenever the member ends.
func TestASnapshotOverAConflictingLog(t *testing.T) {
	diverged := func(theirs int) (*cluster, *node) {
		c := newCluster(t, 3)
		c.produce(5)
		old := c.leader()
		cut := true
		c.drop = func(from, to env.NodeID) bool { return cut && (from == old.id || to == old.id) }
		old.do(func() {
			for range 99 {
				old.r.Propose(AppendCommand(nil, make([]byte, 200)), time.Second, func(Outcome) {})
			}
		})
		c.until(func() bool { return !old.r.Leading() && c.leader() != old }, "other leader")
		c.produce(theirs)
		c.run(time.Second)
		c.leader().r.Checkpoint(func(error) {})
		c.run(time.Second)
		cut = false
		return c, old
	}
	for _, theirs := range []int{75, 250} {
		c, old := diverged(theirs)
		total, last, at := old.atOperation(0, nil), old.r.lastIndex, uint64(0)
		old.onEvent = func(e env.Event) {
			if e.Kind == env.EventSnapshot {
				at = e.Index
			}
		}
		c.settled()
		if at == 0 || at < last != (theirs < 99) {
			t.Fatalf("%d entries of theirs: a snapshot at %d over a log up to %d", theirs, at, last)
		}
		for nth := 1; nth <= *total; nth++ {
			c, old := diverged(theirs)
			old.atOperation(nth, func() {
				old.crash(nth%2 == 0)
				old.boot(false)
			})
			c.run(time.Second)
			c.settled()
		}
	}
}

// offerTo makes the message with which a leader offers a snapshot.
func offerTo(w *world, index, term, messageTerm uint64) *raftpb.Message {
	m := message(raftpb.MsgSnap, 102, w.r.Self(), messageTerm)
	m.Snapshot = &raftpb.Snapshot{
		Data:     ship.Ref{Group: 1, Index: index, Term: term, Bytes: 1}.Append(nil),
		Metadata: &raftpb.SnapshotMetadata{Index: &index, Term: &term, ConfState: membership.Genesis(members).ConfState()},
	}
	return m
}

func TestOffersThatSupersede(t *testing.T) {
	w := newWorld(t, 101)
	w.follow(102)
	for _, c := range []struct {
		what                     string
		index, term, messageTerm uint64
		staged                   int // so many in all
	}{
		{"of a term that is over", 50, 3, 4, 0},
		{"the first", 50, 5, 5, 1},
		{"the same again", 50, 5, 5, 1},
		{"an older one, late", 40, 5, 5, 1},
		{"a newer one", 60, 5, 5, 2},
		{"an older one of a later leader", 45, 5, 6, 3},
	} {
		w.step(offerTo(w, c.index, c.term, c.messageTerm))
		if len(w.stages) != c.staged {
			t.Errorf("%s: %d staged in all, want %d", c.what, len(w.stages), c.staged)
		}
	}
	ended := w.stages
	w.do(func() { ended[0].done(nil, ship.ErrSuperseded) })
	if w.r.State() != Installing {
		t.Error("the end of a round that was superseded ended the last one")
	}
	w.do(func() { ended[2].done(nil, ship.ErrSources) })
	if w.r.State() != Serving {
		t.Error("a failure is not the end")
	}
	if last := w.sent[len(w.sent)-1].Own; last == nil || last.Kind != wire.OwnSnapStatus || last.Code != wire.Failed || last.Index != 45 {
		t.Errorf("the leader was told %+v", last)
	}
}

// Staged, but the term has moved on before raft saw it: the files stay for the
// next leader's offer of the same.
func TestStagedFilesWaitForTheNextLeader(t *testing.T) {
	w := newWorld(t, 101)
	w.follow(102)
	w.step(offerTo(w, 50, 5, 5))
	w.step(message(raftpb.MsgHeartbeat, 102, 101, 6)) // a later term
	files := &Staged{Manifest: machine.Manifest{Checkpoint: machine.Checkpoint{Index: 50, Term: 5, Meta: GenesisMeta(members)}}, Discard: func() {}}
	w.do(func() { w.stages[0].done(files, nil) })
	if w.r.install.phase != staged || w.fenced != nil {
		t.Fatalf("phase %d, fenced %v", w.r.install.phase, w.fenced)
	}
	restored := false
	w.machine.restore = func() { restored = true }
	w.step(offerTo(w, 50, 5, 6))
	if !restored || len(w.stages) != 1 {
		t.Fatalf("restored %v, staged %d times", restored, len(w.stages))
	}
}

func TestAManifestThatIsNotTheOfferIsRefused(t *testing.T) {
	others := membership.Genesis([]membership.Member{{ID: 101, Node: 1}, {ID: 102, Node: 2}})
	for name, at := range map[string]machine.Checkpoint{
		"another index":      {Index: 51, Term: 5, Meta: GenesisMeta(members)},
		"another term":       {Index: 50, Term: 4, Meta: GenesisMeta(members)},
		"another membership": {Index: 50, Term: 5, Meta: meta{members: others}.encode()},
		"no membership":      {Index: 50, Term: 5},
	} {
		w := newWorld(t, 101)
		w.follow(102)
		w.step(offerTo(w, 50, 5, 5))
		w.do(func() { w.stages[0].done(&Staged{Manifest: machine.Manifest{Checkpoint: at}, Discard: func() {}}, nil) })
		if w.r.State() != Serving || w.fenced != nil {
			t.Errorf("%s: %v, fenced %v", name, w.r.State(), w.fenced)
		}
	}
}

// A member that is silent about its snapshot is given up, and offered again.
func TestASnapshotWithoutProgressIsGivenUp(t *testing.T) {
	c := behind(t)
	l, n := c.leader(), c.nodes[2]
	var gaveUp []time.Duration
	var sent time.Duration
	l.onEvent = func(e env.Event) {
		switch e.Kind {
		case env.EventSnapshotSent:
			sent = time.Duration(c.k.Now())
		case env.EventSnapshotFailed:
			gaveUp = append(gaveUp, time.Duration(c.k.Now())-sent)
		default:
		}
	}
	n.stuck = true
	n.boot(false)
	c.until(func() bool { return len(gaveUp) == 3 }, "snapshots given up")
	for _, after := range gaveUp {
		if after < 2*time.Second || after > 2*time.Second+100*time.Millisecond {
			t.Errorf("given up after %v", after)
		}
	}
	n.stuck = false
	c.settled()
	if len(l.offers) != 0 {
		t.Errorf("%d offers are still open", len(l.offers))
	}
}

// While a snapshot is on its way the leader's journal forgets what follows it:
// the member gets another.
func TestTheJournalForgetsWhatFollowsASnapshot(t *testing.T) {
	c := behind(t)
	n := c.nodes[2]
	n.ledgers.slow = time.Second
	n.boot(false)
	c.until(func() bool { return n.r != nil && n.r.install.phase == installing }, "installation")
	at := n.r.install.ref.Index
	c.produce(200)
	if first, _ := c.leader().r.view.FirstIndex(); first <= at+1 {
		t.Fatalf("the leader still has entries from %d on", first)
	}
	c.settled()
	if n.events[env.EventSnapshot] < 2 {
		t.Fatalf("%d snapshots installed", n.events[env.EventSnapshot])
	}
}
