package explore

import (
	"slices"
	"time"

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

// partitions leaves the first n; faults that aim at another one aim at the first.
func partitions(s *cluster.Schedule, n int) {
	lower(&s.Partitions, max(n, 1))
	for i := range s.Faults {
		if s.Faults[i].Group > uint64(s.Partitions) {
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

// quietEdits give the models and the engine their usual knobs without noise: all
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
		func(s *cluster.Schedule) { network(s); disk(s); clock(s); engine(s) },
		func(s *cluster.Schedule) { network(s); disk(s); clock(s) },
		network, disk, clock, engine,
		func(s *cluster.Schedule) { s.Network.LossPPM = 0 },
		func(s *cluster.Schedule) { s.Network.DuplicatePPM = 0 },
		func(s *cluster.Schedule) { s.Network.ReorderPPM, s.Network.ReorderNs = 0, 0 },
		func(s *cluster.Schedule) { s.Network.CorruptPPM = 0 },
		func(s *cluster.Schedule) { s.Network.TailPPM, s.Network.TailNs = 0, 0 },
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

// faultEdits weaken each of n faults.
func faultEdits(n int) []edit {
	var list []edit
	for i := range n {
		fault := func(f func(f *cluster.Fault)) {
			list = append(list, func(s *cluster.Schedule) { f(&s.Faults[i]) })
		}
		fault(func(f *cluster.Fault) { f.On, f.DelayNs = "", 0 })
		fault(func(f *cluster.Fault) { f.DelayNs = 0 })
		fault(func(f *cluster.Fault) {
			if f.Kind == cluster.PowerLoss {
				f.Kind, f.Mode = cluster.Crash, ""
			}
		})
		for _, mode := range []string{"all", "prefix", "subset", "torn"} {
			fault(func(f *cluster.Fault) {
				if f.Mode == "any" {
					f.Mode = mode
				}
			})
		}
		fault(func(f *cluster.Fault) { f.LossPPM, f.DuplicatePPM, f.ReorderPPM, f.CorruptPPM = 0, 0, 0, 0 })
		fault(func(f *cluster.Fault) { f.CorruptPPM = 0 })
		fault(func(f *cluster.Fault) { f.ReorderPPM = 0 })
		fault(func(f *cluster.Fault) { f.DuplicatePPM = 0 })
		fault(func(f *cluster.Fault) { f.LossPPM = 0 })
		fault(func(f *cluster.Fault) { f.LatencyNs = 0 })
		fault(func(f *cluster.Fault) { f.LatencyNs = halved(f.LatencyNs) })
		fault(func(f *cluster.Fault) { f.Clients = false })
		fault(func(f *cluster.Fault) { f.Count = 0 })
		fault(func(f *cluster.Fault) { f.Nodes = f.Nodes[:min(1, len(f.Nodes))] })
		for _, d := range []time.Duration{10 * time.Millisecond, 100 * time.Millisecond, 500 * time.Millisecond, time.Second} {
			fault(func(f *cluster.Fault) { lower(&f.ForNs, int64(d)) })
		}
		fault(func(f *cluster.Fault) { f.ForNs = halved(f.ForNs) })
	}
	return list
}

// halved is half of a time that is worth halving.
func halved(ns int64) int64 {
	if ns < int64(20*time.Millisecond) {
		return ns
	}
	return ns / 2
}

// gapEdits move each of n faults, and all behind it, towards the one before it,
// or the first towards the beginning of the load.
func gapEdits(n int) []edit {
	var list []edit
	for i := range n {
		for _, left := range []time.Duration{100 * time.Millisecond, time.Second, 2 * time.Second} {
			list = append(list, func(s *cluster.Schedule) {
				before := int64(0)
				if i > 0 {
					before = s.Faults[i-1].AtNs
				}
				earlier := max(s.Faults[i].AtNs-before-int64(left), 0)
				for j := i; j < len(s.Faults); j++ {
					s.Faults[j].AtNs -= earlier
				}
				s.DurationNs = max(s.DurationNs-earlier, 1)
			})
		}
	}
	return list
}

// units that times are rounded to, the coarsest first.
var units = []time.Duration{
	time.Second, 100 * time.Millisecond, 10 * time.Millisecond, time.Millisecond, 100 * time.Microsecond, 10 * time.Microsecond,
}

// roundEdits round the times of n faults and of the run: all to one unit, then
// each.
func roundEdits(n int) []edit {
	var list []edit
	for _, u := range units {
		list = append(list, func(s *cluster.Schedule) {
			s.DurationNs = ceiling(s.DurationNs, u)
			for i := range s.Faults {
				roundFault(&s.Faults[i], u)
			}
		})
	}
	for _, u := range units {
		list = append(list, func(s *cluster.Schedule) { s.DurationNs = ceiling(s.DurationNs, u) })
		for i := range n {
			list = append(list,
				func(s *cluster.Schedule) { roundFault(&s.Faults[i], u) },
				func(s *cluster.Schedule) { s.Faults[i].AtNs = rounded(s.Faults[i].AtNs, u) },
				func(s *cluster.Schedule) { s.Faults[i].ForNs = rounded(s.Faults[i].ForNs, u) },
				func(s *cluster.Schedule) { s.Faults[i].DelayNs = rounded(s.Faults[i].DelayNs, u) },
				func(s *cluster.Schedule) { s.Faults[i].LatencyNs = rounded(s.Faults[i].LatencyNs, u) },
			)
		}
	}
	return list
}

func roundFault(f *cluster.Fault, unit time.Duration) {
	for _, t := range []*int64{&f.AtNs, &f.ForNs, &f.DelayNs, &f.LatencyNs} {
		*t = rounded(*t, unit)
	}
}

// rounded is the nearest multiple; a time never becomes 0 by it.
func rounded(ns int64, unit time.Duration) int64 {
	if r := int64(time.Duration(ns).Round(unit)); r != 0 {
		return r
	}
	return ns
}

func ceiling(ns int64, unit time.Duration) int64 {
	return (ns + int64(unit) - 1) / int64(unit) * int64(unit)
}
