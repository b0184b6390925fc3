package scenarios

import (
	"time"

	"github.com/lockstep-log/lockstep/sim/cluster"
)

// snapshotCatchUp keeps a node away until the others' journals begin behind what
// it has. It comes back by snapshots, which take their time: it dies twice on the
// way, then whoever leads does, and the load goes on.
func snapshotCatchUp() Scenario {
	const name = "snapshot-catch-up"
	return Scenario{
		Name:  name,
		About: "a node below the others' journals comes back by a snapshot; it dies on the way, and so does the sender",
		Schedule: func(seed uint64) cluster.Schedule {
			s, draw := storageSchedule(name, seed)
			s.DurationNs = int64(25 * time.Second)
			s.Engine.ShipBytesPerSecond = pick(draw, int64(24<<10), 40<<10)
			away := anyNode(&s, draw)
			at := lasting(draw, time.Second, 2*time.Second)
			back := lasting(draw, 8*time.Second, 9*time.Second)
			s.Faults = []cluster.Fault{{AtNs: at, ForNs: back, Kind: pick(draw, cluster.Crash, cluster.PowerLoss), Nodes: away, Mode: "any"}}
			at += back + lasting(draw, 1500*time.Millisecond, 2000*time.Millisecond)
			for _, kind := range []string{pick(draw, cluster.Crash, cluster.PowerLoss), cluster.Crash} {
				s.Faults = append(s.Faults, cluster.Fault{AtNs: at, ForNs: lasting(draw, 50*time.Millisecond, 300*time.Millisecond), Kind: kind, Nodes: away, Mode: "any"})
				at += lasting(draw, 1200*time.Millisecond, 1800*time.Millisecond)
			}
			s.Faults = append(s.Faults, cluster.Fault{
				AtNs: at, ForNs: lasting(draw, 500*time.Millisecond, 2*time.Second),
				Kind: pick(draw, cluster.Crash, cluster.PowerLoss, cluster.Partition), Role: cluster.RoleLeader, Mode: "any",
			})
			return s
		},
		// Where a new leader's snapshot takes the place of the old one's, what was there
		// of that may be gone.
		Check: checkReached(name, "storage/snapshot-installed", "storage/snapshot-resumed-after-crash|storage/snapshot-superseded", "storage/snapshot-under-load"),
	}
}
