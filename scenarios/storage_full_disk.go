package scenarios

import (
	"time"

	"github.com/lockstep-log/lockstep/sim/cluster"
)

// fullDisk leaves no room on the leader's disk. It refuses what it cannot store
// before anything is half written, gives its leadership away, and goes on when
// there is room again, in the same process.
func fullDisk() Scenario {
	const name = "full-disk"
	return Scenario{
		Name:  name,
		About: "the leader's disk is full: it gives its leadership away, and goes on without a restart once there is room",
		Schedule: func(seed uint64) cluster.Schedule {
			s, draw := storageSchedule(name, seed)
			at := lasting(draw, 4*time.Second, 5*time.Second)
			s.Faults = []cluster.Fault{
				{AtNs: at, ForNs: lasting(draw, 4*time.Second, 5*time.Second), Kind: cluster.FullDisk, Role: cluster.RoleLeader},
			}
			at += lasting(draw, 7*time.Second, 8*time.Second)
			second := cluster.Fault{AtNs: at, ForNs: lasting(draw, 3*time.Second, 4*time.Second), Kind: cluster.FullDisk, Role: cluster.RoleLeader}
			if draw.Chance(1, 3) {
				second.Role = cluster.RoleAll // nobody has room
			}
			s.Faults = append(s.Faults, second)
			return s
		},
		Check: checkReached(name, "damage/no-space", "storage/disk-full-transferred", "storage/disk-full-recovered"),
	}
}
