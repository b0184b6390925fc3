package quiet

import (
	"testing"
	"time"

	"go.etcd.io/raft/v3"

	"github.com/lockstep-log/lockstep/engine/env"
)

func testConfig() Config {
	return Config{
		Key: 9, Life: 1, BeatEvery: 100 * ms, PeerTimeout: 500 * ms, SettleTimeout: 300 * ms,
		IdleAfter: 300 * ms, MaxChanges: 16,
	}
}

func TestIdleGroupsComeToRestAndCostNothing(t *testing.T) {
	w := newWorld(1, testConfig(), broken{})
	w.run(5*time.Second, 0, 0)
	if w.fault != "" || w.resting() != groups*factor {
		t.Fatalf("after 5 s %d of %d replicas rest; %s", w.resting(), groups*factor, w.fault)
	}
	w.ticks = 0
	w.run(time.Minute, 0, 0)
	if w.ticks != 0 || w.fault != "" {
		t.Errorf("idle groups ticked %d times; %s", w.ticks, w.fault)
	}
}

// play is one seed: quiet time, faults under load, and quiet time again.
func play(b broken, seed uint64) *world {
	w := newWorld(seed, testConfig(), b)
	w.run(5*time.Second, 0, 0)
	w.run(40*time.Second, 600*ms, 500*ms)
	w.heal()
	w.run(15*time.Second, 0, 0)
	if w.fault == "" && w.resting() != groups*factor {
		w.failf("not all groups rest 15 s after all healed")
	}
	return w
}

func TestNoGroupIsWithoutALeaderForLong(t *testing.T) {
	seeds := uint64(100)
	if testing.Short() {
		seeds = 25
	}
	var woken [reasons]int
	rested, longest := 0, time.Duration(0)
	for seed := range seeds {
		w := play(broken{}, seed)
		if w.fault != "" {
			t.Fatalf("seed %d at %v: %s", seed, w.now, w.fault)
		}
		for i, k := range w.woken {
			woken[i] += k
		}
		rested += w.rested
		longest = max(longest, w.longest)
	}
	t.Logf("%d seeds: %d rested, longest without a leader %v", seeds, rested, longest)
	for why := Asked; why < reasons; why++ {
		t.Logf("woken up, %v: %d", why, woken[why])
		if woken[why] == 0 {
			t.Errorf("never woken up: %v", why)
		}
	}
}

// Each rule is needed: without it the world finds a follower that nobody leads.
func TestEveryRuleIsNeeded(t *testing.T) {
	const seeds = 100
	for name, b := range map[string]broken{
		"a silent pair is down in time": {timeout: true},
		"only answered beats count":     {echo: true},
		"digests are compared":          {digest: true},
		"what ends is told":             {told: true},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(seeds) {
				if w := play(b, seed); w.fault != "" {
					t.Logf("without it, after %d seeds: %s", seed+1, w.fault)
					return
				}
			}
			t.Errorf("%d seeds find nothing without this rule", seeds)
		})
	}
}

// A wake-up that is lost heals within two beats and a round trip, on both sides
// of each pair, even if the first of the beats is lost.
func TestALostWakeUpHeals(t *testing.T) {
	cfg := testConfig()
	const roundTrip = 2 * 3 * grain
	worst := [2]time.Duration{}
	for seed := range 200 {
		w := newWorld(uint64(seed), cfg, broken{})
		w.run(5*time.Second+time.Duration(seed)*grain, 0, 0)
		leader, r := w.leaderOf(seed % groups)
		if leader == nil || w.resting() != groups*factor {
			t.Fatalf("seed %d: not at rest", seed)
		}
		others := w.following(r)
		leader.fence(r)
		began, lost := w.now, seed%2 == 0
		for w.rests(leader, others, r) {
			for _, other := range others {
				w.cut[leader.id][other.id] = lost && w.now < began+cfg.BeatEvery
			}
			w.step()
			if w.now > began+2*cfg.BeatEvery+roundTrip {
				t.Fatalf("seed %d: not healed after %v", seed, w.now-began)
			}
		}
		if w.fault != "" {
			t.Fatalf("seed %d: %s", seed, w.fault)
		}
		worst[seed%2] = max(worst[seed%2], w.now-began)
	}
	t.Logf("healed within %v, with a lost beat within %v; a beat every %v, a round trip of at most %v", worst[1], worst[0], cfg.BeatEvery, roundTrip)
}

func (w *world) leaderOf(g int) (*node, *replica) {
	for _, n := range w.nodes {
		if r := n.replicas[g]; r != nil && r.role == raft.StateLeader {
			return n, r
		}
	}
	return nil, nil
}

func (w *world) following(r *replica) []*node {
	var list []*node
	for _, n := range w.nodes {
		if f := n.replicas[r.group-1]; f != nil && f != r {
			list = append(list, n)
		}
	}
	return list
}

// rests tells whether anything of the pairs still rests, on either side.
func (w *world) rests(leader *node, others []*node, r *replica) bool {
	for _, other := range others {
		if len(leader.q.peer(env.NodeID(other.id+1)).out.grants) > 0 || other.replicas[r.group-1].quiet {
			return true
		}
		for _, p := range other.q.resting {
			if p.node == env.NodeID(leader.id+1) {
				return true
			}
		}
	}
	return false
}
