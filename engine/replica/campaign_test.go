package replica

import (
	"slices"
	"testing"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/engine/env"
)

// down reports a node's connection closed and returns the planned delays.
func (w *world) down(node env.NodeID) []time.Duration {
	w.delays, w.sent = nil, nil
	w.do(func() { w.r.PeerDown(node) })
	return slices.Clone(w.delays)
}

func TestCampaignsComeOneAfterTheOther(t *testing.T) {
	for _, c := range []struct {
		self, leader env.ReplicaID
		rank         int
	}{{101, 102, 0}, {101, 103, 0}, {102, 101, 0}, {102, 103, 1}, {103, 101, 1}, {103, 102, 1}} {
		w := newWorld(t, c.self)
		w.follow(c.leader)
		delays := w.down(w.r.members.Node(c.leader))
		least := time.Duration(c.rank) * rankStep
		if len(delays) != 1 || delays[0] < least || delays[0] >= least+rankStep/2 || c.rank == 0 && delays[0] != 0 {
			t.Fatalf("replica %d lost leader %d: delays %v, want rank %d", c.self, c.leader, delays, c.rank)
		}
		if w.r.Leader() != 0 {
			t.Errorf("replica %d still names node %d as leader", c.self, w.r.Leader())
		}
		w.run(delays[0] - 1)
		if c.rank > 0 && len(w.take(raftpb.MsgPreVote)) != 0 {
			t.Errorf("replica %d campaigned before its turn", c.self)
		}
		w.run(time.Millisecond)
		if n := len(w.take(raftpb.MsgPreVote)); n != 2 {
			t.Errorf("replica %d asked %d members for their votes, want 2", c.self, n)
		}
	}
}

// The event loop runs a timer that is due before the end of the turn: the
// campaign sees that nobody leads all the same.
func TestACampaignThatIsDueWithinTheTurnHappens(t *testing.T) {
	w := newWorld(t, 101)
	w.follow(102)
	w.do(func() {
		w.r.PeerDown(2)
		w.running = false
		w.k.Step() // the timer
		w.running = true
	})
	if n := len(w.take(raftpb.MsgPreVote)); n != 2 {
		t.Fatalf("%d members were asked for their votes, want 2", n)
	}
}

func TestACampaignIsCalledOff(t *testing.T) {
	for name, c := range map[string]struct {
		meanwhile func(w *world)
		asked     int
	}{
		"by a new leader":   {func(w *world) { w.step(message(raftpb.MsgHeartbeat, 101, 103, 6)) }, 0},
		"by the old leader": {func(w *world) { w.step(message(raftpb.MsgHeartbeat, 102, 103, 5)) }, 0},
		"by a later one": {func(w *world) {
			w.step(message(raftpb.MsgHeartbeat, 102, 103, 5))
			w.down(2)
		}, 2},
		"by a fence": {func(w *world) { w.do(func() { w.r.Fence(ErrDamaged) }) }, 0},
		"by a kill":  {func(w *world) { w.do(w.r.Kill) }, 0},
	} {
		w := newWorld(t, 103)
		w.follow(102)
		if d := w.down(2); len(d) != 1 || d[0] == 0 {
			t.Fatalf("%s: delays %v", name, d)
		}
		c.meanwhile(w)
		w.run(time.Second)
		if n := len(w.take(raftpb.MsgPreVote)); n != c.asked {
			t.Errorf("%s: %d members were asked for their votes, want %d", name, n, c.asked)
		}
	}
}

func TestOnlyTheLeadersNodeMatters(t *testing.T) {
	w := newWorld(t, 101)
	w.follow(102)
	for _, node := range []env.NodeID{3, 9} {
		if d := w.down(node); len(d) != 0 || w.r.Leader() != 2 {
			t.Errorf("node %d went: delays %v, leader on node %d", node, d, w.r.Leader())
		}
	}
	l := ledWorld(t)
	if d := l.down(2); len(d) != 0 || !l.r.Leading() {
		t.Errorf("a follower's node went: delays %v, leading %v", d, l.r.Leading())
	}
}
