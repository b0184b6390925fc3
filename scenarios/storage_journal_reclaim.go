package scenarios

import (
	"time"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/sim/cluster"
)

// journalReclaim gives a journal no reason to checkpoint but itself: what is
// applied between two checkpoints may be more than the run ever writes. So each
// file that is given back has been freed by a forced checkpoint. A follower stays
// away meanwhile, and is not waited for.
func journalReclaim() Scenario {
	const name = "journal-reclaim"
	return Scenario{
		Name:  name,
		About: "a small journal is given back by forced checkpoints, a follower that is away is not waited for",
		Schedule: func(seed uint64) cluster.Schedule {
			s, draw := storageSchedule(name, seed)
			s.Partitions = 1 + draw.Pick(3)
			s.Engine.CheckpointBytes = 64 << 20
			s.Workload.ProducesPerMinute *= int64(s.Partitions)
			away := anyNode(&s, draw)
			at := lasting(draw, 3*time.Second, 5*time.Second)
			s.Faults = []cluster.Fault{
				{AtNs: at, ForNs: lasting(draw, 8*time.Second, 10*time.Second), Kind: pick(draw, cluster.Partition, cluster.Crash), Nodes: away},
				{
					AtNs: at + lasting(draw, time.Second, 6*time.Second), ForNs: lasting(draw, 200*time.Millisecond, time.Second),
					Kind: pick(draw, cluster.SlowDisk, cluster.StallDisk), Role: cluster.RoleLeader, LatencyNs: int64(20 * time.Millisecond),
				},
			}
			return s
		},
		Check: func(r *cluster.Result) []checker.Violation {
			v := verdict{scenario: name}
			if r.Counters["checkpoints"] == 0 {
				v.fail(0, "no checkpoint was forced")
			}
			if n := r.Probes["storage/journal-of-many-files"]; n > 0 {
				v.fail(0, "a journal that keeps 32 KiB for others and forces checkpoints from four files on has come to 24 files, %d times", n)
			}
			v.reached(r, "storage/journal-recycled", "storage/snapshot-installed")
			v.converged(r)
			return v.found
		},
	}
}
