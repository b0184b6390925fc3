package scenarios

import (
	"time"

	"github.com/lockstep-log/lockstep/sim"
	"github.com/lockstep-log/lockstep/sim/cluster"
)

// rotInSegments lets a node's segments and indexes rot, twice: the scrub finds it
// or a restart does, and what is bad is fetched from another replica.
func rotInSegments() Scenario {
	const name = "rot-in-segments"
	return Scenario{
		Name:  name,
		About: "segments and indexes rot, the scrub finds it, and they are fetched from another replica or made anew",
		Schedule: func(seed uint64) cluster.Schedule {
			s, draw := storageSchedule(name, seed)
			s.Partitions = 1 + draw.Pick(2)
			s.Engine.JournalRetainBytes = 256 << 10 // a snapshot would bring the bad segment, too
			s.Engine.ScrubBytesPerSecond = pick(draw, int64(128<<10), 256<<10, 1<<20)
			node := anyNode(&s, draw)
			at := lasting(draw, 4*time.Second, 6*time.Second)
			s.Faults = append(rotRound(draw, at, node), rotRound(draw, at+lasting(draw, 5*time.Second, 7*time.Second), node)...)
			return s
		},
		Check: checkReached(name, "storage/segment-repaired-from-peer", "storage/damage-found-in-service"),
	}
}

// rotRound damages a node's segments twice, and them or an index once more; then
// its process may end, or that of the leader, which others fetch from.
func rotRound(draw *sim.Rand, at int64, node []uint64) []cluster.Fault {
	faults := []cluster.Fault{
		{AtNs: at, Kind: cluster.Rot, Nodes: node, Area: cluster.AreaSegment, Sectors: pick(draw, 1, 2, 8)},
		{AtNs: at + 1, Kind: pick(draw, cluster.Rot, cluster.BadRead), Nodes: node, Area: cluster.AreaSegment, Sectors: pick(draw, 1, 4)},
		{AtNs: at + 2, Kind: cluster.Rot, Nodes: node, Area: pick(draw, cluster.AreaSegment, cluster.AreaIndex)},
	}
	switch draw.Pick(3) {
	case 0:
		faults = append(faults, cluster.Fault{
			AtNs: at + lasting(draw, 0, 2*time.Second), ForNs: lasting(draw, 50*time.Millisecond, time.Second),
			Kind: pick(draw, cluster.Crash, cluster.PowerLoss), Nodes: node, Mode: "any",
		})
	case 1:
		faults = append(faults, cluster.Fault{
			AtNs: at + lasting(draw, 0, 2*time.Second), ForNs: lasting(draw, 50*time.Millisecond, time.Second),
			Kind: pick(draw, cluster.Crash, cluster.Partition), Role: cluster.RoleLeader,
		})
	}
	return faults
}
