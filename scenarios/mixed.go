package scenarios

import (
	"cmp"
	"slices"
	"time"

	"github.com/lockstep-log/lockstep/sim"
	"github.com/lockstep-log/lockstep/sim/cluster"
)

// mixed is the default scenario: everything that a seed may draw.
func mixed() Scenario {
	return Scenario{
		Name:  "mixed",
		About: "random topology, knobs and load under random, overlapping faults of all kinds",
		Schedule: func(seed uint64) cluster.Schedule {
			s := drawAll("mixed", seed)
			s.Faults = drawFaults(&s, families, seed)
			scrubWhereDamaged(&s)
			return s
		},
	}
}

// drawAll draws everything but the faults.
func drawAll(name string, seed uint64) cluster.Schedule {
	s := cluster.Defaults(seed)
	s.Scenario = name
	drawTopology(&s, sim.NewRand(seed, "mixed.topology", 0))
	drawNetwork(&s.Network, sim.NewRand(seed, "mixed.network", 0))
	drawDisk(&s.Disk, sim.NewRand(seed, "mixed.disk", 0))
	drawEngine(&s.Engine, sim.NewRand(seed, "mixed.engine", 0))
	drawWorkload(&s.Workload, sim.NewRand(seed, "mixed.workload", 0))
	drawBounds(&s, sim.NewRand(seed, "mixed.bounds", 0))
	if sim.NewRand(seed, "mixed.heal", 0).Chance(3, 5) {
		s.Heal = cluster.HealQuorum
	}
	if sim.NewRand(seed, "mixed.unreplicated", 0).Chance(1, 4) {
		s.Unreplicated = 1
	}
	return s
}

// scrubWhereDamaged lets nodes read their files where disks are damaged: what
// nobody reads nobody can repair.
func scrubWhereDamaged(s *cluster.Schedule) {
	kinds := []string{cluster.Rot, cluster.BadRead, cluster.MisdirectedWrite, cluster.LostWrite, cluster.LostEntry}
	if slices.ContainsFunc(s.Faults, func(f cluster.Fault) bool { return slices.Contains(kinds, f.Kind) }) {
		s.Engine.ScrubBytesPerSecond = 1 << 20
	}
}

// pick draws one of several values.
func pick[T any](draw *sim.Rand, from ...T) T { return from[draw.Pick(len(from))] }

func drawTopology(s *cluster.Schedule, draw *sim.Rand) {
	s.Nodes = pick(draw, 3, 3, 5)
	s.Partitions = pick(draw, 1, 1, 2, 4)
	s.Replication = s.Nodes
	if s.Nodes == 5 {
		s.Replication = pick(draw, 3, 5)
	}
	s.MinISR = 1 + draw.Pick(s.Replication)
	if s.MinISR == s.Replication && draw.Chance(1, 2) {
		s.MinISR = s.Replication/2 + 1 // the greatest one stops produces at every fault
	}
	s.DurationNs = draw.Between(int64(20*time.Second), int64(60*time.Second))
	s.Clock.WallSpreadNs = int64(pick(draw, 0, time.Second, 10*time.Second))
	s.Clock.DriftPPM = pick(draw, int64(0), 100, 500)
}

// drawNetwork draws a network that is always a little faulty, or not at all.
func drawNetwork(n *cluster.Network, draw *sim.Rand) {
	n.BaseNs = int64(pick(draw, 50*time.Microsecond, 200*time.Microsecond, time.Millisecond, 3*time.Millisecond))
	n.JitterNs = draw.Between(0, 2*n.BaseNs)
	n.TailNs = int64(pick(draw, time.Millisecond, 5*time.Millisecond))
	n.TailPPM = pick(draw, uint64(0), 1000, 5000)
	n.LossPPM = pick(draw, uint64(0), 0, 1000, 5000)
	n.DuplicatePPM = pick(draw, uint64(0), 0, 2000, 10_000)
	n.ReorderPPM = pick(draw, uint64(0), 0, 5000, 20_000)
	n.ReorderNs = int64(pick(draw, time.Millisecond, 20*time.Millisecond))
	n.CorruptPPM = pick(draw, uint64(0), 0, 0, 500)
	n.BytesPerSecond = pick(draw, int64(0), 0, 1_000_000_000, 100_000_000, 5_000_000)
	if n.BytesPerSecond != 0 {
		n.QueueBytes = pick(draw, int64(0), 256<<10, 4<<20)
	}
}

func drawDisk(d *cluster.Disk, draw *sim.Rand) {
	d.WriteNs = int64(pick(draw, 10*time.Microsecond, 50*time.Microsecond, 200*time.Microsecond))
	d.SyncNs = int64(pick(draw, 150*time.Microsecond, 500*time.Microsecond, 2*time.Millisecond, 8*time.Millisecond))
	d.JitterNs = draw.Between(0, d.SyncNs)
	d.TailNs = int64(pick(draw, time.Millisecond, 3*time.Millisecond))
	d.TailPPM = pick(draw, uint64(0), 2000, 10_000)
}

// drawEngine draws small files, so that rolls, recycling and checkpoints happen
// within a minute of light load.
func drawEngine(e *cluster.Engine, draw *sim.Rand) {
	e.MaxBatchBytes = 16 << 10
	e.JournalFileBytes = pick(draw, int64(64<<10), 128<<10, 256<<10)
	e.JournalSpares = pick(draw, 1, 2)
	e.SegmentBytes = pick(draw, int64(4<<10), 16<<10, 64<<10)
	e.IndexIntervalBytes = pick(draw, int64(256), 1<<10, 4<<10)
	e.CheckpointBytes = pick(draw, int64(4<<10), 16<<10, 64<<10)
	e.LogTailBytes = pick(draw, 1<<10, 16<<10, 256<<10)
	e.ISRLagNs = int64(pick(draw, time.Second, 2*time.Second, 4*time.Second))
	e.TurnNs = int64(pick(draw, 0, 0, 20*time.Microsecond, 300*time.Microsecond, 3*time.Millisecond))
	e.JournalRetainBytes = pick(draw, int64(0), 0, 32<<10, 128<<10)
	e.ChunkBytes = pick(draw, int64(0), 512, 4<<10)
	e.ShipBytesPerSecond = pick(draw, int64(0), 0, 256<<10)
	e.ScrubBytesPerSecond = pick(draw, int64(0), 64<<10)
	e.MaxOpenFiles = pick(draw, 0, 8)
	if draw.Chance(1, 4) {
		e.RetentionBytes = e.SegmentBytes * draw.Between(3, 10)
	}
	if draw.Chance(1, 6) {
		e.RetentionNs = draw.Between(int64(8*time.Second), int64(40*time.Second))
	}
	e.RestartNs = draw.Between(int64(100*time.Millisecond), int64(2*time.Second))
}

func drawWorkload(w *cluster.WorkloadSpec, draw *sim.Rand) {
	w.Clients = pick(draw, 3, 6, 10)
	w.ProducesPerMinute = pick(draw, int64(300), 600, 1200)
	w.FetchesPerMinute = pick(draw, int64(120), 240, 600)
	w.ListsPerMinute = pick(draw, int64(30), 60, 240)
	w.LinearizablePPM = pick(draw, uint64(100_000), 300_000, 700_000)
	w.ValueBytes = pick(draw, 16, 100, 700)
	w.MaxRecords = pick(draw, 1, 3)
	w.FetchBytes = pick(draw, 512, 4<<10, 32<<10)
	w.AttemptTimeoutNs = int64(pick(draw, 500*time.Millisecond, time.Second, 4*time.Second))
	w.DeadlineNs = int64(pick(draw, 6*time.Second, 12*time.Second))
	w.RetryUnknown = draw.Chance(1, 2)
}

// drawBounds draws how much of a journal there may be, how much of a file that is
// fetched a crash may cost, and whether clients delete what is old.
func drawBounds(s *cluster.Schedule, draw *sim.Rand) {
	s.Engine.JournalMaxBytes = s.Engine.JournalFileBytes * pick(draw, int64(0), 0, 8, 16)
	s.Engine.StageSyncBytes = pick(draw, int64(0), 1<<10, 16<<10)
	s.Workload.DeletesPerMinute = pick(draw, int64(0), 0, 0, 20, 120)
}

// usualFamilies is how many families of faults may be on before each gets rarer.
const usualFamilies = 6

// drawFaults puts families of faults together. One family of processes and one
// of partitions is always on; whether another is depends on its own stream.
func drawFaults(s *cluster.Schedule, families []family, seed uint64) []cluster.Fault {
	draws := make([]*sim.Rand, len(families)) // of those that are on
	on := 0
	for i, f := range families {
		draw := sim.NewRand(seed, "mixed.family", uint64(i))
		if f.always || draw.PPM(f.onPPM) {
			draws[i] = draw
			on++
		}
	}
	var faults []cluster.Fault
	pace := sim.NewRand(seed, "mixed.pace", 0)
	// Of one family; with more of them each comes less often, or nothing would work.
	every := pace.Duration(6*time.Second, 14*time.Second) * time.Duration(max(on, usualFamilies)) / usualFamilies
	for i, f := range families {
		draw := draws[i]
		if draw == nil {
			continue
		}
		begin := int64(2 * time.Second)
		for at := begin + draw.Between(0, int64(every)); at < s.DurationNs-int64(3*time.Second); at += draw.Between(int64(every)/2, int64(every)*2) {
			faults = append(faults, f.draw(s, draw, at)...)
		}
	}
	slices.SortStableFunc(faults, func(a, b cluster.Fault) int { return cmp.Compare(a.AtNs, b.AtNs) })
	return faults
}
