package scenarios

import (
	"time"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/sim"
	"github.com/lockstep-log/lockstep/sim/cluster"
)

// CrashWorkload is a short run, always the same, with a procedure in it: in its
// window every operation of node 1's disk is a point to crash at. A seed of its
// scenario is such a point: an operation, what the crash takes, and what happens in
// the recovery after it. Then first node 2, later node 3 stays away, so that node 1
// has to be in the quorum with what it has kept.
type CrashWorkload struct {
	Name  string // of the scenario: crashpoints- and this
	About string

	// knobs sets what the procedure needs, and the faults that lead to it.
	knobs func(s *cluster.Schedule)

	// from and until are the window, counted from the start of the load.
	from, until time.Duration

	// restarts: node 1 is started at the window's beginning.
	restarts bool

	// rest is from the window's end to the first outage: as long as node 1 may
	// need until it has a vote again.
	rest time.Duration

	// shows are the events of node 1 that the window holds, in this order. Without
	// them the run does not contain its procedure, and there is nothing to enumerate.
	shows []checker.EventKind
}

// crashSeed is the seed of all crash points' runs: up to the crash they are one run.
const crashSeed = 1

// crashModes are what ends with the process: nothing else, or the power, with one
// of four things that can become of unsynced bytes.
var crashModes = []string{"", "all", "prefix", "subset", "torn"}

// crashAgain is how many recoveries each point has: one that goes through, and
// others that end at one of their operations.
const crashAgain = 3

// crashOutage is how long each of the other nodes stays away after the crash.
const crashOutage = 1200 * time.Millisecond

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

// point reads a seed: the operation is what changes slowest. Which way a seed
// crashes moves on with the operations, so that each n-th seed meets all of them.
func (w CrashWorkload) point(seed uint64) cluster.Schedule {
	modes := uint64(len(crashModes))
	at := max(seed, 1) - 1
	operation := at / crashAgain / modes
	way := at / crashAgain % modes
	again := (at + way + operation) % crashAgain
	mode := crashModes[(way+operation)%modes]

	s := w.Base()
	crash := w.crash(int(operation)+1, mode)
	s.Faults = append(s.Faults, crash)
	if again > 0 {
		s.Faults = append(s.Faults, w.crashAgain(crash, sim.NewRand(seed, "crashpoints", 0)))
	}
	first := w.until + w.rest
	second := first + crashOutage + 100*time.Millisecond
	s.DurationNs = int64(second + crashOutage + 500*time.Millisecond)
	s.Faults = append(s.Faults,
		cluster.Fault{AtNs: int64(first), ForNs: int64(crashOutage), Kind: cluster.Crash, Nodes: []uint64{2}},
		cluster.Fault{AtNs: int64(second), ForNs: int64(crashOutage), Kind: cluster.PowerLoss, Nodes: []uint64{3}, Mode: "all"},
	)
	return s
}

// crash ends node 1 right after an operation of the window, counted from 1.
func (w CrashWorkload) crash(operation int, mode string) cluster.Fault {
	f := cluster.Fault{
		AtNs: int64(w.from), ForNs: int64(20 * time.Millisecond), Kind: cluster.PowerLoss, Nodes: []uint64{1},
		On: cluster.OnIO, Nth: operation, Mode: mode,
	}
	if mode == "" {
		f.Kind = cluster.Crash
	}
	return f
}

// crashAgain ends the recovery after a crash, too. Where the window begins with a
// recovery of its own the next one is known by its start alone.
func (w CrashWorkload) crashAgain(crash cluster.Fault, draw *sim.Rand) cluster.Fault {
	second := crash
	second.AtNs, second.On, second.Nth = crash.AtNs+1, cluster.OnRecoveryIO, int(draw.Between(1, 24))
	if draw.Chance(1, 2) {
		second.Kind, second.Mode = cluster.PowerLoss, pick(draw, crashModes[1:]...)
	}
	if w.restarts {
		second.On, second.Nth, second.DelayNs = cluster.OnStart, 0, draw.Between(0, int64(10*time.Millisecond))
	}
	return second
}

// crashPoints are the scenarios of all workloads.
func crashPoints() []Scenario {
	var all []Scenario
	for _, w := range CrashWorkloads() {
		all = append(all, w.Scenario())
	}
	return all
}
