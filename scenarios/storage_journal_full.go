package scenarios

import (
	"time"

	"github.com/lockstep-log/lockstep/sim/cluster"
)

// journalFull lets clients write more than checkpoints can free: a journal of eight
// small files comes to its bound while a disk takes long for each operation, and
// many batches share one sync. Then produces are refused, be it that the files do
// not allow more or that too much waits for them; what keeps the groups alive goes
// on, and once checkpoints have freed files so do produces.
func journalFull() Scenario {
	const name = "journal-full"
	return Scenario{
		Name:  name,
		About: "a journal at its bound refuses produces until checkpoints have freed files, and never outgrows it",
		Schedule: func(seed uint64) cluster.Schedule {
			s, draw := storageSchedule(name, seed)
			s.Partitions = pick(draw, 1, 2, 4)
			s.Engine.JournalMaxBytes = 8 * s.Engine.JournalFileBytes
			s.Engine.CheckpointBytes = pick(draw, int64(8<<10), 64<<20)
			s.Workload.Clients, s.Workload.ProducesPerMinute, s.Workload.ValueBytes = 40, 6000, 1500
			s.Workload.AttemptTimeoutNs = int64(2 * time.Second)
			for at := int64(2 * time.Second); at < s.DurationNs-int64(5*time.Second); at += lasting(draw, 3*time.Second, 6*time.Second) {
				f := cluster.Fault{
					AtNs: at, ForNs: lasting(draw, 2*time.Second, 4*time.Second),
					Kind: pick(draw, cluster.SlowDisk, cluster.ThrottleDisk), Role: pick(draw, cluster.RoleLeader, cluster.RoleAll, cluster.RoleFollower),
					LatencyNs: lasting(draw, 50*time.Millisecond, 400*time.Millisecond), BytesPerSecond: pick(draw, int64(30_000), 100_000),
				}
				if len(s.Faults) == 0 {
					f.Kind, f.Role, f.LatencyNs = cluster.SlowDisk, pick(draw, cluster.RoleLeader, cluster.RoleAll), lasting(draw, 200*time.Millisecond, 400*time.Millisecond)
				}
				s.Faults = append(s.Faults, f)
			}
			return s
		},
		Check: checkReached(name, "client/journal-full|client/throttled"),
	}
}
