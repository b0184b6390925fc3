// Unsteady is a sim whose load looks at the real clock: what no load may do.
package main

import (
	"os"
	"time"

	"github.com/lockstep-log/lockstep/scenarios"
	"github.com/lockstep-log/lockstep/sim"
	"github.com/lockstep-log/lockstep/sim/cli"
	"github.com/lockstep-log/lockstep/sim/cluster"
	"github.com/lockstep-log/lockstep/sim/explore"
)

// unsteady records what time it is, a second after the load began.
type unsteady struct {
	cluster.Workload
	kernel *sim.Kernel
}

func (u *unsteady) Start() {
	u.Workload.Start()
	u.kernel.After(time.Second, func() {
		u.kernel.RecordSum(sim.KindClient, 99<<32, 0, 0, 0, uint64(time.Now().UnixNano()))
	})
}

func main() {
	steady := scenarios.Scenario{Name: "unsteady", About: "nothing happens", Schedule: func(seed uint64) cluster.Schedule {
		s := cluster.Defaults(seed)
		s.Scenario, s.DurationNs = "unsteady", int64(2*time.Second)
		return s
	}}
	os.Exit(cli.Main(explore.Registry{
		Scenarios: []scenarios.Scenario{steady},
		Options: cluster.Options{NewWorkload: func(w cluster.World) cluster.Workload {
			return &unsteady{cluster.NewLogLoad(w), w.Kernel()}
		}},
	}))
}
