package lease

import (
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// run plays a seed and returns what it violated.
func run(b broken, seed uint64, steps int) (string, reached) {
	r := rand.New(rand.NewPCG(seed, 5))
	w := newWorld(b, r.IntN)
	for range steps {
		if fault := w.step(); fault != "" {
			return fault, w.reached
		}
	}
	return "", w.reached
}

const steps = 400

func TestALeaseExcludesOtherLeaders(t *testing.T) {
	seeds := uint64(20_000)
	if testing.Short() {
		seeds = 2_000
	}
	var all reached
	for seed := range seeds {
		fault, r := run(broken{}, seed, steps)
		if fault != "" {
			t.Fatalf("seed %d: %s", seed, fault)
		}
		all.valid += r.valid
		all.elections += r.elections
		all.changes += r.changes
		all.forced += r.forced
		all.refused += r.refused
		all.restarts += r.restarts
		all.rivals += r.rivals
	}
	t.Logf("%d seeds: %+v", seeds, all)
	least := int(seeds) / 20
	if all.valid < least || all.elections < least || all.changes < least || all.forced < least ||
		all.refused < least || all.restarts < least || all.rivals < least {
		t.Errorf("too little happened to mean anything: %+v", all)
	}
}

// The same, with a schedule that shrinks.
func TestALeaseExcludesOtherLeadersShrinking(t *testing.T) {
	schedule := rapid.SliceOfN(rapid.Byte(), 500, 3000)
	rapid.Check(t, func(t *rapid.T) {
		bytes := schedule.Draw(t, "schedule")
		w := newWorld(broken{}, func(n int) int {
			if len(bytes) == 0 {
				return 0
			}
			c := bytes[0]
			bytes = bytes[1:]
			return int(c) % n
		})
		for len(bytes) > 0 {
			if fault := w.step(); fault != "" {
				t.Fatal(fault)
			}
		}
	})
}

// Each rule is needed: without it the model finds a violation.
func TestEveryRuleIsNeeded(t *testing.T) {
	const seeds = 200_000
	for name, b := range map[string]broken{
		"drift within the bound":                   {driftBound: true},
		"a restarted voter waits":                  {restartWait: true},
		"the lease ends with the leadership":       {selfRule: true},
		"no lease after MsgTimeoutNow":             {timeoutNow: true},
		"no lease over a change of the membership": {change: true},
		"the lease runs from the send time":        {sendTime: true},
		"leases begin with the first own commit":   {ownCommit: true},
		"majorities of both halves":                {bothHalves: true},
		"a supporter of a newer term refuses":      {termCheck: true},
		"supporters do not vote":                   {votes: true},
		"supporters do not campaign":               {campaigns: true},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(seeds) {
				if fault, _ := run(b, seed, steps); fault != "" {
					t.Logf("without it, after %d seeds: %s", seed+1, fault)
					return
				}
			}
			t.Errorf("%d seeds find nothing without this rule", seeds)
		})
	}
}
