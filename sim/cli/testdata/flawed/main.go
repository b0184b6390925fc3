// Flawed is a sim whose scenarios have something to find.
package main

import (
	"os"
	"time"

	"github.com/lockstep-log/lockstep/scenarios"
	"github.com/lockstep-log/lockstep/sim/cli"
	"github.com/lockstep-log/lockstep/sim/cluster"
	"github.com/lockstep-log/lockstep/sim/explore"
)

func main() {
	os.Exit(cli.Main(explore.Registry{Scenarios: []scenarios.Scenario{
		{Name: "even", About: "even seeds fail", Schedule: func(seed uint64) cluster.Schedule {
			s := short(seed, "even")
			if seed%2 == 0 {
				s.HealNs = 1 // nothing comes to rest so soon
			}
			return s
		}},
		{Name: "beyond", Extra: true, About: "what --beyond asks for", Schedule: func(seed uint64) cluster.Schedule { return short(seed, "beyond") }},
		{Name: "damaged", Extra: true, About: "what --damage asks for", Schedule: func(seed uint64) cluster.Schedule { return short(seed, "damaged") }},
		{Name: "fickle", About: "a seed's second schedule is another one", Schedule: fickle()},
	}}))
}

func short(seed uint64, scenario string) cluster.Schedule {
	s := cluster.Defaults(seed)
	s.Scenario, s.DurationNs = scenario, int64(2*time.Second)
	return s
}

func fickle() func(uint64) cluster.Schedule {
	again := map[uint64]bool{}
	return func(seed uint64) cluster.Schedule {
		s := short(seed, "fickle")
		if again[seed] {
			s.DurationNs++
		}
		again[seed] = true
		return s
	}
}
