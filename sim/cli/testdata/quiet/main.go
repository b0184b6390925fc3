// Quiet is a sim whose scenario mixed does next to nothing.
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
	mixed := scenarios.Scenario{Name: "mixed", About: "nothing happens", Schedule: func(seed uint64) cluster.Schedule {
		s := cluster.Defaults(seed)
		s.Scenario, s.DurationNs = "mixed", int64(time.Second)
		return s
	}}
	os.Exit(cli.Main(explore.Registry{Scenarios: []scenarios.Scenario{mixed}}))
}
