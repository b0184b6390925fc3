package scenarios

import (
	"time"

	"github.com/lockstep-log/lockstep/sim"
	"github.com/lockstep-log/lockstep/sim/cluster"
)

// unreplicated is about partitions with one copy and no raft group, beside one
// that has three. Their nodes die within writes and while they recover, their disks
// are full, stall and fail to sync: what was acknowledged is there afterwards. In
// two of five seeds one disk is damaged or lost, too: then the partition says what
// is gone, or serves nothing.
func unreplicated() Scenario {
	const name = "unreplicated"
	return Scenario{
		Name:  name,
		Extra: true,
		About: "unreplicated partitions whose nodes die, whose disks are full, fail and get damaged: all that was acknowledged is there, or named as lost",
		Schedule: func(seed uint64) cluster.Schedule {
			s, draw := storageSchedule(name, seed)
			s.Unreplicated = pick(draw, 1, 1, 2, 3)
			s.Engine.SegmentBytes = pick(draw, int64(2<<10), 8<<10)
			s.Engine.LogTailBytes = pick(draw, 512, 8<<10)
			s.Engine.CheckpointBytes = pick(draw, int64(8<<10), 64<<10)
			s.Engine.ScrubBytesPerSecond = pick(draw, int64(0), 1<<20)
			if draw.Chance(1, 3) {
				s.Engine.RetentionBytes = 5 * s.Engine.SegmentBytes
			}
			s.Workload.MaxRecords = pick(draw, 1, 4)
			s.Disk.SyncNs = int64(pick(draw, 200*time.Microsecond, 2*time.Millisecond, 8*time.Millisecond))
			node := uint64(1 + draw.Pick(s.Unreplicated))
			at := lasting(draw, 2*time.Second, 3*time.Second)
			s.Faults = append(s.Faults, pageCacheTrap(draw, time.Duration(at), node, s.Disk.SyncNs)...)
			at += lasting(draw, 4*time.Second, 5*time.Second)
			s.Faults = append(s.Faults, cluster.Fault{
				AtNs: at, ForNs: lasting(draw, time.Second, 3*time.Second), Kind: cluster.FullDisk, Nodes: []uint64{node},
			})
			for at += lasting(draw, 3*time.Second, 4*time.Second); at < s.DurationNs-int64(5*time.Second); at += lasting(draw, 2*time.Second, 4*time.Second) {
				s.Faults = append(s.Faults, aloneFaults(&s, draw, at, 1+uint64(draw.Pick(s.Unreplicated)))...)
			}
			for range 2 { // between two syncs: the second may be that of a name
				s.Faults = append(s.Faults, cluster.Fault{
					AtNs: lasting(draw, 3*time.Second, 16*time.Second), ForNs: lasting(draw, 20*time.Millisecond, 500*time.Millisecond),
					Kind: cluster.SyncErrors, Nodes: []uint64{node}, On: cluster.OnSync, Nth: int(draw.Between(1, 30)),
				})
			}
			if draw.Chance(2, 5) {
				s.Faults = append(s.Faults, aloneDamage(draw, s.DurationNs-lasting(draw, 3*time.Second, 5*time.Second), node)...)
			}
			return s
		},
		Check: checkReached(name, "storage/direct-durable-end-written", "storage/direct-tail-resynced"),
	}
}

// aloneFaults strikes a node in one of the ways that take nothing which is durable.
func aloneFaults(s *cluster.Schedule, draw *sim.Rand, at int64, node uint64) []cluster.Fault {
	f := cluster.Fault{AtNs: at, ForNs: lasting(draw, 20*time.Millisecond, 1500*time.Millisecond), Nodes: []uint64{node}}
	switch draw.Pick(8) {
	case 0, 1, 2:
		f.Kind, f.Mode = cluster.PowerLoss, pick(draw, "any", "all", "prefix", "subset", "torn")
		f.On, f.DelayNs = cluster.OnWrite, draw.Between(s.Disk.WriteNs, s.Disk.WriteNs+s.Disk.SyncNs)
	case 3, 4:
		f.Kind, f.Mode = pick(draw, cluster.Crash, cluster.PowerLoss), "any"
		f.On, f.Nth = pick(draw, cluster.OnIO, cluster.OnSync), int(draw.Between(1, 40))
		again := f
		again.AtNs++
		again.Kind, again.On, again.Nth = pick(draw, cluster.Crash, cluster.PowerLoss), cluster.OnRecoveryIO, int(draw.Between(1, 40))
		return []cluster.Fault{f, again}
	case 5:
		f.Kind = pick(draw, cluster.FailSync, cluster.SyncErrors)
	case 6:
		f.Kind = pick(draw, cluster.StallDisk, cluster.Stop, cluster.Pause)
	default:
		f.Kind, f.LatencyNs = cluster.SlowDisk, lasting(draw, 5*time.Millisecond, 300*time.Millisecond)
	}
	return []cluster.Fault{f}
}

// aloneDamage destroys a part of the only copy, or all of it; then the node is
// started again.
func aloneDamage(draw *sim.Rand, at int64, node uint64) []cluster.Fault {
	nodes := []uint64{node}
	f := cluster.Fault{AtNs: at, Nodes: nodes, Sectors: pick(draw, 1, 4)}
	switch draw.Pick(6) {
	case 0, 1:
		f.Kind, f.Area = cluster.Rot, cluster.AreaSegment
	case 2:
		f.Kind, f.Area = cluster.Rot, pick(draw, cluster.AreaCheckpoint, cluster.AreaIndex)
	case 3:
		f.Kind, f.Area = cluster.BadRead, cluster.AreaSegment
	case 4:
		f.Kind, f.ForNs, f.Area, f.Mode = cluster.LostEntry, int64(300*time.Millisecond), cluster.AreaSegment, "all"
	default:
		f.Kind, f.ForNs = cluster.LostDisk, int64(300*time.Millisecond)
	}
	return []cluster.Fault{f, {AtNs: at + int64(500*time.Millisecond), ForNs: int64(100 * time.Millisecond), Kind: cluster.Crash, Nodes: nodes}}
}
