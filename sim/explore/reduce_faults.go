package explore

import (
	"time"

	"github.com/lockstep-log/lockstep/sim/cluster"
)

// weaker is what a kind of fault is tried as: one that does less, or that a
// person knows better.
var weaker = map[string]string{
	cluster.PowerLoss:        cluster.Crash,
	cluster.SwapDisks:        cluster.Crash,
	cluster.LostDisk:         cluster.Crash,
	cluster.SyncErrors:       cluster.FailSync,
	cluster.MisdirectedWrite: cluster.LostWrite,
	cluster.Flap:             cluster.Partition,
	cluster.Bridge:           cluster.Partition,
	cluster.Ring:             cluster.Partition,
}

// damages are the kinds of faults that strike an area of a disk.
var damages = map[string]bool{
	cluster.BadRead: true, cluster.Rot: true, cluster.MisdirectedWrite: true, cluster.LostWrite: true, cluster.LostEntry: true,
}

// faultEdits weaken each of n faults.
func faultEdits(n int) []edit {
	var list []edit
	for i := range n {
		for _, weaken := range [][]func(f *cluster.Fault){triggerEdits(), kindEdits(), linkEdits(), diskEdits(), extentEdits()} {
			for _, f := range weaken {
				list = append(list, func(s *cluster.Schedule) { f(&s.Faults[i]) })
			}
		}
	}
	return list
}

// triggerEdits let a fault begin at a plain time, or at an earlier event.
func triggerEdits() []func(f *cluster.Fault) {
	return []func(f *cluster.Fault){
		func(f *cluster.Fault) { f.On, f.Nth, f.DelayNs = "", 0, 0 },
		func(f *cluster.Fault) { f.Nth, f.DelayNs = 0, 0 },
		func(f *cluster.Fault) { f.Nth = 0 },
		func(f *cluster.Fault) { f.Nth /= 2 },
		func(f *cluster.Fault) { f.DelayNs = 0 },
	}
}

// kindEdits make another fault of it.
func kindEdits() []func(f *cluster.Fault) {
	list := []func(f *cluster.Fault){
		func(f *cluster.Fault) {
			if kind := weaker[f.Kind]; kind != "" {
				*f = plain(kind, f)
			}
		},
		func(f *cluster.Fault) { f.Direction = "" },
		func(f *cluster.Fault) { f.PeriodNs = halved(f.PeriodNs) },
		func(f *cluster.Fault) { f.DriftPPM /= 2 },
	}
	for _, mode := range []string{"all", "prefix", "subset", "torn"} {
		list = append(list, func(f *cluster.Fault) {
			if f.Mode == "any" {
				f.Mode = mode
			}
		})
	}
	return list
}

// plain is a fault of another kind at the same time and place; what only the
// first kind knows is gone.
func plain(kind string, f *cluster.Fault) cluster.Fault {
	p := cluster.Fault{
		AtNs: f.AtNs, ForNs: f.ForNs, Kind: kind, Nodes: f.Nodes, Role: f.Role, Group: f.Group, Count: f.Count,
		On: f.On, Nth: f.Nth, DelayNs: f.DelayNs, Clients: f.Clients,
	}
	if damages[kind] {
		p.Area = f.Area
	}
	return p
}

// linkEdits make the links better that a fault worsens.
func linkEdits() []func(f *cluster.Fault) {
	return []func(f *cluster.Fault){
		func(f *cluster.Fault) { f.LossPPM, f.DuplicatePPM, f.ReorderPPM, f.CorruptPPM = 0, 0, 0, 0 },
		func(f *cluster.Fault) { f.CorruptPPM = 0 },
		func(f *cluster.Fault) { f.ReorderPPM = 0 },
		func(f *cluster.Fault) { f.DuplicatePPM = 0 },
		func(f *cluster.Fault) { f.LossPPM = 0 },
		func(f *cluster.Fault) { f.LatencyNs = 0 },
		func(f *cluster.Fault) { f.LatencyNs = halved(f.LatencyNs) },
		func(f *cluster.Fault) { f.BytesPerSecond, f.QueueBytes = 0, 0 },
		func(f *cluster.Fault) { f.QueueBytes = 0 },
		func(f *cluster.Fault) { f.BytesPerSecond *= 10 },
		func(f *cluster.Fault) { f.Clients = false },
	}
}

// diskEdits damage less of a disk, and say where.
func diskEdits() []func(f *cluster.Fault) {
	list := []func(f *cluster.Fault){
		func(f *cluster.Fault) { f.Sectors, f.Shift = 0, 0 },
		func(f *cluster.Fault) { f.Sectors = 0 },
		func(f *cluster.Fault) { f.Sectors /= 2 },
		func(f *cluster.Fault) { f.Shift = 0 },
		func(f *cluster.Fault) { f.Formatted = false },
	}
	for _, area := range []string{cluster.AreaJournal, cluster.AreaSegment, cluster.AreaIndex, cluster.AreaCheckpoint} {
		list = append(list, func(f *cluster.Fault) {
			if damages[f.Kind] && (f.Area == "" || f.Area == cluster.AreaAny) {
				f.Area = area
			}
		})
	}
	return list
}

// extentEdits let a fault strike fewer nodes, for less long.
func extentEdits() []func(f *cluster.Fault) {
	list := []func(f *cluster.Fault){
		func(f *cluster.Fault) { f.Count = 0 },
		func(f *cluster.Fault) { f.Nodes = f.Nodes[:min(1, len(f.Nodes))] },
	}
	for _, d := range []time.Duration{10 * time.Millisecond, 100 * time.Millisecond, 500 * time.Millisecond, time.Second} {
		list = append(list, func(f *cluster.Fault) { lower(&f.ForNs, int64(d)) })
	}
	return append(list, func(f *cluster.Fault) { f.ForNs = halved(f.ForNs) })
}

// targetEdits name the node in place of a role, for each of n faults. A role
// follows the cluster when that gets smaller, so this is tried after all else.
func targetEdits(n, nodes int) []edit {
	var list []edit
	for i := range n {
		for node := range uint64(nodes) {
			list = append(list, func(s *cluster.Schedule) {
				if f := &s.Faults[i]; f.Role != "" {
					f.Nodes, f.Role, f.Group, f.Count = []uint64{node + 1}, "", 0, 0
				}
			})
		}
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
