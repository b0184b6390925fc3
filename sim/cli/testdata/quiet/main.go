// Quiet is a sim whose scenarios, mixed among them, do next to nothing.
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
	os.Exit(cli.Main(explore.Registry{Scenarios: []scenarios.Scenario{quiet("mixed"), quiet("still")}}))
}

func quiet(name string) scenarios.Scenario {
	return scenarios.Scenario{Name: name, About: "nothing happens", Schedule: func(seed uint64) cluster.Schedule {
		s := cluster.Defaults(seed)
		s.Scenario, s.DurationNs = name, int64(time.Second)
		return s
	}}
}
