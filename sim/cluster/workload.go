package cluster

import (
	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/sim"
)

// Workload drives the simulated clients of a run. All calls and callbacks come
// from the simulator's queue; see Options.NewWorkload.
type Workload interface {
	// Start begins the load: every node serves.
	Start()

	// Close ends it: no operation begins any more, except a last one or two that
	// prove progress now that everything is healed.
	Close()

	// Pending counts the operations begun and not answered, those that prove
	// progress included.
	Pending() int

	// Stuck names what is pending, for a convergence failure.
	Stuck() string

	// Operations gives the history, in the order of the calls.
	Operations() []checker.Op
}

// World is what a workload may use of the run.
type World struct{ c *Cluster }

// Kernel gives virtual time, timers, and random streams.
func (w World) Kernel() *sim.Kernel { return w.c.k }

// Spec is the schedule's workload.
func (w World) Spec() WorkloadSpec { return w.c.schedule.Workload }

// Topology lists nodes and partitions.
func (w World) Topology() engine.Topology { return w.c.topology }

// Call carries one request: see Cluster.Call.
func (w World) Call() *Cluster { return w.c }

// Acknowledged tells the run that a client has the success of a write: failover
// times end here.
func (w World) Acknowledged(op *checker.Op) { w.c.acknowledged(op) }
