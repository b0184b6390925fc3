package scenarios

import (
	"time"

	"github.com/lockstep-log/lockstep/sim"
	"github.com/lockstep-log/lockstep/sim/cluster"
)

// CrashWorkload is a short run, always the same, of which every operation of
// node 1's disk is a point to crash at. A seed of its scenario is such a point: an
// operation, what the crash takes, and what happens in the recovery after it. Then
// first node 2, later node 3 stays away, so that node 1 has to be in the quorum
// with what it has kept.
type CrashWorkload struct {
	Name  string // of the scenario: crashpoints- and this
	About string
	knobs func(s *cluster.Schedule)
}

// crashSeed is the seed of all crash points' runs: up to the crash they are one run.
const crashSeed = 1

// crashLoad is the load whose operations are enumerated.
const crashLoad = 1500 * time.Millisecond

// crashModes are what ends with the process: nothing else, or the power, with one
// of four things that can become of unsynced bytes.
var crashModes = []string{"", "all", "prefix", "subset", "torn"}

// crashAgain is how many recoveries each point has: one that goes through, and
// others that end at one of their operations.
const crashAgain = 3

// CrashWorkloads lists them.
func CrashWorkloads() []CrashWorkload {
	return []CrashWorkload{
		{Name: "append", About: "appends to one journal file", knobs: func(*cluster.Schedule) {}},
		{Name: "roll", About: "a journal whose files roll and are kept", knobs: func(s *cluster.Schedule) {
			s.Engine.JournalFileBytes, s.Engine.CheckpointBytes = 16<<10, 1<<20
		}},
		{Name: "checkpoint", About: "segments that roll, checkpoints", knobs: func(s *cluster.Schedule) {
			s.Engine.SegmentBytes, s.Engine.CheckpointBytes = 8<<10, 4<<10
		}},
		{Name: "recycle", About: "a journal whose files roll, are covered by checkpoints and recycled", knobs: func(s *cluster.Schedule) {
			s.Engine.JournalFileBytes, s.Engine.SegmentBytes, s.Engine.CheckpointBytes = 16<<10, 8<<10, 4<<10
		}},
	}
}

// Base is the run without a crash. Its result's DiskOperations tells how many
// points there are.
func (w CrashWorkload) Base() cluster.Schedule {
	s := cluster.Defaults(crashSeed)
	s.Scenario = "crashpoints-" + w.Name
	s.DurationNs = int64(crashLoad)
	s.Engine.MaxBatchBytes = 2 << 10
	s.Workload = cluster.WorkloadSpec{
		Clients: 4, ProducesPerMinute: 6000, FetchesPerMinute: 600, ListsPerMinute: 600,
		LinearizablePPM: 500_000, ValueBytes: 400, RetryUnknown: true,
		AttemptTimeoutNs: int64(300 * time.Millisecond), DeadlineNs: int64(4 * time.Second),
	}
	w.knobs(&s)
	return s
}

// Points is how many seeds enumerate so many operations.
func (w CrashWorkload) Points(operations uint64) uint64 {
	return operations * uint64(len(crashModes)) * crashAgain
}

// Scenario makes each seed from 1 on a crash point.
func (w CrashWorkload) Scenario() Scenario {
	return Scenario{
		Name:     "crashpoints-" + w.Name,
		About:    "a seed is a point at which node 1 crashes: " + w.About,
		Extra:    true,
		Schedule: w.point,
	}
}

// point reads a seed: the operation is what changes slowest.
func (w CrashWorkload) point(seed uint64) cluster.Schedule {
	at := max(seed, 1) - 1
	again, at := at%crashAgain, at/crashAgain
	mode, operation := crashModes[at%uint64(len(crashModes))], int(1+at/uint64(len(crashModes)))
	s := w.Base()
	s.DurationNs = int64(4500 * time.Millisecond)
	crash := cluster.Fault{ForNs: int64(20 * time.Millisecond), Kind: cluster.PowerLoss, Nodes: []uint64{1}, On: cluster.OnIO, Nth: operation, Mode: mode}
	if mode == "" {
		crash.Kind = cluster.Crash
	}
	s.Faults = append(s.Faults, crash)
	if again > 0 {
		draw := sim.NewRand(seed, "crashpoints", 0)
		second := crash
		second.AtNs, second.On, second.Nth = 1, cluster.OnRecoveryIO, int(draw.Between(1, 24))
		if draw.Chance(1, 2) {
			second.Kind, second.Mode = cluster.PowerLoss, pick(draw, crashModes[1:]...)
		}
		s.Faults = append(s.Faults, second)
	}
	s.Faults = append(s.Faults,
		cluster.Fault{AtNs: int64(crashLoad + 100*time.Millisecond), ForNs: int64(1200 * time.Millisecond), Kind: cluster.Crash, Nodes: []uint64{2}},
		cluster.Fault{AtNs: int64(crashLoad + 1400*time.Millisecond), ForNs: int64(1200 * time.Millisecond), Kind: cluster.PowerLoss, Nodes: []uint64{3}, Mode: "all"},
	)
	return s
}

// crashPoints are the scenarios of all workloads.
func crashPoints() []Scenario {
	var all []Scenario
	for _, w := range CrashWorkloads() {
		all = append(all, w.Scenario())
	}
	return all
}
