package scenarios

import (
	"time"

	"github.com/lockstep-log/lockstep/sim"
	"github.com/lockstep-log/lockstep/sim/cluster"
)

// powerLossAll cuts the power of all machines at one moment, in the middle of
// writes: whatever was acknowledged must be on the disks.
func powerLossAll() Scenario {
	return Scenario{
		Name:  "power-loss-all",
		About: "all machines lose their power at once, several times; what was acknowledged is on the disks",
		Schedule: func(seed uint64) cluster.Schedule {
			s := cluster.Defaults(seed)
			s.Scenario = "power-loss-all"
			s.DurationNs = int64(30 * time.Second)
			s.Workload.ProducesPerMinute = 1800
			draw := sim.NewRand(seed, "power-loss-all", 0)
			modes := []string{"all", "prefix", "subset", "torn", "any"}
			for at := 3 * time.Second; at < 26*time.Second; at += draw.Duration(5*time.Second, 8*time.Second) {
				s.Faults = append(s.Faults, cluster.Fault{
					AtNs: int64(at), ForNs: draw.Between(int64(300*time.Millisecond), int64(2*time.Second)),
					Kind: cluster.PowerLoss, Role: cluster.RoleAll, Mode: modes[draw.Pick(len(modes))],
				})
			}
			return s
		},
	}
}
