package scenarios

import (
	"time"

	"github.com/lockstep-log/lockstep/sim"
	"github.com/lockstep-log/lockstep/sim/cluster"
)

// drawCrashPoint ends a process, or its machine, right after some operation of
// its disk, in recovery too.
func drawCrashPoint(s *cluster.Schedule, draw *sim.Rand, at int64) []cluster.Fault {
	f := spot(s, draw, cluster.Fault{
		AtNs: at, ForNs: lasting(draw, 20*time.Millisecond, 2*time.Second), Kind: pick(draw, cluster.Crash, cluster.PowerLoss),
		On: pick(draw, cluster.OnIO, cluster.OnSync), Nth: int(draw.Between(1, 40)), Mode: "any",
	})
	if !draw.Chance(1, 2) {
		return []cluster.Fault{f}
	}
	// The next process meets its end at another operation, while it recovers.
	again := f
	again.AtNs++
	again.Kind, again.On, again.Nth = pick(draw, cluster.Crash, cluster.PowerLoss), cluster.OnRecoveryIO, int(draw.Between(1, 30))
	return []cluster.Fault{f, again}
}

func drawPartialBlackout(s *cluster.Schedule, draw *sim.Rand, at int64) []cluster.Fault {
	f := cluster.Fault{
		AtNs: at, ForNs: lasting(draw, 300*time.Millisecond, 3*time.Second), Kind: cluster.PowerLoss, Role: cluster.RoleLeader,
		Group: 1 + draw.Below(uint64(s.Partitions)), Count: 2, Mode: pick(draw, "any", "all", "torn"),
	}
	if draw.Chance(1, 2) {
		f.On, f.DelayNs = cluster.OnWrite, draw.Between(s.Disk.WriteNs, s.Disk.WriteNs+s.Disk.SyncNs)
	}
	return []cluster.Fault{f}
}

// drawShape partitions the nodes into a ring, or leaves a bridge between halves.
func drawShape(s *cluster.Schedule, draw *sim.Rand, at int64) []cluster.Fault {
	f := cluster.Fault{AtNs: at, ForNs: lasting(draw, time.Second, 6*time.Second), Kind: cluster.Ring, Role: cluster.RoleAll}
	switch {
	case draw.Chance(1, 2):
		f = spot(s, draw, f)
		f.Kind = cluster.Bridge
	case s.Nodes < 4 || draw.Chance(1, 3): // three nodes make a ring that cuts nothing
		f.Direction = pick(draw, cluster.DirectionIn, cluster.DirectionOut)
	}
	return []cluster.Fault{f}
}

func drawFlap(s *cluster.Schedule, draw *sim.Rand, at int64) []cluster.Fault {
	return []cluster.Fault{spot(s, draw, cluster.Fault{
		AtNs: at, ForNs: lasting(draw, time.Second, 5*time.Second), Kind: cluster.Flap,
		PeriodNs: lasting(draw, 50*time.Millisecond, 2*time.Second), Clients: draw.Chance(1, 5),
	})}
}

func drawReset(s *cluster.Schedule, draw *sim.Rand, at int64) []cluster.Fault {
	return []cluster.Fault{spot(s, draw, cluster.Fault{AtNs: at, Kind: cluster.Reset, Clients: draw.Chance(1, 2)})}
}

func drawClog(s *cluster.Schedule, draw *sim.Rand, at int64) []cluster.Fault {
	return []cluster.Fault{spot(s, draw, cluster.Fault{
		AtNs: at, ForNs: lasting(draw, 100*time.Millisecond, 4*time.Second), Kind: cluster.Clog,
		Direction: pick(draw, "", cluster.DirectionIn, cluster.DirectionOut),
	})}
}

func drawThrottleDisk(s *cluster.Schedule, draw *sim.Rand, at int64) []cluster.Fault {
	return []cluster.Fault{spot(s, draw, cluster.Fault{
		AtNs: at, ForNs: lasting(draw, time.Second, 5*time.Second), Kind: cluster.ThrottleDisk,
		BytesPerSecond: pick(draw, int64(50_000), 500_000, 5_000_000),
	})}
}

func drawStallDisk(s *cluster.Schedule, draw *sim.Rand, at int64) []cluster.Fault {
	return []cluster.Fault{spot(s, draw, cluster.Fault{AtNs: at, ForNs: lasting(draw, 50*time.Millisecond, 4*time.Second), Kind: cluster.StallDisk})}
}

func drawSyncErrors(s *cluster.Schedule, draw *sim.Rand, at int64) []cluster.Fault {
	return []cluster.Fault{spot(s, draw, cluster.Fault{AtNs: at, ForNs: lasting(draw, 500*time.Millisecond, 5*time.Second), Kind: cluster.SyncErrors})}
}

func drawDrift(s *cluster.Schedule, draw *sim.Rand, at int64) []cluster.Fault {
	return []cluster.Fault{spot(s, draw, cluster.Fault{
		AtNs: at, ForNs: lasting(draw, time.Second, 10*time.Second), Kind: cluster.Drift,
		DriftPPM: pick(draw, int64(-500), -200, 200, 500),
	})}
}

func drawFreeze(s *cluster.Schedule, draw *sim.Rand, at int64) []cluster.Fault {
	return []cluster.Fault{spot(s, draw, cluster.Fault{AtNs: at, ForNs: lasting(draw, 50*time.Millisecond, 4*time.Second), Kind: cluster.Freeze})}
}

// drawDeposed pauses a leader and cuts it off meanwhile: when it goes on, clients
// still reach it, and nobody has told it that it was deposed.
func drawDeposed(s *cluster.Schedule, draw *sim.Rand, at int64) []cluster.Fault {
	group := 1 + draw.Below(uint64(s.Partitions))
	paused := lasting(draw, 500*time.Millisecond, 3*time.Second)
	return []cluster.Fault{
		{AtNs: at, ForNs: paused + lasting(draw, 100*time.Millisecond, 3*time.Second), Kind: cluster.Partition, Role: cluster.RoleLeader, Group: group},
		{AtNs: at, ForNs: paused, Kind: cluster.Pause, Role: cluster.RoleLeader, Group: group},
	}
}

func drawSwapDisks(s *cluster.Schedule, draw *sim.Rand, at int64) []cluster.Fault {
	a := 1 + draw.Below(uint64(s.Nodes))
	b := 1 + (a+draw.Below(uint64(s.Nodes-1)))%uint64(s.Nodes)
	return []cluster.Fault{{AtNs: at, ForNs: lasting(draw, 500*time.Millisecond, 3*time.Second), Kind: cluster.SwapDisks, Nodes: []uint64{a, b}, Mode: "any"}}
}

func drawRot(s *cluster.Schedule, draw *sim.Rand, at int64) []cluster.Fault {
	return []cluster.Fault{spot(s, draw, cluster.Fault{AtNs: at, Kind: cluster.Rot, Area: drawArea(draw), Sectors: pick(draw, 1, 1, 4)})}
}

func drawBadRead(s *cluster.Schedule, draw *sim.Rand, at int64) []cluster.Fault {
	return []cluster.Fault{spot(s, draw, cluster.Fault{AtNs: at, Kind: cluster.BadRead, Area: pick(draw, drawArea(draw), drawArea(draw), drawArea(draw), cluster.AreaTail), Sectors: pick(draw, 1, 1, 8)})}
}

func drawArea(draw *sim.Rand) string {
	return pick(draw, cluster.AreaAny, cluster.AreaJournal, cluster.AreaSegment, cluster.AreaIndex, cluster.AreaCheckpoint)
}

// drawLog is drawArea without the journal, of which the last batch must not be
// lost: see the package cluster's atlas.
func drawLog(draw *sim.Rand) string {
	return pick(draw, cluster.AreaSegment, cluster.AreaIndex, cluster.AreaCheckpoint)
}

func drawMisdirectedWrite(s *cluster.Schedule, draw *sim.Rand, at int64) []cluster.Fault {
	return []cluster.Fault{spot(s, draw, cluster.Fault{
		AtNs: at, ForNs: int64(10 * time.Second), Kind: cluster.MisdirectedWrite, Area: drawLog(draw),
		Shift: pick(draw, int64(-8), -1, 1, 8, 64),
	})}
}

func drawLostWrite(s *cluster.Schedule, draw *sim.Rand, at int64) []cluster.Fault {
	return []cluster.Fault{spot(s, draw, cluster.Fault{AtNs: at, ForNs: int64(10 * time.Second), Kind: cluster.LostWrite, Area: drawLog(draw)})}
}

func drawLostEntry(s *cluster.Schedule, draw *sim.Rand, at int64) []cluster.Fault {
	return []cluster.Fault{spot(s, draw, cluster.Fault{AtNs: at, ForNs: lasting(draw, 100*time.Millisecond, 2*time.Second), Kind: cluster.LostEntry, Area: drawArea(draw)})}
}

func drawLostDisk(s *cluster.Schedule, draw *sim.Rand, at int64) []cluster.Fault {
	return []cluster.Fault{spot(s, draw, cluster.Fault{AtNs: at, ForNs: lasting(draw, 500*time.Millisecond, 4*time.Second), Kind: cluster.LostDisk})}
}

func drawFullDisk(s *cluster.Schedule, draw *sim.Rand, at int64) []cluster.Fault {
	return []cluster.Fault{spot(s, draw, cluster.Fault{AtNs: at, ForNs: lasting(draw, time.Second, 6*time.Second), Kind: cluster.FullDisk})}
}
