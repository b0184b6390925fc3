package lease_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/lease"
)

const ms = time.Millisecond

// tenth is a lease of 80 ms behind a promise of 99 ms.
func tenth() lease.Config {
	return lease.Config{Promise: 99 * ms, DriftPPM: 1_000_000 / 10, RenewEvery: 20 * ms, IdleAfter: 200 * ms}
}

func leader(t *testing.T, incoming, outgoing []env.ReplicaID) *lease.Leader {
	t.Helper()
	if err := tenth().Validate(); err != nil {
		t.Fatal(err)
	}
	l := lease.NewLeader(tenth(), 1)
	l.Begin(7, incoming, outgoing)
	return l
}

func round(t *testing.T, l *lease.Leader, at time.Duration) lease.Round {
	t.Helper()
	r, ok := l.Send(at)
	if !ok {
		t.Fatalf("no round is sent at %v", at)
	}
	return r
}

// lasts checks that the lease of term 7 holds until just before a time.
func lasts(t *testing.T, l *lease.Leader, until time.Duration) {
	t.Helper()
	if !l.Valid(7, until-1) || l.Valid(7, until) {
		t.Errorf("the lease does not end at %v: just before %v, then %v", until, l.Valid(7, until-1), l.Valid(7, until))
	}
}

func none(t *testing.T, l *lease.Leader, now time.Duration) {
	t.Helper()
	if l.Valid(7, now) {
		t.Errorf("a lease is valid at %v", now)
	}
}

// However the clocks run within the bound, no lease outlives a promise.
func TestTheLeaseIsShorterThanThePromise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := lease.Config{
			Promise:  time.Duration(rapid.Int64Range(1, int64(lease.MaxPromise)).Draw(t, "promise")),
			DriftPPM: rapid.Int64Range(0, 999_999).Draw(t, "drift"),
		}
		slow, fast := time.Duration(1_000_000-c.DriftPPM), time.Duration(1_000_000+c.DriftPPM)
		if c.Length()*fast > c.Promise*slow {
			t.Fatal("a slow leader's lease outlives a fast supporter's promise")
		}
		if (c.Length()+1)*fast <= c.Promise*slow {
			t.Fatal("the lease could be longer")
		}
	})
}

func TestTheLeaseRunsFromTheSendTimeOfTheNewestAgreedRound(t *testing.T) {
	l := leader(t, []env.ReplicaID{1, 2, 3, 4, 5}, nil)
	a := round(t, l, 1000*ms)
	b := round(t, l, 1020*ms)
	c := round(t, l, 1040*ms)
	l.Supported(2, a)
	l.Supported(2, c)
	none(t, l, 1041*ms)
	l.Supported(2, c) // one voter twice is one voter
	none(t, l, 1041*ms)
	l.Supported(3, a)
	lasts(t, l, 1081*ms)
	l.Supported(3, b)
	lasts(t, l, 1101*ms)
	l.Supported(4, a) // late: changes nothing
	l.Supported(2, a) // so does this
	lasts(t, l, 1101*ms)
	l.Supported(5, c)
	lasts(t, l, 1121*ms)
	if l.Valid(8, 1050*ms) || l.Valid(6, 1050*ms) {
		t.Error("the lease holds for another term")
	}
}

func TestJointConfigurationsNeedBothMajorities(t *testing.T) {
	l := leader(t, []env.ReplicaID{1, 2, 3}, []env.ReplicaID{3, 4, 5})
	r := round(t, l, 0)
	l.Supported(2, r)
	l.Supported(4, r)
	l.Supported(9, r) // no voter
	none(t, l, ms)
	l.Supported(3, r)
	lasts(t, l, 81*ms)
}

func TestHalfIsNoMajority(t *testing.T) {
	l := leader(t, []env.ReplicaID{1, 2, 3, 4}, nil)
	r := round(t, l, 0)
	l.Supported(2, r)
	none(t, l, ms)
	l.Supported(3, r)
	lasts(t, l, 81*ms)
}

func TestALeaderThatIsNoVoterDoesNotCount(t *testing.T) {
	l := leader(t, []env.ReplicaID{2, 3, 4}, nil)
	r := round(t, l, 0)
	l.Supported(2, r)
	none(t, l, ms)
	l.Supported(3, r)
	lasts(t, l, 81*ms)
}

func TestALoneVoterSupportsItself(t *testing.T) {
	l := leader(t, []env.ReplicaID{1}, nil)
	none(t, l, 0)
	round(t, l, 0)
	lasts(t, l, 81*ms)
}

func TestNobodyIsNoQuorum(t *testing.T) {
	l := leader(t, nil, nil)
	round(t, l, 0)
	none(t, l, ms)
}

func TestAChangeDropsTheLeaseAndWhatWasSent(t *testing.T) {
	l := leader(t, []env.ReplicaID{1, 2, 3}, nil)
	a, b := round(t, l, 0), round(t, l, ms)
	l.Supported(2, a)
	lasts(t, l, 81*ms)
	l.Reconfigured([]env.ReplicaID{1, 2, 3, 4}, nil)
	none(t, l, 2*ms)
	l.Supported(2, b)
	l.Supported(3, b)
	l.Supported(4, b)
	none(t, l, 2*ms)
	c := round(t, l, 3*ms)
	l.Supported(2, c)
	l.Supported(3, c)
	lasts(t, l, 84*ms)
}

func TestARevokedTermStaysWithoutLease(t *testing.T) {
	l := leader(t, []env.ReplicaID{1, 2, 3}, nil)
	a := round(t, l, 0)
	l.Want(0)
	l.Supported(2, a)
	l.Revoke(7)
	none(t, l, ms)
	l.Revoke(6)
	l.Supported(3, a)
	none(t, l, ms)
	l.Reconfigured([]env.ReplicaID{1, 2}, nil)
	l.Supported(2, a)
	none(t, l, ms)
	l.Begin(7, []env.ReplicaID{1}, nil)
	if _, ok := l.Send(2 * ms); ok {
		t.Error("a round is sent in a revoked term")
	}
	if _, ok := l.Due(); ok {
		t.Error("a round is due in a revoked term")
	}
	none(t, l, 2*ms)
	l.End()
	l.Begin(8, []env.ReplicaID{1}, nil)
	round(t, l, 3*ms)
	if !l.Valid(8, 4*ms) {
		t.Error("the next term has no lease")
	}
}

func TestALateRevocationOfAnOlderTermChangesNothing(t *testing.T) {
	l := leader(t, []env.ReplicaID{1}, nil)
	round(t, l, 0)
	l.Revoke(6)
	lasts(t, l, 81*ms)
}

func TestAcknowledgementsOfAnotherTermDoNotCount(t *testing.T) {
	l := leader(t, []env.ReplicaID{1, 2, 3}, nil)
	a := round(t, l, 0)
	l.End()
	l.Supported(2, a)
	none(t, l, ms)
	l.Supported(2, lease.Round{ID: 1})
	l.Supported(3, lease.Round{ID: 1})
	if l.Valid(0, ms) {
		t.Error("a replica that leads nothing has a lease")
	}
	l.Begin(9, []env.ReplicaID{1, 2, 3}, nil)
	round(t, l, 2*ms)
	l.Supported(2, a)
	l.Supported(2, lease.Round{Term: 9, ID: 2}) // of the future
	if l.Valid(9, 3*ms) {
		t.Error("acknowledgements of term 7 and of a round never sent made a lease in term 9")
	}
}

// Only the newest rounds' send times are kept; an older one cannot borrow one.
func TestAnAcknowledgementCanBeTooLate(t *testing.T) {
	l := leader(t, []env.ReplicaID{1, 2, 3}, nil)
	var sent []lease.Round
	for i := range 17 {
		sent = append(sent, round(t, l, time.Duration(i)*ms))
	}
	l.Supported(2, sent[0])
	none(t, l, 17*ms)
	l.Supported(2, sent[1])
	lasts(t, l, 82*ms)
}

func TestRoundsAreSentOnDemand(t *testing.T) {
	l := leader(t, []env.ReplicaID{1, 2, 3}, nil)
	due := func(want time.Duration) {
		t.Helper()
		if at, ok := l.Due(); !ok || at != want {
			t.Fatalf("the next round is due at %v (%v), want %v", at, ok, want)
		}
	}
	idle := func() {
		t.Helper()
		if at, ok := l.Due(); ok {
			t.Fatalf("a round is due at %v, want none", at)
		}
	}
	idle()
	l.Want(5 * ms)
	due(5 * ms)
	round(t, l, 6*ms)
	due(26 * ms)
	l.Want(7 * ms)
	sent := 0
	for {
		at, ok := l.Due()
		if !ok {
			break
		}
		round(t, l, at)
		sent++
	}
	if sent != 10 {
		t.Errorf("%d rounds for a single read, want 10: 200 ms, one every 20", sent)
	}
	l.Want(900 * ms)
	if at, ok := l.Due(); !ok || at > 900*ms {
		t.Errorf("after a pause the next round is due at %v (%v), want at once", at, ok)
	}
	l.End()
	idle()
}

func TestPromises(t *testing.T) {
	raft := lease.Following{Term: 7, Leader: 1}
	r := lease.Round{Term: 7, ID: 1}
	s := lease.NewSupporter(tenth(), 1000*ms)
	if !s.Promised(1000*ms) || !s.Promised(1099*ms) || s.Promised(1099*ms+1) {
		t.Fatal("a voter that begins does not wait one promise")
	}
	for name, bad := range map[string]lease.Following{
		"raft is in a later term":   {Term: 8, Leader: 1},
		"raft is in an older term":  {Term: 6, Leader: 1},
		"raft follows another":      {Term: 7, Leader: 2},
		"raft follows nobody":       {Term: 7},
		"raft is at the beginning:": {},
	} {
		if s.Support(2000*ms, 1, r, bad) || s.Promised(2000*ms) {
			t.Errorf("%s: promised", name)
		}
	}
	if s.Support(2000*ms, 0, r, lease.Following{Term: 7}) {
		t.Error("promised to nobody")
	}
	if !s.Support(2000*ms, 1, r, raft) || s.Until() != 2099*ms {
		t.Fatalf("no promise until 2099 ms: %v", s.Until())
	}
	if s.Support(2001*ms, 2, lease.Round{Term: 6, ID: 9}, lease.Following{Term: 6, Leader: 2}) {
		t.Error("promised to the leader of an older term")
	}
	for _, term := range []uint64{6, 7, 8, 9} {
		if !s.Refuses(2099*ms, term, false) || s.Refuses(2099*ms+1, term, false) {
			t.Errorf("a request of term %d is not refused exactly as long as promised", term)
		}
	}
}

func TestAPromiseEndsEarlyByItsLeadersWordOnly(t *testing.T) {
	promised := func() *lease.Supporter {
		s := lease.NewSupporter(tenth(), 0)
		s.Support(200*ms, 1, lease.Round{Term: 7, ID: 1}, lease.Following{Term: 7, Leader: 1})
		return s
	}
	const now = 201 * ms
	if promised().TimeoutNow(now, 1, 6) || promised().TimeoutNow(now, 2, 7) || promised().TimeoutNow(now, 1, 8) {
		t.Error("MsgTimeoutNow of another leader or term ends the promise")
	}
	if promised().Refuses(now, 8, false) == false || promised().Refuses(now, 7, true) == false || promised().Refuses(now, 9, true) == false {
		t.Error("a request that does not follow from this leader's MsgTimeoutNow is let through")
	}
	if !promised().TimeoutNow(now, 1, 7) || promised().Refuses(now, 8, true) {
		t.Error("the leader's own MsgTimeoutNow does not end the promise")
	}
	s := lease.NewSupporter(tenth(), 150*ms) // restarted: what it promised is not known
	s.Support(200*ms, 1, lease.Round{Term: 7, ID: 1}, lease.Following{Term: 7, Leader: 1})
	if s.TimeoutNow(now, 1, 7) || !s.TimeoutNow(250*ms, 1, 7) {
		t.Error("the wait after a restart is cut short, or not ended")
	}
}

func TestConfigsAreChecked(t *testing.T) {
	if err := lease.DefaultConfig().Validate(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*lease.Config){
		"Promise":      func(c *lease.Config) { c.Promise = 0 },
		"Promise long": func(c *lease.Config) { c.Promise = lease.MaxPromise + 1 },
		"DriftPPM":     func(c *lease.Config) { c.DriftPPM = 1_000_000 },
		"DriftPPM < 0": func(c *lease.Config) { c.DriftPPM = -1 },
		"no length":    func(c *lease.Config) { c.Promise, c.DriftPPM = 1, 500_000 },
		"RenewEvery":   func(c *lease.Config) { c.RenewEvery = 0 },
		"RenewEvery <": func(c *lease.Config) { c.RenewEvery = c.Length()/8 - 1 },
		"RenewEvery >": func(c *lease.Config) { c.RenewEvery = c.Length() },
		"IdleAfter":    func(c *lease.Config) { c.IdleAfter = 0 },
	} {
		c := lease.DefaultConfig()
		change(&c)
		if err := c.Validate(); !errors.Is(err, lease.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Nothing on the way of a read allocates.
func TestReadsDoNotAllocate(t *testing.T) {
	l := leader(t, []env.ReplicaID{1, 2, 3}, []env.ReplicaID{3, 4, 5})
	s := lease.NewSupporter(tenth(), 0)
	now := 500 * ms
	n := testing.AllocsPerRun(100, func() {
		now += ms
		l.Want(now)
		l.Due()
		r, _ := l.Send(now)
		s.Support(now, 1, r, lease.Following{Term: 7, Leader: 1})
		for _, id := range []env.ReplicaID{2, 3, 4} {
			l.Supported(id, r)
		}
		if !l.Valid(7, now) || !s.Refuses(now, 8, false) {
			t.Error("no lease, or no promise")
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkValid(b *testing.B) {
	l := lease.NewLeader(tenth(), 1)
	l.Begin(7, []env.ReplicaID{1}, nil)
	l.Send(0)
	b.ReportAllocs()
	for b.Loop() {
		if !l.Valid(7, ms) {
			b.Fatal("no lease")
		}
	}
}

func BenchmarkSupported(b *testing.B) {
	l := lease.NewLeader(tenth(), 1)
	l.Begin(7, []env.ReplicaID{1, 2, 3}, nil)
	r, _ := l.Send(0)
	b.ReportAllocs()
	for b.Loop() {
		l.Supported(2, r)
	}
}

func BenchmarkSupportedJoint(b *testing.B) {
	l := lease.NewLeader(tenth(), 1)
	l.Begin(7, []env.ReplicaID{1, 2, 3, 4, 5}, []env.ReplicaID{3, 4, 5, 6, 7})
	r, _ := l.Send(0)
	b.ReportAllocs()
	for b.Loop() {
		l.Supported(4, r)
	}
}
