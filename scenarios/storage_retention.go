package scenarios

import (
	"time"

	"github.com/lockstep-log/lockstep/sim/cluster"
)

// retention bounds the logs by size, by time, or both, so that readers who are
// slow fall behind the start, and a follower that was away is caught up by
// snapshots whose oldest segments are let go meanwhile.
func retention() Scenario {
	const name = "retention"
	return Scenario{
		Name:  name,
		About: "logs let their oldest records go, by size and by time, while readers ask for them and a follower gets snapshots",
		Schedule: func(seed uint64) cluster.Schedule {
			s, draw := storageSchedule(name, seed)
			s.DurationNs = int64(25 * time.Second)
			bound := draw.Pick(3)
			if bound != 0 {
				s.Engine.RetentionBytes = pick(draw, int64(32<<10), 64<<10)
			}
			if bound != 1 {
				s.Engine.RetentionNs = lasting(draw, 2*time.Second, 5*time.Second)
			}
			s.Engine.ShipBytesPerSecond = 32 << 10
			s.Workload.FetchBytes = 1 << 10
			s.Faults = []cluster.Fault{
				{
					AtNs: lasting(draw, 2*time.Second, 4*time.Second), ForNs: lasting(draw, 8*time.Second, 10*time.Second),
					Kind: pick(draw, cluster.Crash, cluster.Partition, cluster.PowerLoss), Nodes: anyNode(&s, draw), Mode: "any",
				},
				{
					AtNs: lasting(draw, 6*time.Second, 20*time.Second), ForNs: lasting(draw, 200*time.Millisecond, 2*time.Second),
					Kind: pick(draw, cluster.Crash, cluster.Pause, cluster.PowerLoss), Role: cluster.RoleLeader, Mode: "any",
				},
			}
			return s
		},
		Check: checkReached(name, "storage/trimmed", "client/fetch-below-start", "storage/snapshot-installed"),
	}
}
