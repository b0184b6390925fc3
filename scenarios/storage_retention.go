package scenarios

import (
	"time"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/sim"
	"github.com/lockstep-log/lockstep/sim/cluster"
)

// retention bounds the logs by size, by time, or both, and clients delete their
// beginning, too: readers who are slow fall behind the start. A node stays away for
// longer than the logs reach back, so that it needs a snapshot, of which the oldest
// segments may be let go on the way. Leaders come and go meanwhile, in the middle of
// what they proposed to delete.
func retention() Scenario {
	const name = "retention"
	return Scenario{
		Name:  name,
		About: "logs let their oldest records go, by size, by time and by request, while readers ask for them and a follower gets snapshots",
		Schedule: func(seed uint64) cluster.Schedule {
			s, draw := storageSchedule(name, seed)
			s.DurationNs = int64(25 * time.Second)
			s.Partitions = pick(draw, 1, 1, 2)
			s.Heal = pick(draw, cluster.HealAll, cluster.HealQuorum)
			bound := draw.Pick(3)
			if bound != 0 {
				s.Engine.RetentionBytes = pick(draw, int64(32<<10), 64<<10)
			}
			if bound != 1 {
				s.Engine.RetentionNs = lasting(draw, time.Second, 3*time.Second)
			}
			s.Engine.ShipBytesPerSecond = pick(draw, int64(32<<10), 64<<10)
			s.Workload.FetchBytes = 1 << 10
			s.Workload.DeletesPerMinute = 40
			s.Faults = append(awayForLong(&s, draw), struckWhileTrimming(&s, draw)...)
			return s
		},
		Check: func(r *cluster.Result) []checker.Violation {
			v := verdict{scenario: name}
			v.reached(r, "storage/trimmed", "storage/trimmed-by-size|storage/trimmed-by-time", "storage/follower-below-start-snapshot",
				"client/fetch-below-start", "client/delete-records-applied")
			v.converged(r)
			return v.found
		},
	}
}

// awayForLong keeps a node away until the others' logs begin behind what it has.
func awayForLong(s *cluster.Schedule, draw *sim.Rand) []cluster.Fault {
	return []cluster.Fault{{
		AtNs: lasting(draw, 2*time.Second, 4*time.Second), ForNs: lasting(draw, 9*time.Second, 11*time.Second),
		Kind: pick(draw, cluster.Crash, cluster.Partition, cluster.PowerLoss), Nodes: anyNode(s, draw), Mode: "any",
	}}
}

// struckWhileTrimming strikes leaders, who decide what goes, and followers, who
// delete as they are told, twice each. What strikes while a node is away is short.
func struckWhileTrimming(s *cluster.Schedule, draw *sim.Rand) []cluster.Fault {
	var faults []cluster.Fault
	for i, role := range []string{cluster.RoleLeader, cluster.RoleFollower, cluster.RoleLeader, cluster.RoleFollower} {
		f := cluster.Fault{
			AtNs: int64(5*time.Second)*int64(i) + lasting(draw, 2*time.Second, 6*time.Second), ForNs: lasting(draw, 200*time.Millisecond, time.Second),
			Kind: pick(draw, cluster.Crash, cluster.PowerLoss, cluster.Pause, cluster.Partition, cluster.SlowDisk), Role: role, Mode: "any",
			Group: 1 + draw.Below(uint64(s.Partitions)), LatencyNs: lasting(draw, 5*time.Millisecond, 50*time.Millisecond),
		}
		if f.Kind == cluster.PowerLoss && draw.Chance(1, 2) {
			f.On, f.DelayNs = cluster.OnWrite, draw.Between(0, s.Disk.SyncNs)
		}
		faults = append(faults, f)
	}
	return faults
}
