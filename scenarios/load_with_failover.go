package scenarios

import (
	"time"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/sim"
	"github.com/lockstep-log/lockstep/sim/cluster"
)

// loadWithFailover kills the leader under load and measures how long clients
// wait for the next acknowledgement.
func loadWithFailover() Scenario {
	return Scenario{
		Name:  "load-with-failover",
		About: "the leader is killed under load; the next acknowledgement comes within 5 s, and nothing is lost",
		Schedule: func(seed uint64) cluster.Schedule {
			s := cluster.Defaults(seed)
			s.Scenario = "load-with-failover"
			s.DurationNs = int64(20 * time.Second)
			s.Workload.Clients = 20
			s.Workload.ProducesPerMinute = 6000
			s.Workload.AttemptTimeoutNs = int64(500 * time.Millisecond) // what a client waits for a silent leader
			draw := sim.NewRand(seed, "load-with-failover", 0)
			at := time.Duration(0)
			for range 2 {
				at += draw.Duration(4*time.Second, 7*time.Second)
				s.Faults = append(s.Faults, cluster.Fault{
					AtNs: int64(at), ForNs: draw.Between(int64(time.Second), int64(3*time.Second)),
					Kind: []string{cluster.Crash, cluster.PowerLoss}[draw.Pick(2)], Role: cluster.RoleLeader,
				})
			}
			return s
		},
		Check: func(r *cluster.Result) []checker.Violation {
			v := verdict{scenario: "load-with-failover"}
			kills := len(marks(r, cluster.MarkFault))
			if kills == 0 {
				v.fail(0, "no leader was killed")
			}
			v.boundSamples("failover", r.FailoverNs, kills)
			return v.found
		},
	}
}
