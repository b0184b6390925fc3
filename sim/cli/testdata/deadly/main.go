// Deadly is a sim whose seeds take their process with them, each in its way.
package main

import (
	"os"
	"time"

	"github.com/lockstep-log/lockstep/scenarios"
	"github.com/lockstep-log/lockstep/sim/cli"
	"github.com/lockstep-log/lockstep/sim/cluster"
	"github.com/lockstep-log/lockstep/sim/explore"
)

// deadly is what a seed does in the middle of its run. The run's own panics are
// caught; these are not.
var deadly = map[uint64]func(){
	2: func() {
		go panic("somewhere else")
		select {}
	},
	4: func() {
		for {
		}
	},
	6: func() {
		var hoard [][]byte
		for {
			hoard = append(hoard, make([]byte, 1<<20))
			for i := 0; i < 1<<20; i += 1 << 10 {
				hoard[len(hoard)-1][i] = 1
			}
		}
	},
	8: func() { os.Exit(0) },
}

// load dies as its seed says.
type load struct {
	cluster.Workload
	w cluster.World
}

func (l *load) Start() {
	l.Workload.Start()
	if die := deadly[l.w.Kernel().Seed()]; die != nil {
		l.w.Kernel().After(500*time.Millisecond, die)
	}
}

func main() {
	quiet := scenarios.Scenario{Name: "deadly", About: "some seeds do not come back", Schedule: func(seed uint64) cluster.Schedule {
		s := cluster.Defaults(seed)
		s.Scenario, s.DurationNs = "deadly", int64(time.Second)
		return s
	}}
	os.Exit(cli.Main(explore.Registry{
		Scenarios: []scenarios.Scenario{quiet},
		Options:   cluster.Options{NewWorkload: func(w cluster.World) cluster.Workload { return &load{cluster.NewLogLoad(w), w} }},
	}))
}
