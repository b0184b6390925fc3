package scenarios

import (
	"time"

	"github.com/lockstep-log/lockstep/sim/cluster"
)

// rotInJournal lets bits flip in a node's journal. What stood there may have been
// acknowledged by it, so a process that begins with it keeps the replicas of the
// damaged batches silent until the leader has put others with fresh ids in their
// place; leaders change meanwhile. A process whose scrub finds it, later, still
// knows what stood there: it checkpoints, and gives the file back.
func rotInJournal() Scenario {
	const name = "rot-in-journal"
	return Scenario{
		Name:  name,
		About: "a journal rots, and the replicas that may have forgotten are replaced under fresh ids, while leaders change",
		Schedule: func(seed uint64) cluster.Schedule {
			s, draw := storageSchedule(name, seed)
			s.DurationNs = int64(22 * time.Second)
			s.Partitions = 1 + draw.Pick(2)
			s.Engine.JournalFileBytes, s.Engine.CheckpointBytes = 64<<10, 64<<10
			s.Engine.JournalRetainBytes = 128 << 10
			s.Engine.ScrubBytesPerSecond = pick(draw, int64(256<<10), 1<<20)
			node := anyNode(&s, draw)
			at := lasting(draw, 4*time.Second, 6*time.Second)
			down := lasting(draw, 50*time.Millisecond, 500*time.Millisecond)
			s.Faults = []cluster.Fault{
				{AtNs: at, Kind: cluster.Rot, Nodes: node, Area: cluster.AreaJournal, Sectors: 24},
				{AtNs: at + 1, ForNs: down, Kind: pick(draw, cluster.Crash, cluster.PowerLoss), Nodes: node, Mode: "any"},
				{
					AtNs: at + down + lasting(draw, 0, 1500*time.Millisecond), ForNs: lasting(draw, 200*time.Millisecond, 2*time.Second),
					Kind: pick(draw, cluster.Crash, cluster.PowerLoss, cluster.Partition, cluster.Pause), Role: cluster.RoleLeader, Mode: "any",
				},
				{
					AtNs: at + down + lasting(draw, 3*time.Second, 5*time.Second), ForNs: lasting(draw, 50*time.Millisecond, time.Second),
					Kind: pick(draw, cluster.Crash, cluster.PowerLoss), Nodes: node, Mode: "any",
				},
				{AtNs: at + down + lasting(draw, 7*time.Second, 9*time.Second), Kind: cluster.Rot, Nodes: node, Area: cluster.AreaJournal, Sectors: 24},
			}
			at += lasting(draw, 12*time.Second, 13*time.Second)
			s.Faults = append(s.Faults,
				cluster.Fault{AtNs: at, Kind: cluster.Rot, Nodes: node, Area: cluster.AreaJournal, Sectors: 24},
				cluster.Fault{AtNs: at + 1, ForNs: down, Kind: pick(draw, cluster.Crash, cluster.PowerLoss), Nodes: node, Mode: "any"})
			return s
		},
		Check: checkReached(name, "damage/replica-fenced", "storage/replica-replaced-after-rot"),
	}
}
