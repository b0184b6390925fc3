package explore

import (
	"slices"

	"github.com/lockstep-log/lockstep/sim/cluster"
)

// lower gives a field a smaller value; one that is not smaller is left out.
func lower[T int | int64 | uint64](field *T, to T) { *field = min(*field, to) }

// topologyEdits make the cluster smaller.
func topologyEdits() []edit {
	list := []edit{
		func(s *cluster.Schedule) { partitions(s, 1) },
		func(s *cluster.Schedule) { partitions(s, s.Partitions/2) },
		func(s *cluster.Schedule) { partitions(s, s.Partitions-1) },
		func(s *cluster.Schedule) { unreplicated(s, 0) },
		func(s *cluster.Schedule) { unreplicated(s, s.Unreplicated-1) },
	}
	for _, n := range []int{1, 2, 3, 5} {
		list = append(list, func(s *cluster.Schedule) { nodes(s, n, n) })
	}
	return append(list,
		func(s *cluster.Schedule) { nodes(s, s.Nodes-1, s.Nodes-1) },
		func(s *cluster.Schedule) { nodes(s, s.Nodes, 3) },
		func(s *cluster.Schedule) { lower(&s.MinISR, s.Replication/2+1) },
	)
}

// partitions leaves the first n.
func partitions(s *cluster.Schedule, n int) {
	lower(&s.Partitions, max(n, 1))
	aimAtGroups(s)
}

// unreplicated leaves the first n partitions of that kind.
func unreplicated(s *cluster.Schedule, n int) {
	lower(&s.Unreplicated, max(n, 0))
	aimAtGroups(s)
}

// aimAtGroups turns faults that aim at a partition that is gone to the first one.
func aimAtGroups(s *cluster.Schedule) {
	for i := range s.Faults {
		if s.Faults[i].Group > uint64(s.Partitions+s.Unreplicated) {
			s.Faults[i].Group = 0
		}
	}
}

// nodes leaves the first n, and of the replicas so many. A fault of a node that
// is gone strikes one that is left.
func nodes(s *cluster.Schedule, n, replication int) {
	lower(&s.Nodes, max(n, 1))
	lower(&s.Replication, min(max(replication, 1), s.Nodes))
	if s.MinISR > s.Replication {
		s.MinISR = s.Replication/2 + 1
	}
	for i := range s.Faults {
		f := &s.Faults[i]
		for j := range f.Nodes {
			f.Nodes[j] = 1 + (f.Nodes[j]-1)%uint64(s.Nodes)
		}
		slices.Sort(f.Nodes)
		f.Nodes = slices.Compact(f.Nodes)
		lower(&f.Count, s.Nodes)
	}
}

// loadEdits leave fewer operations and simpler ones.
func loadEdits() []edit {
	load := func(f func(w *cluster.WorkloadSpec)) edit {
		return func(s *cluster.Schedule) { f(&s.Workload) }
	}
	return []edit{
		load(func(w *cluster.WorkloadSpec) { w.FetchesPerMinute, w.ListsPerMinute = 0, 0 }),
		load(func(w *cluster.WorkloadSpec) { w.FetchesPerMinute = 0 }),
		load(func(w *cluster.WorkloadSpec) { w.ListsPerMinute = 0 }),
		load(func(w *cluster.WorkloadSpec) { w.ProducesPerMinute = 0 }),
		load(func(w *cluster.WorkloadSpec) { lower(&w.Clients, 1) }),
		load(func(w *cluster.WorkloadSpec) { lower(&w.Clients, 2) }),
		load(func(w *cluster.WorkloadSpec) { lower(&w.Clients, max(w.Clients/2, 1)) }),
		load(func(w *cluster.WorkloadSpec) { w.ProducesPerMinute /= 4 }),
		load(func(w *cluster.WorkloadSpec) { w.ProducesPerMinute /= 2 }),
		load(func(w *cluster.WorkloadSpec) { w.FetchesPerMinute /= 4 }),
		load(func(w *cluster.WorkloadSpec) { w.FetchesPerMinute /= 2 }),
		load(func(w *cluster.WorkloadSpec) { w.ListsPerMinute /= 2 }),
		load(func(w *cluster.WorkloadSpec) { lower(&w.ValueBytes, 16) }),
		load(func(w *cluster.WorkloadSpec) { lower(&w.ValueBytes, max(w.ValueBytes/2, 16)) }),
		load(func(w *cluster.WorkloadSpec) { lower(&w.MaxRecords, 1) }),
		load(func(w *cluster.WorkloadSpec) { w.LinearizablePPM = 0 }),
		load(func(w *cluster.WorkloadSpec) { w.RetryUnknown = false }),
		load(func(w *cluster.WorkloadSpec) {
			usual := cluster.Defaults(0).Workload
			w.FetchBytes, w.AttemptTimeoutNs, w.DeadlineNs = usual.FetchBytes, usual.AttemptTimeoutNs, usual.DeadlineNs
		}),
	}
}

// quietEdits heal everything in the second phase, let no damage go beyond the
// atlas, and give the models and the engine their usual knobs without noise: all
// at once, then each part, then each source of noise. The budget of the second
// phase stays: with a smaller one a healthy cluster would be too late.
func quietEdits() []edit {
	usual := cluster.Defaults(0)
	network := func(s *cluster.Schedule) { s.Network = cluster.Network{BaseNs: usual.Network.BaseNs} }
	disk := func(s *cluster.Schedule) {
		s.Disk = cluster.Disk{WriteNs: usual.Disk.WriteNs, SyncNs: usual.Disk.SyncNs}
	}
	clock := func(s *cluster.Schedule) { s.Clock = cluster.Clock{} }
	engine := func(s *cluster.Schedule) { s.Engine = usual.Engine }
	return []edit{
		func(s *cluster.Schedule) { s.Heal, s.Beyond = "", false },
		func(s *cluster.Schedule) { s.Heal = "" },
		func(s *cluster.Schedule) { s.Beyond = false },
		func(s *cluster.Schedule) { network(s); disk(s); clock(s); engine(s) },
		func(s *cluster.Schedule) { network(s); disk(s); clock(s) },
		network, disk, clock, engine,
		func(s *cluster.Schedule) { s.Network.LossPPM = 0 },
		func(s *cluster.Schedule) { s.Network.DuplicatePPM = 0 },
		func(s *cluster.Schedule) { s.Network.ReorderPPM, s.Network.ReorderNs = 0, 0 },
		func(s *cluster.Schedule) { s.Network.CorruptPPM = 0 },
		func(s *cluster.Schedule) { s.Network.TailPPM, s.Network.TailNs = 0, 0 },
		func(s *cluster.Schedule) { s.Network.BytesPerSecond, s.Network.QueueBytes = 0, 0 },
		func(s *cluster.Schedule) { s.Network.QueueBytes = 0 },
		func(s *cluster.Schedule) { s.Network.JitterNs = 0 },
		func(s *cluster.Schedule) { s.Network.BaseNs = usual.Network.BaseNs },
		func(s *cluster.Schedule) { s.Disk.TailPPM, s.Disk.TailNs = 0, 0 },
		func(s *cluster.Schedule) { s.Disk.JitterNs = 0 },
		func(s *cluster.Schedule) { s.Disk.WriteNs = usual.Disk.WriteNs },
		func(s *cluster.Schedule) { s.Disk.SyncNs = usual.Disk.SyncNs },
		func(s *cluster.Schedule) { s.Engine.TurnNs = 0 },
		func(s *cluster.Schedule) { s.Engine.RestartNs = usual.Engine.RestartNs },
		func(s *cluster.Schedule) { s.Engine.ISRLagNs = usual.Engine.ISRLagNs },
		func(s *cluster.Schedule) { s.Engine.SegmentBytes = usual.Engine.SegmentBytes },
		func(s *cluster.Schedule) { s.Engine.CheckpointBytes = usual.Engine.CheckpointBytes },
		func(s *cluster.Schedule) { s.Engine.LogTailBytes = usual.Engine.LogTailBytes },
		func(s *cluster.Schedule) { s.Engine.IndexIntervalBytes = usual.Engine.IndexIntervalBytes },
		func(s *cluster.Schedule) {
			s.Engine.JournalFileBytes, s.Engine.JournalSpares = usual.Engine.JournalFileBytes, usual.Engine.JournalSpares
		},
	}
}
