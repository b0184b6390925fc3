package scenarios

import (
	"time"

	"github.com/lockstep-log/lockstep/sim"
	"github.com/lockstep-log/lockstep/sim/cluster"
)

// benchR1 is reference workload R1: 3 nodes, 1 partition,
// 60 virtual seconds, one crash of the leader and one partition.
func benchR1() Scenario {
	return Scenario{
		Name:  "bench-r1",
		About: "reference workload R1: 3 nodes, 1 partition, 10 operations a second, a crash and a partition",
		Schedule: func(seed uint64) cluster.Schedule {
			s := cluster.Defaults(seed)
			s.Scenario = "bench-r1"
			draw := sim.NewRand(seed, "bench", 1)
			s.Faults = []cluster.Fault{
				{
					AtNs: draw.Between(int64(10*time.Second), int64(20*time.Second)), ForNs: int64(3 * time.Second),
					Kind: cluster.Crash, Role: cluster.RoleLeader,
				},
				{
					AtNs: draw.Between(int64(30*time.Second), int64(45*time.Second)), ForNs: int64(5 * time.Second),
					Kind: cluster.Partition, Role: cluster.RoleLeader,
				},
			}
			return s
		},
	}
}
