package scenarios

import (
	"time"

	"github.com/lockstep-log/lockstep/sim/cluster"
)

// rotInCheckpoint lets a node's checkpoint rot. One that is found bad in service
// is written anew; one that is found bad at a start is fetched, and if the journal
// no longer has what follows an older one the replica is replaced.
func rotInCheckpoint() Scenario {
	const name = "rot-in-checkpoint"
	return Scenario{
		Name:  name,
		About: "checkpoints rot, and are found bad in service or at a start, and made anew",
		Schedule: func(seed uint64) cluster.Schedule {
			s, draw := storageSchedule(name, seed)
			s.Engine.CheckpointBytes = 32 << 10
			s.Engine.ScrubBytesPerSecond = pick(draw, int64(0), 256<<10, 1<<20)
			node := anyNode(&s, draw)
			at := lasting(draw, 3*time.Second, 4*time.Second)
			for round := range 4 {
				found := int64(1) // before the next checkpoint takes its place
				if round > 1 {
					found = lasting(draw, 0, time.Second)
				}
				s.Faults = append(s.Faults,
					cluster.Fault{AtNs: at, Kind: cluster.Rot, Nodes: node, Area: cluster.AreaCheckpoint, Sectors: 8},
					cluster.Fault{
						AtNs: at + found, ForNs: lasting(draw, 50*time.Millisecond, time.Second),
						Kind: pick(draw, cluster.Crash, cluster.PowerLoss), Nodes: node, Mode: "any",
					})
				at += lasting(draw, 3500*time.Millisecond, 4*time.Second)
			}
			return s
		},
		Check: checkReached(name, "storage/checkpoint-rebuilt|storage/replica-replaced-after-rot"),
	}
}
