package scenarios

import (
	"time"

	"github.com/lockstep-log/lockstep/sim/cluster"
)

// slowReplacement replaces a replica while the others' disks are slow: what the
// group decides about its members is long under way, beside many entries and
// checkpoints, and leaders come and go in the middle of it.
func slowReplacement() Scenario {
	const name = "slow-replacement"
	return Scenario{
		Name:  name,
		About: "a replica is replaced on slow disks, under load, while leaders change: each change of the members is long under way",
		Extra: true,
		Schedule: func(seed uint64) cluster.Schedule {
			s, draw := storageSchedule(name, seed)
			s.Nodes, s.Replication = 5, 5
			s.Engine.JournalRetainBytes, s.Engine.CheckpointBytes = 16<<10, pick(draw, int64(2<<10), 4<<10)
			s.Workload.Clients, s.Workload.ProducesPerMinute, s.Workload.FetchesPerMinute = 24, 3000, 120
			nodes := []uint64{1, 2, 3, 4, 5}
			draw.Shuffle(len(nodes), func(i, k int) { nodes[i], nodes[k] = nodes[k], nodes[i] })
			at := lasting(draw, 1500*time.Millisecond, 2000*time.Millisecond)
			s.DurationNs = at + int64(5*time.Second)
			s.Faults = []cluster.Fault{
				{AtNs: at, ForNs: int64(100 * time.Millisecond), Kind: cluster.LostDisk, Nodes: nodes[:1], Formatted: true},
				{AtNs: at, ForNs: int64(4 * time.Second), Kind: cluster.SlowDisk, LatencyNs: lasting(draw, 20*time.Millisecond, 80*time.Millisecond), Nodes: nodes[1:]},
				{
					AtNs: at + lasting(draw, 500*time.Millisecond, 2500*time.Millisecond), ForNs: lasting(draw, time.Second, 2*time.Second),
					Kind: pick(draw, cluster.Crash, cluster.Partition, cluster.Stop), Role: cluster.RoleLeader,
				},
				{AtNs: at + lasting(draw, 1500*time.Millisecond, 4*time.Second), ForNs: int64(200 * time.Millisecond), Kind: cluster.Crash, Nodes: nodes[1:2]},
			}
			return s
		},
	}
}
