package scenarios

import (
	"slices"
	"time"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/sim/cluster"
)

// crashLoad is the window of the workloads that begin with the load, and
// crashRest what they leave node 1 to recover.
const (
	crashLoad = 1500 * time.Millisecond
	crashRest = 100 * time.Millisecond
)

// CrashWorkloads lists them.
func CrashWorkloads() []CrashWorkload {
	return append([]CrashWorkload{
		{
			Name: "append", About: "appends to one journal file",
			until: crashLoad, rest: crashRest, shows: []checker.EventKind{checker.EventPersisted},
			knobs: func(*cluster.Schedule) {},
		},
		{
			Name: "roll", About: "a journal whose files roll and are kept",
			until: crashLoad, rest: crashRest, shows: []checker.EventKind{checker.EventPersisted},
			knobs: func(s *cluster.Schedule) { s.Engine.JournalFileBytes, s.Engine.CheckpointBytes = 16<<10, 1<<20 },
		},
		{
			Name: "checkpoint", About: "segments that roll, checkpoints",
			until: crashLoad, rest: crashRest, shows: []checker.EventKind{checker.EventCheckpoint},
			knobs: func(s *cluster.Schedule) { s.Engine.SegmentBytes, s.Engine.CheckpointBytes = 8<<10, 4<<10 },
		},
		{
			Name: "recycle", About: "a journal whose files roll, are covered by checkpoints and recycled",
			until: crashLoad, rest: crashRest, shows: []checker.EventKind{checker.EventCheckpoint, checker.EventRecycled},
			knobs: smallCrashFiles,
		},
		{
			Name: "direct", About: "an unreplicated log whose segments roll, that notes its durable end and is checkpointed and trimmed",
			until: crashLoad, rest: crashRest,
			shows: []checker.EventKind{checker.EventDurableEnd, checker.EventCheckpoint, checker.EventTrim},
			knobs: func(s *cluster.Schedule) {
				smallCrashFiles(s)
				s.Unreplicated = 1 // on node 1
				s.Engine.SegmentBytes, s.Engine.RetentionBytes = 4<<10, 4<<10
			},
		},
	}, slices.Concat(crashProcedures(), crashTrims())...)
}

// smallCrashFiles lets everything roll, be checkpointed and recycled soon.
func smallCrashFiles(s *cluster.Schedule) {
	s.Engine.JournalFileBytes, s.Engine.SegmentBytes, s.Engine.CheckpointBytes = 16<<10, 8<<10, 4<<10
}

// crashProcedures are the workloads that lead to their procedure by faults: the
// window begins with it.
func crashProcedures() []CrashWorkload {
	return []CrashWorkload{
		{
			Name: "install", About: "it led, was cut off for longer than the journals reach back, and gets a snapshot",
			from: 3000 * time.Millisecond, until: 3300 * time.Millisecond, rest: 600 * time.Millisecond,
			shows: []checker.EventKind{checker.EventSnapshotStaged, checker.EventSnapshot},
			knobs: func(s *cluster.Schedule) {
				procedureLoad(s)
				s.Engine.JournalRetainBytes, s.Engine.ChunkBytes, s.Engine.ShipBytesPerSecond = 1, 2<<10, 512<<10
				s.Engine.ISRLagNs = int64(200 * time.Millisecond)
				s.Faults = append(s.Faults,
					// Another one might be elected otherwise.
					cluster.Fault{AtNs: 0, ForNs: int64(900 * time.Millisecond), Kind: cluster.Partition, Nodes: []uint64{3}, Clients: true},
					// Clients still reach it: entries that nobody else has stay on its disk.
					cluster.Fault{AtNs: int64(1300 * time.Millisecond), ForNs: int64(1700 * time.Millisecond), Kind: cluster.Partition, Nodes: []uint64{1}},
				)
			},
		},
		{
			Name: "adopt", About: "it finds rot in its journal, and comes back under a fresh id",
			from: 1700 * time.Millisecond, until: 3500 * time.Millisecond, rest: 2500 * time.Millisecond, restarts: true,
			shows: []checker.EventKind{checker.EventFenced, checker.EventBooted, checker.EventReplica, checker.EventMembers},
			knobs: func(s *cluster.Schedule) {
				procedureLoad(s)
				restartDamaged(s, cluster.AreaJournal)
			},
		},
		{
			Name: "reformat", About: "it finds rot in both copies of its checkpoint, and begins anew under a fresh id",
			from: 1700 * time.Millisecond, until: 3500 * time.Millisecond, rest: 2500 * time.Millisecond, restarts: true,
			shows: []checker.EventKind{checker.EventFenced, checker.EventBooted, checker.EventReplica, checker.EventMembers, checker.EventCheckpoint},
			knobs: func(s *cluster.Schedule) {
				procedureLoad(s)
				restartDamaged(s, cluster.AreaCheckpoint, cluster.AreaCheckpoint)
			},
		},
		{
			Name: "rebuild", About: "it finds rot in one copy of its checkpoint, and rebuilds that",
			from: 1700 * time.Millisecond, until: 2000 * time.Millisecond, rest: 300 * time.Millisecond, restarts: true,
			shows: []checker.EventKind{checker.EventRepaired, checker.EventCheckpoint},
			knobs: func(s *cluster.Schedule) {
				procedureLoad(s)
				restartDamaged(s, cluster.AreaCheckpoint)
			},
		},
		{
			Name: "repair", About: "its scrub finds rot in a sealed segment, and fetches it from a peer",
			from: 2000 * time.Millisecond, until: 2400 * time.Millisecond, rest: 2500 * time.Millisecond,
			shows: []checker.EventKind{checker.EventDamaged, checker.EventRepaired},
			knobs: func(s *cluster.Schedule) {
				procedureLoad(s)
				s.Engine.ScrubBytesPerSecond, s.Engine.ChunkBytes = 1<<20, 2<<10
				s.Faults = append(s.Faults, cluster.Fault{
					AtNs: int64(1500 * time.Millisecond), Kind: cluster.Rot, Nodes: []uint64{1}, Area: cluster.AreaSegment,
				})
			},
		},
	}
}

// crashTrims are the workloads in which a log's beginning goes.
func crashTrims() []CrashWorkload {
	return []CrashWorkload{
		{
			Name: "trim", About: "retention lets its log's oldest segments go",
			from: 1950 * time.Millisecond, until: 2450 * time.Millisecond, rest: 300 * time.Millisecond,
			shows: []checker.EventKind{checker.EventTrim, checker.EventCheckpoint},
			knobs: func(s *cluster.Schedule) {
				procedureLoad(s)
				s.Engine.RetentionBytes = 8 << 10
			},
		},
		{
			Name: "delete", About: "clients delete its log's beginning, and now and then all of it",
			from: 1200 * time.Millisecond, until: 1650 * time.Millisecond, rest: 300 * time.Millisecond,
			shows: []checker.EventKind{checker.EventTrim, checker.EventTrim, checker.EventCheckpoint},
			knobs: func(s *cluster.Schedule) {
				procedureLoad(s)
				s.Workload.DeletesPerMinute = 1200
			},
		},
	}
}

// procedureLoad is a lighter load on small files: the operations of the procedure
// are to stand out among those of appends, which other workloads enumerate.
func procedureLoad(s *cluster.Schedule) {
	smallCrashFiles(s)
	s.Workload.ProducesPerMinute, s.Workload.FetchesPerMinute, s.Workload.ListsPerMinute = 3000, 300, 300
}

// restartDamaged lets node 1 die after one and a half seconds, rot strike its
// disk, once in each area, and start it 200 ms later.
func restartDamaged(s *cluster.Schedule, areas ...string) {
	const at = int64(1500 * time.Millisecond)
	s.Engine.ISRLagNs = int64(200 * time.Millisecond)
	for i, area := range areas {
		s.Faults = append(s.Faults, cluster.Fault{AtNs: at + int64(i), Kind: cluster.Rot, Nodes: []uint64{1}, Area: area})
	}
	died := at + int64(len(areas))
	s.Faults = append(s.Faults, cluster.Fault{
		AtNs: died, ForNs: at + int64(200*time.Millisecond) - died, Kind: cluster.Crash, Nodes: []uint64{1},
	})
}
