package scenarios

import (
	"time"

	"github.com/lockstep-log/lockstep/sim/cluster"
)

// recycledVote lets a vote grow old. The leader of one group is cut off, another
// member stands for election on slow disks and is cut off while it waits for the
// third one's vote. That one is alone in the group from then on: no entry and no
// later term follows its vote in the journal, which other groups fill and give
// back, file by file. Then it restarts, and the old leader comes back and stands
// for election in the very term that it has voted in.
func recycledVote() Scenario {
	const name = "recycled-vote"
	return Scenario{
		Name:  name,
		About: "a vote stands in a journal file that was given back since; its node restarts, and is asked again in the same term",
		Extra: true,
		Schedule: func(seed uint64) cluster.Schedule {
			s, draw := storageSchedule(name, seed)
			s.Nodes, s.Partitions = 5, 5
			s.Engine.JournalFileBytes, s.Engine.JournalRetainBytes = 8<<10, 8<<10
			// Who asks the group that is cut off gives up soon, and asks another.
			s.Workload.Clients, s.Workload.ProducesPerMinute, s.Workload.FetchesPerMinute = 24, 4000, 300
			s.Workload.AttemptTimeoutNs, s.Workload.DeadlineNs = int64(300*time.Millisecond), int64(500*time.Millisecond)
			nodes := []uint64{1, 2, 3} // of the first group; each of them is in two others
			draw.Shuffle(len(nodes), func(i, k int) { nodes[i], nodes[k] = nodes[k], nodes[i] })
			at := lasting(draw, 1500*time.Millisecond, 2000*time.Millisecond)
			votes := lasting(draw, 1300*time.Millisecond, 1700*time.Millisecond)
			old := lasting(draw, 3*time.Second, 4*time.Second)
			s.DurationNs = at + votes + old + int64(2500*time.Millisecond)
			s.Faults = []cluster.Fault{
				// The one that is not held up leads.
				{AtNs: int64(400 * time.Millisecond), ForNs: int64(50 * time.Millisecond), Kind: cluster.Crash, Nodes: nodes[1:]},
				{AtNs: at, ForNs: votes + old + lasting(draw, 0, 200*time.Millisecond), Kind: cluster.Partition, Nodes: nodes[:1]},
				{AtNs: at, ForNs: votes + int64(500*time.Millisecond), Kind: cluster.SlowDisk, LatencyNs: lasting(draw, 40*time.Millisecond, 60*time.Millisecond), Nodes: nodes[1:]},
				{AtNs: at + votes, ForNs: old + int64(2*time.Second), Kind: cluster.Partition, Nodes: nodes[1:2]},
				{AtNs: at + votes + old, ForNs: int64(100 * time.Millisecond), Kind: pick(draw, cluster.Crash, cluster.PowerLoss), Nodes: nodes[2:], Mode: "any"},
			}
			return s
		},
	}
}
