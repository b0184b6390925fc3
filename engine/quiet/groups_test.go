package quiet

import (
	"errors"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
)

// pair is two nodes that know each other.
func pair(t *testing.T, maxChanges int) *couple {
	t.Helper()
	c := newCouple(maxChanges)
	c.settle()
	if !c.nodes[0].Up(2) || !c.nodes[1].Up(1) {
		t.Fatal("two nodes do not find each other")
	}
	return c
}

func (c *couple) mustOffer(t *testing.T, from int, g env.GroupID) {
	t.Helper()
	if !c.offer(from, g) {
		t.Fatalf("group %d cannot come to rest", g)
	}
}

// state checks how a group stands at its leader on node 0 and its follower on 1.
func (c *couple) state(t *testing.T, g env.GroupID, quiet, settled, rests bool) {
	t.Helper()
	if q, s, r := c.nodes[0].Quiet(g), c.nodes[0].Settled(g), c.nodes[1].Quiet(g); q != quiet || s != settled || r != rests {
		t.Fatalf("group %d: leader quiet %v, settled %v, follower rests %v; want %v, %v, %v", g, q, s, r, quiet, settled, rests)
	}
}

func (c *couple) take(t *testing.T, to int) []byte {
	t.Helper()
	if len(c.flights[to]) != 1 {
		t.Fatalf("%d beats under way toward %d, want 1", len(c.flights[to]), to)
	}
	p := c.flights[to][0]
	c.flights[to], c.senders[to] = nil, nil
	return p
}

func (c *couple) put(to int, p []byte) {
	c.flights[to], c.senders[to] = append(c.flights[to], p), append(c.senders[to], c.lives[1-to])
	c.deliver(to, len(c.flights[to])-1, false)
}

func TestAGroupComesToRestWithinARoundTripOfABeat(t *testing.T) {
	c := pair(t, 8)
	c.mustOffer(t, 0, 1)
	c.state(t, 1, true, false, false)
	c.beat(0)
	c.deliver(1, 0, false)
	c.state(t, 1, true, false, true)
	c.deliver(0, 0, false) // answered at once
	c.state(t, 1, true, true, true)
	if c.offer(0, 1) {
		t.Error("a group that rests is offered once more")
	}
	c.nodes[0].Wake(1)
	c.state(t, 1, false, false, true)
	c.beat(0)
	c.deliver(1, 0, false)
	c.state(t, 1, false, false, false)
	if n := c.nodes[0].Resting() + c.nodes[1].Resting(); n != 0 {
		t.Errorf("%d replicas rest", n)
	}
}

func TestAFollowerThatWakesUpWakesItsLeader(t *testing.T) {
	c := pair(t, 8)
	c.mustOffer(t, 0, 1)
	c.settle()
	c.nodes[1].Wake(1)
	c.state(t, 1, true, true, false)
	c.beat(1)
	old := c.take(t, 0)
	c.put(0, old)
	c.state(t, 1, false, false, false)
	c.settle()
	c.mustOffer(t, 0, 1)
	c.put(0, old) // once more: it speaks of the first grant
	c.state(t, 1, true, false, false)
}

func TestALeaderThatIsNotFollowedToRestWakesUp(t *testing.T) {
	c := pair(t, 8)
	c.mustOffer(t, 0, 1)
	c.nodes[0].Wake(1)
	c.now += 200 * ms
	c.beat(0)
	c.beat(1)
	c.deliver(1, 0, false)
	c.deliver(0, 0, false)
	c.deliver(0, 0, false)
	c.mustOffer(t, 0, 1)
	c.now += 200 * ms
	c.nodes[0].Tick(c.now) // the deadline of the first offer
	c.state(t, 1, true, false, false)
	c.now += 100 * ms
	c.nodes[0].Tick(c.now)
	c.state(t, 1, false, false, false)
	c.settle()
	c.state(t, 1, false, false, false)
}

// An acknowledgement of a grant that was taken back says nothing of the next.
func TestOnlyTheGrantInForceSettles(t *testing.T) {
	c := pair(t, 8)
	c.mustOffer(t, 0, 1)
	c.beat(0)
	c.deliver(1, 0, false)
	ack := c.take(t, 0)
	c.nodes[0].Wake(1)
	c.mustOffer(t, 0, 1)
	c.put(0, ack)
	c.state(t, 1, true, false, true)
	c.settle()
	c.state(t, 1, true, true, true)
}

func TestBeatsThatOvertakeEachOther(t *testing.T) {
	c := pair(t, 8)
	c.mustOffer(t, 0, 1)
	c.beat(0)
	early := c.take(t, 1)
	c.nodes[0].Wake(1)
	c.beat(0)
	late := c.take(t, 1)
	c.put(1, late)
	c.put(1, early)
	c.put(1, late)
	c.state(t, 1, false, false, false)
	c.settle()
	c.mustOffer(t, 0, 1)
	c.settle()
	c.state(t, 1, true, true, true)
}

// A peer that is wrong about numbers costs sleep, and nothing else.
func TestImpossibleBeatsBreakTheMirror(t *testing.T) {
	for name, change := range map[string]func(*Beat){
		"changes are missing": func(b *Beat) { b.First += 2 },
		"no first change":     func(b *Beat) { b.First = 0 },
		"another digest":      func(b *Beat) { b.Digest++ },
	} {
		c := pair(t, 8)
		c.mustOffer(t, 0, 1)
		c.settle()
		b := c.nodes[0].Beat(c.now, 2)
		change(&b)
		c.put(1, b.Append(nil))
		c.state(t, 1, true, true, false)
		if len(c.flights[0]) != 1 {
			t.Errorf("%s: the peer is not told at once", name)
		}
		c.settle()
		c.state(t, 1, false, false, false)
		c.mustOffer(t, 0, 1)
		c.settle()
		c.state(t, 1, true, true, true)
	}
}

func TestAnEchoFromTheFutureSaysNothing(t *testing.T) {
	c := pair(t, 8)
	b := c.nodes[1].Beat(c.now, 1)
	b.Echo = uint64(c.now + time.Hour)
	c.put(0, b.Append(nil))
	if c.nodes[0].Fresh(2) > c.now {
		t.Error("a beat that was not sent is answered")
	}
}

func TestBeatsToAnEarlierLifeSayNothing(t *testing.T) {
	c := pair(t, 8)
	for g := range env.GroupID(3) {
		c.mustOffer(t, 0, g+1)
	}
	c.settle()
	c.beat(1)
	old := c.take(t, 0)
	c.nodes[0] = c.node(0, 8)
	c.heard[0] = 0
	c.put(0, old)
	if c.nodes[0].Up(2) {
		t.Error("an answer to an earlier life's beat says that the pair is well")
	}
	c.settle()
	if c.nodes[0].Resting()+c.nodes[1].Resting() != 0 {
		t.Error("something rests over a restart")
	}
	c.mustOffer(t, 0, 1)
	c.put(0, old) // acknowledges as much in that life
	c.state(t, 1, true, false, false)
}

func TestAnEarlierErasAcknowledgementSaysNothing(t *testing.T) {
	c := pair(t, 8)
	c.mustOffer(t, 0, 1)
	c.settle()
	c.beat(1)
	old := c.take(t, 0)
	c.nodes[0].PeerDown(c.now, 2)
	c.now += ms
	c.settle()
	c.mustOffer(t, 0, 1)
	c.put(0, old)
	c.state(t, 1, true, false, false)
}

func TestAClosedConnectionIsBelieved(t *testing.T) {
	c := pair(t, 8)
	c.mustOffer(t, 0, 1)
	c.settle()
	c.beat(1)
	c.now += ms
	c.nodes[0].PeerDown(c.now, 2)
	c.state(t, 1, false, false, true)
	c.deliver(0, 0, false) // it answers what was sent before
	if c.nodes[0].Up(2) || c.nodes[0].Fresh(2) > c.now {
		t.Error("a beat from before says that the pair is well")
	}
	c.settle()
	if !c.nodes[0].Up(2) {
		t.Error("the pair stays down")
	}
	c.state(t, 1, false, false, false)
}

func TestASilentPairGoesDownOnBothSides(t *testing.T) {
	c := pair(t, 8)
	c.mustOffer(t, 0, 1)
	c.settle()
	c.now += testConfig().PeerTimeout
	c.nodes[0].Tick(c.now)
	c.nodes[1].Tick(c.now)
	c.state(t, 1, true, true, true)
	c.now++
	c.nodes[1].Tick(c.now)
	c.state(t, 1, true, true, false)
	c.nodes[0].Tick(c.now)
	c.state(t, 1, false, false, false)
}

// Without room to tell what changes, nothing new rests; what has to wake up takes
// all of the pair with it.
func TestChangesAreBounded(t *testing.T) {
	c := pair(t, 6)
	for g := range env.GroupID(3) {
		c.mustOffer(t, 0, g+1)
		c.settle()
	}
	for g := range env.GroupID(3) {
		c.mustOffer(t, 0, g+11)
	}
	if c.offer(0, 20) {
		t.Fatal("half of the changes are pending, and one more group comes to rest")
	}
	for g := range env.GroupID(3) {
		c.nodes[0].Wake(g + 11)
	}
	c.state(t, 1, true, true, true)
	c.nodes[0].Wake(2)
	for g := range env.GroupID(3) {
		c.state(t, g+1, false, false, true)
	}
	c.settle()
	for g := range env.GroupID(3) {
		c.state(t, g+1, false, false, false)
		c.mustOffer(t, 0, g+1)
		c.settle()
	}
}

func TestANodeThatLeftIsForgotten(t *testing.T) {
	c := pair(t, 8)
	c.mustOffer(t, 0, 1)
	c.settle()
	c.nodes[0].Forget(2)
	c.state(t, 1, false, false, true)
	c.nodes[1].Forget(1)
	c.state(t, 1, false, false, false)
	if len(c.nodes[0].peers) != 0 {
		t.Error("the peer is still there")
	}
}

func TestAGroupWithoutFollowersRestsAtOnce(t *testing.T) {
	c := newCouple(8)
	if !c.nodes[0].Offer(c.now, 1, Leader{Term: 1}) || !c.nodes[0].Settled(1) {
		t.Error("a group of one does not rest")
	}
	c.nodes[0].Wake(1)
	if c.nodes[0].Quiet(1) {
		t.Error("a group of one does not wake up")
	}
}

func TestWhoMayRest(t *testing.T) {
	cfg := testConfig()
	good := func() Leader {
		return Leader{
			Term: 3, Last: 7, Commit: 7, Applied: 7, Ready: true, Active: time.Second,
			Followers: []Follower{{Node: 2, Replica: 2, Match: 7}, {Node: 3, Replica: 3, Match: 7}},
		}
	}
	now := time.Second + cfg.IdleAfter
	if !cfg.MayRest(now, good()) {
		t.Fatal("an idle group may not rest")
	}
	if cfg.MayRest(now-1, good()) {
		t.Error("a group that was just busy may rest")
	}
	for name, change := range map[string]func(*Leader){
		"nothing of its own term": func(l *Leader) { l.Ready = false },
		"joint":                   func(l *Leader) { l.Joint = true },
		"busy":                    func(l *Leader) { l.Busy = true },
		"uncommitted":             func(l *Leader) { l.Last = 8 },
		"committed less":          func(l *Leader) { l.Commit = 6 },
		"unapplied":               func(l *Leader) { l.Applied = 6 },
		"a follower lags":         func(l *Leader) { l.Followers[1].Match = 6 },
	} {
		l := good()
		change(&l)
		if cfg.MayRest(now, l) {
			t.Errorf("%s: may rest", name)
		}
	}
}

func TestWhatFits(t *testing.T) {
	g := Grant{Group: 1, Term: 3, Replica: 5, Index: 7}
	good := Following{Term: 3, Node: 2, Replica: 5, Last: 7, Commit: 7, Applied: 7}
	if !g.Fits(2, good) {
		t.Fatal("a follower of the leader that has everything does not fit")
	}
	for name, change := range map[string]func(*Following){
		"term":         func(f *Following) { f.Term = 4 },
		"leader":       func(f *Following) { f.Node = 3 },
		"no leader":    func(f *Following) { f.Node = 0 },
		"replica":      func(f *Following) { f.Replica = 6 },
		"longer":       func(f *Following) { f.Last = 8 },
		"shorter":      func(f *Following) { f.Last = 6 },
		"commit":       func(f *Following) { f.Commit = 6 },
		"applied less": func(f *Following) { f.Applied = 6 },
		"busy":         func(f *Following) { f.Busy = true },
	} {
		f := good
		change(&f)
		if g.Fits(2, f) {
			t.Errorf("%s: fits", name)
		}
	}
}

func TestConfigsAreChecked(t *testing.T) {
	good := DefaultConfig()
	good.Life = 1
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Config){
		"Life":          func(c *Config) { c.Life = 0 },
		"BeatEvery":     func(c *Config) { c.BeatEvery = 0 },
		"PeerTimeout":   func(c *Config) { c.PeerTimeout = 2*c.BeatEvery - 1 },
		"SettleTimeout": func(c *Config) { c.SettleTimeout = c.BeatEvery - 1 },
		"IdleAfter":     func(c *Config) { c.IdleAfter = 0 },
		"MaxChanges":    func(c *Config) { c.MaxChanges = 1 },
	} {
		c := good
		change(&c)
		if err := c.Validate(); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReasonsHaveNames(t *testing.T) {
	for r := range reasons + 1 {
		if (r.String() == "reason?") != (r == 0 || r == reasons) {
			t.Errorf("reason %d is called %q", r, r)
		}
	}
}
