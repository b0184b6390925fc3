package scenarios

import (
	"time"

	"github.com/lockstep-log/lockstep/sim"
	"github.com/lockstep-log/lockstep/sim/cluster"
)

// rotPartKill is part-kill on a disk that is damaged: the node that comes back at
// once has lost not its last writes but something of what was durable, and may
// not know what. If it went on as before, it would elect the stale node with the
// next message.
func rotPartKill() Scenario {
	const name = "rot-part-kill"
	return Scenario{
		Name:  name,
		About: "a stale node and one whose disk was damaged are what is left for a moment; what was acknowledged meanwhile was on the latter's disk",
		Extra: true,
		Schedule: func(seed uint64) cluster.Schedule {
			s := cluster.Defaults(seed)
			s.Scenario = name
			s.DurationNs, s.HealNs = int64(8*time.Second), int64(15*time.Second)
			draw := sim.NewRand(seed, name, 0)
			s.Workload.ProducesPerMinute = pick(draw, int64(60), 60, 120, 600, 1200, 2400)
			if draw.Chance(1, 2) { // long files: the damage is below the watermark
				s.Engine.JournalFileBytes, s.Engine.CheckpointBytes = 1<<20, 512<<10
			}
			nodes := []uint64{1, 2, 3}
			draw.Shuffle(len(nodes), func(i, k int) { nodes[i], nodes[k] = nodes[k], nodes[i] })
			at, stale := lasting(draw, 1500*time.Millisecond, 2500*time.Millisecond), lasting(draw, 1500*time.Millisecond, 2500*time.Millisecond)
			strike := at + stale
			s.Faults = []cluster.Fault{
				{AtNs: at - int64(500*time.Millisecond), ForNs: int64(30 * time.Millisecond), Kind: pick(draw, cluster.Crash, cluster.Stop), Nodes: nodes[1:2]},
				{AtNs: at, ForNs: stale, Kind: cluster.Partition, Nodes: nodes[:1]},
			}
			s.Faults = append(s.Faults, damageAt(draw, strike, nodes[1:2])...)
			s.Faults = append(s.Faults, cluster.Fault{AtNs: strike, ForNs: lasting(draw, 1500*time.Millisecond, 2500*time.Millisecond), Kind: cluster.Crash, Nodes: nodes[2:]})
			return s
		},
	}
}

// damageAt draws how a disk loses what was durable, and restarts its node.
func damageAt(draw *sim.Rand, at int64, node []uint64) []cluster.Fault {
	back := int64(100 * time.Millisecond)
	switch draw.Pick(4) {
	case 0:
		return []cluster.Fault{{AtNs: at, ForNs: back, Kind: cluster.LostDisk, Nodes: node, Formatted: draw.Chance(1, 2)}}
	case 1:
		return []cluster.Fault{{AtNs: at, ForNs: back, Kind: cluster.LostEntry, Nodes: node, Area: cluster.AreaJournal, Mode: "all"}}
	}
	return []cluster.Fault{
		{AtNs: at - 1, Kind: cluster.Rot, Area: cluster.AreaJournal, Sectors: pick(draw, 1, 1, 2, 8, 64, 512), Nodes: node},
		{AtNs: at, ForNs: back, Kind: pick(draw, cluster.PowerLoss, cluster.Crash), Nodes: node, Mode: "all"},
	}
}
