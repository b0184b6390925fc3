package scenarios

import (
	"time"

	"github.com/lockstep-log/lockstep/sim/cluster"
)

// unreadableTail takes the sectors away that a node wrote last, and its process with
// them. What stood there may have been acknowledged, or cut short by the crash:
// nobody can tell. The node serves on; who may have had it there speaks no more and
// comes back under a fresh id.
func unreadableTail() Scenario {
	const name = "unreadable-tail"
	return Scenario{
		Name:  name,
		About: "a journal's end cannot be read when its node starts: who may have had a record there is replaced, and the node serves on",
		Schedule: func(seed uint64) cluster.Schedule {
			s, draw := storageSchedule(name, seed)
			s.Partitions = 1 + draw.Pick(4)
			s.Engine.JournalFileBytes, s.Engine.CheckpointBytes = 256<<10, 64<<10
			s.Engine.JournalRetainBytes = 512 << 10
			node := anyNode(&s, draw)
			at := lasting(draw, 4*time.Second, 6*time.Second)
			down := lasting(draw, 50*time.Millisecond, 500*time.Millisecond)
			s.Faults = []cluster.Fault{
				{AtNs: at, ForNs: down, Kind: cluster.Crash, Nodes: node},
				{AtNs: at + 1, Kind: cluster.BadRead, Nodes: node, Area: cluster.AreaTail, Sectors: 64},
				{
					AtNs: at + down + lasting(draw, 0, 5*time.Second), ForNs: lasting(draw, 200*time.Millisecond, 2*time.Second),
					Kind: pick(draw, cluster.Crash, cluster.PowerLoss, cluster.Partition, cluster.Pause), Role: cluster.RoleLeader, Mode: "any",
				},
			}
			// Once more, and of a replica under a fresh id.
			at += down + lasting(draw, 6*time.Second, 9*time.Second)
			s.Faults = append(s.Faults,
				cluster.Fault{AtNs: at, ForNs: lasting(draw, 50*time.Millisecond, time.Second), Kind: pick(draw, cluster.Crash, cluster.PowerLoss), Nodes: node, Mode: "any"},
				cluster.Fault{AtNs: at + 1, Kind: cluster.BadRead, Nodes: node, Area: cluster.AreaTail, Sectors: pick(draw, 1, 2, 64)})
			return s
		},
		Check: checkReached(name, "storage/tail-in-doubt", "damage/replica-fenced", "storage/replica-replaced-after-rot"),
	}
}
