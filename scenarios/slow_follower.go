package scenarios

import (
	"slices"
	"time"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/sim"
	"github.com/lockstep-log/lockstep/sim/cluster"
)

// slowFollower makes one follower's disk so slow that it cannot keep up within
// the lag limit. It leaves the in-sync set, and returns once the disk is well.
func slowFollower() Scenario {
	return Scenario{
		Name:  "slow-follower",
		About: "a follower with a slow disk leaves the in-sync set, catches up, and returns",
		Schedule: func(seed uint64) cluster.Schedule {
			s := cluster.Defaults(seed)
			s.Scenario = "slow-follower"
			s.DurationNs = int64(30 * time.Second)
			s.Engine.ISRLagNs = int64(time.Second)
			s.Workload.ProducesPerMinute = 1200
			draw := sim.NewRand(seed, "slow-follower", 0)
			s.Faults = []cluster.Fault{{
				AtNs: draw.Between(int64(4*time.Second), int64(6*time.Second)), ForNs: draw.Between(int64(8*time.Second), int64(12*time.Second)),
				Kind: cluster.SlowDisk, Role: cluster.RoleFollower,
				LatencyNs: draw.Between(int64(1200*time.Millisecond), int64(2*time.Second)),
			}}
			return s
		},
		Check: func(r *cluster.Result) []checker.Violation {
			v := verdict{scenario: "slow-follower"}
			slow := marks(r, cluster.MarkFault)
			if len(slow) == 0 {
				v.fail(0, "no disk was slow")
				return v.found
			}
			node := slow[0].Nodes[0]
			isr := func(has bool) func(cluster.Mark) bool {
				return func(m cluster.Mark) bool {
					return m.Kind == cluster.MarkISR && slices.Contains(m.Nodes, node) == has
				}
			}
			left, out := first(r, slow[0].AtNs, isr(false))
			if !out {
				v.fail(slow[0].AtNs, "node %d never left the in-sync set", node)
				return v.found
			}
			if _, back := first(r, left.AtNs, isr(true)); !back {
				v.fail(left.AtNs, "node %d never returned to the in-sync set", node)
			}
			v.converged(r)
			return v.found
		},
	}
}
