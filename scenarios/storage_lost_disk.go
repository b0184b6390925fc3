package scenarios

import (
	"time"

	"github.com/lockstep-log/lockstep/sim/cluster"
)

// lostDisk takes a node's disk. It is formatted again by command, and all its
// replicas come back under fresh ids, with nothing but what the others give them.
func lostDisk() Scenario {
	const name = "lost-disk"
	return Scenario{
		Name:  name,
		About: "a disk is lost, the node is formatted again and its replicas come back under fresh ids",
		Schedule: func(seed uint64) cluster.Schedule {
			s, draw := storageSchedule(name, seed)
			s.DurationNs = int64(12 * time.Second)
			s.Partitions = 1 + draw.Pick(3)
			at := lasting(draw, 4*time.Second, 6*time.Second)
			s.Faults = []cluster.Fault{{AtNs: at, ForNs: lasting(draw, 500*time.Millisecond, 3*time.Second), Kind: cluster.LostDisk, Nodes: anyNode(&s, draw)}}
			if draw.Chance(1, 2) {
				s.Faults = append(s.Faults, cluster.Fault{
					AtNs: at + lasting(draw, 500*time.Millisecond, 4*time.Second), ForNs: lasting(draw, 100*time.Millisecond, time.Second),
					Kind: pick(draw, cluster.Crash, cluster.PowerLoss), Role: cluster.RoleLeader, Mode: "any",
				})
			}
			return s
		},
		Check: checkReached(name, "damage/disk-lost", "storage/replica-replaced-after-lost-disk"),
	}
}
