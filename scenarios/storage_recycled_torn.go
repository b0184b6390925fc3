package scenarios

import (
	"time"

	"github.com/lockstep-log/lockstep/sim/cluster"
)

// recycledTorn tears the last write into journal files that have had a life
// before: behind the tear stand whole batches of that life, which must not be
// taken for this one's.
func recycledTorn() Scenario {
	const name = "recycled-torn"
	return Scenario{
		Name:  name,
		About: "power losses tear the last write into files that were given back and are used again",
		Schedule: func(seed uint64) cluster.Schedule {
			s, draw := storageSchedule(name, seed)
			s.DurationNs = int64(26 * time.Second)
			s.Engine.JournalRetainBytes = 16 << 10
			s.Workload.ProducesPerMinute = 6000
			at := lasting(draw, 7*time.Second, 8*time.Second)
			for range 13 {
				f := cluster.Fault{
					AtNs: at, ForNs: lasting(draw, 100*time.Millisecond, 500*time.Millisecond), Kind: cluster.PowerLoss, Nodes: anyNode(&s, draw),
					Mode: "torn", On: cluster.OnWrite, DelayNs: draw.Between(s.Disk.WriteNs, s.Disk.SyncNs),
				}
				if draw.Chance(1, 4) {
					f.Nodes, f.Role = nil, cluster.RoleAll
				}
				s.Faults = append(s.Faults, f)
				at += lasting(draw, 900*time.Millisecond, 1300*time.Millisecond)
			}
			return s
		},
		Check: checkReached(name, "storage/recycled-file-then-torn", "storage/tail-resynced-at-recovery"),
	}
}
