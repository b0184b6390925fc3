package scenarios

import (
	"time"

	"github.com/lockstep-log/lockstep/sim"
	"github.com/lockstep-log/lockstep/sim/cluster"
)

// family draws the faults of one kind at one moment.
type family struct {
	name   string
	always bool
	onPPM  uint64 // chance that a seed has it at all
	draw   func(s *cluster.Schedule, draw *sim.Rand, atNs int64) []cluster.Fault
}

// families are the parts of "mixed". The index keys a family's stream: new ones
// are added at the end.
var families = []family{
	{name: "crash", always: true, draw: drawCrash},
	{name: "partition", always: true, draw: drawPartition},
	{name: "power loss", onPPM: 600_000, draw: drawPowerLoss},
	{name: "pause", onPPM: 400_000, draw: drawPause},
	{name: "one-way", onPPM: 300_000, draw: drawOneWay},
	{name: "client cut", onPPM: 250_000, draw: drawClientCut},
	{name: "degraded links", onPPM: 400_000, draw: drawDegrade},
	{name: "slow disk", onPPM: 300_000, draw: drawSlowDisk},
	{name: "failed sync", onPPM: 250_000, draw: drawFailSync},
	{name: "clean stop", onPPM: 250_000, draw: drawStop},
	{name: "wall jump", onPPM: 200_000, draw: drawWallJump},
	{name: "page cache trap", onPPM: 250_000, draw: drawTrap},
	{name: "power loss of all", onPPM: 200_000, draw: drawBlackout},
	{name: "crash in recovery", onPPM: 250_000, draw: drawCrashLoop},
	{name: "crash at an operation of the disk", onPPM: 300_000, draw: drawCrashPoint},
	{name: "power loss of several", onPPM: 150_000, draw: drawPartialBlackout},
	{name: "ring or bridge", onPPM: 200_000, draw: drawShape},
	{name: "flapping", onPPM: 150_000, draw: drawFlap},
	{name: "connection reset", onPPM: 200_000, draw: drawReset},
	{name: "clog", onPPM: 200_000, draw: drawClog},
	{name: "throttled disk", onPPM: 150_000, draw: drawThrottleDisk},
	{name: "stalled disk", onPPM: 150_000, draw: drawStallDisk},
	{name: "failing syncs", onPPM: 100_000, draw: drawSyncErrors},
	{name: "drift", onPPM: 150_000, draw: drawDrift},
	{name: "frozen clock", onPPM: 150_000, draw: drawFreeze},
	{name: "leader paused and cut off", onPPM: 200_000, draw: drawDeposed},
	{name: "swapped disks", onPPM: 80_000, draw: drawSwapDisks},
	{name: "rot", onPPM: 200_000, draw: drawRot},
	{name: "bad read", onPPM: 150_000, draw: drawBadRead},
	{name: "misdirected write", onPPM: 100_000, draw: drawMisdirectedWrite},
	{name: "lost write", onPPM: 100_000, draw: drawLostWrite},
	{name: "lost entry", onPPM: 100_000, draw: drawLostEntry},
	{name: "lost disk", onPPM: 100_000, draw: drawLostDisk},
	{name: "full disk", onPPM: 150_000, draw: drawFullDisk},
}

// damages are the families of what no power loss does to a disk, more often than
// mixed has them. They are in the scenarios damaged and beyond.
var damages = []family{
	{name: "rot", onPPM: 500_000, draw: drawRot},
	{name: "bad read", onPPM: 400_000, draw: drawBadRead},
	{name: "misdirected write", onPPM: 300_000, draw: drawMisdirectedWrite},
	{name: "lost write", onPPM: 300_000, draw: drawLostWrite},
	{name: "lost entry", onPPM: 250_000, draw: drawLostEntry},
	{name: "lost disk", onPPM: 250_000, draw: drawLostDisk},
	{name: "full disk", onPPM: 300_000, draw: drawFullDisk},
}

// spot draws whom a fault strikes: the leader of some group, a follower of one
// kind or another, or a node by its number.
func spot(s *cluster.Schedule, draw *sim.Rand, f cluster.Fault) cluster.Fault {
	f.Group = 1 + draw.Below(uint64(s.Partitions+s.Unreplicated))
	switch draw.Pick(8) {
	case 0, 1:
		f.Role = cluster.RoleLeader
	case 2, 3:
		f.Role = cluster.RoleFollower
	case 4:
		f.Role = pick(draw, cluster.RoleISRFollower, cluster.RoleLongestLog, cluster.RoleShortestLog)
	default:
		f.Group = 0
		f.Nodes = []uint64{1 + draw.Below(uint64(s.Nodes))}
	}
	return f
}

func lasting(draw *sim.Rand, lo, hi time.Duration) int64 { return draw.Between(int64(lo), int64(hi)) }

func drawCrash(s *cluster.Schedule, draw *sim.Rand, at int64) []cluster.Fault {
	f := spot(s, draw, cluster.Fault{AtNs: at, ForNs: lasting(draw, 50*time.Millisecond, 4*time.Second), Kind: cluster.Crash})
	if draw.Chance(1, 3) {
		f.On, f.DelayNs = cluster.OnWrite, draw.Between(0, s.Disk.SyncNs)
	}
	return []cluster.Fault{f}
}

func drawPowerLoss(s *cluster.Schedule, draw *sim.Rand, at int64) []cluster.Fault {
	f := spot(s, draw, cluster.Fault{
		AtNs: at, ForNs: lasting(draw, 300*time.Millisecond, 4*time.Second), Kind: cluster.PowerLoss,
		Mode: pick(draw, "any", "all", "prefix", "subset", "torn"),
	})
	if draw.Chance(2, 3) {
		f.On, f.DelayNs = cluster.OnWrite, draw.Between(s.Disk.WriteNs, s.Disk.WriteNs+s.Disk.SyncNs)
	}
	return []cluster.Fault{f}
}

func drawPause(s *cluster.Schedule, draw *sim.Rand, at int64) []cluster.Fault {
	return []cluster.Fault{spot(s, draw, cluster.Fault{AtNs: at, ForNs: lasting(draw, 50*time.Millisecond, 3*time.Second), Kind: cluster.Pause})}
}

// drawPartition cuts off a leader with or without followers, a follower, or a
// random set of nodes.
func drawPartition(s *cluster.Schedule, draw *sim.Rand, at int64) []cluster.Fault {
	f := spot(s, draw, cluster.Fault{
		AtNs: at, ForNs: lasting(draw, 500*time.Millisecond, 6*time.Second), Kind: cluster.Partition, Clients: draw.Chance(1, 5),
	})
	switch {
	case f.Role == cluster.RoleLeader:
		f.Count = 1 + draw.Pick((s.Replication+1)/2)
	case len(f.Nodes) > 0 && s.Nodes > 3 && draw.Chance(1, 2):
		other := 1 + draw.Below(uint64(s.Nodes))
		if other != f.Nodes[0] {
			f.Nodes = append(f.Nodes, other)
		}
	}
	return []cluster.Fault{f}
}

func drawOneWay(s *cluster.Schedule, draw *sim.Rand, at int64) []cluster.Fault {
	return []cluster.Fault{spot(s, draw, cluster.Fault{
		AtNs: at, ForNs: lasting(draw, 500*time.Millisecond, 5*time.Second), Kind: cluster.OneWay,
		Direction: pick(draw, cluster.DirectionIn, cluster.DirectionOut),
	})}
}

func drawClientCut(s *cluster.Schedule, draw *sim.Rand, at int64) []cluster.Fault {
	return []cluster.Fault{spot(s, draw, cluster.Fault{AtNs: at, ForNs: lasting(draw, 500*time.Millisecond, 3*time.Second), Kind: cluster.ClientCut})}
}

func drawDegrade(s *cluster.Schedule, draw *sim.Rand, at int64) []cluster.Fault {
	return []cluster.Fault{spot(s, draw, cluster.Fault{
		AtNs: at, ForNs: lasting(draw, time.Second, 6*time.Second), Kind: cluster.Degrade,
		LatencyNs: lasting(draw, 0, 100*time.Millisecond), LossPPM: pick(draw, uint64(0), 20_000, 150_000),
		DuplicatePPM: pick(draw, uint64(0), 50_000), ReorderPPM: pick(draw, uint64(0), 100_000),
		CorruptPPM: pick(draw, uint64(0), 20_000),
	})}
}

func drawSlowDisk(s *cluster.Schedule, draw *sim.Rand, at int64) []cluster.Fault {
	return []cluster.Fault{spot(s, draw, cluster.Fault{
		AtNs: at, ForNs: lasting(draw, time.Second, 6*time.Second), Kind: cluster.SlowDisk,
		LatencyNs: lasting(draw, 5*time.Millisecond, 800*time.Millisecond),
	})}
}

func drawFailSync(s *cluster.Schedule, draw *sim.Rand, at int64) []cluster.Fault {
	return []cluster.Fault{spot(s, draw, cluster.Fault{AtNs: at, ForNs: int64(3 * time.Second), Kind: cluster.FailSync})}
}

func drawStop(s *cluster.Schedule, draw *sim.Rand, at int64) []cluster.Fault {
	return []cluster.Fault{spot(s, draw, cluster.Fault{AtNs: at, ForNs: lasting(draw, 100*time.Millisecond, 3*time.Second), Kind: cluster.Stop})}
}

func drawWallJump(s *cluster.Schedule, draw *sim.Rand, at int64) []cluster.Fault {
	return []cluster.Fault{spot(s, draw, cluster.Fault{AtNs: at, Kind: cluster.WallJump, LatencyNs: lasting(draw, -time.Minute, time.Minute)})}
}

func drawTrap(s *cluster.Schedule, draw *sim.Rand, at int64) []cluster.Fault {
	return pageCacheTrap(draw, time.Duration(at), 1+draw.Below(uint64(s.Nodes)), s.Disk.SyncNs)
}

func drawBlackout(_ *cluster.Schedule, draw *sim.Rand, at int64) []cluster.Fault {
	return []cluster.Fault{{
		AtNs: at, ForNs: lasting(draw, 300*time.Millisecond, 2*time.Second), Kind: cluster.PowerLoss, Role: cluster.RoleAll,
		Mode: pick(draw, "any", "all", "subset"),
	}}
}

// drawCrashLoop kills a node again each time it begins to recover.
func drawCrashLoop(s *cluster.Schedule, draw *sim.Rand, at int64) []cluster.Fault {
	node := []uint64{1 + draw.Below(uint64(s.Nodes))}
	faults := []cluster.Fault{{AtNs: at, ForNs: lasting(draw, 50*time.Millisecond, time.Second), Kind: cluster.Crash, Nodes: node}}
	for i := range draw.Between(1, 3) {
		faults = append(faults, cluster.Fault{
			AtNs: at + i + 1, ForNs: lasting(draw, 10*time.Millisecond, 300*time.Millisecond),
			Kind: pick(draw, cluster.Crash, cluster.PowerLoss), Nodes: node,
			On: cluster.OnStart, DelayNs: lasting(draw, 0, 5*time.Millisecond),
		})
	}
	return faults
}
