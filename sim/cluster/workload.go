package cluster

import (
	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/sim"
)

// Workload drives the simulated clients of a run. All calls and callbacks come
// from the simulator's queue; see Options.NewWorkload.
type Workload interface {
	// Start begins the load: every node serves.
	Start()

	// Close ends it: no operation begins any more, except a last one or two that
	// prove progress now that enough is healed. It is called once more when the
	// rest is healed, too, with no operation pending.
	Close()

	// Pending counts the operations begun and not answered, those that prove
	// progress included.
	Pending() int

	// Stuck names what is pending, for a convergence failure.
	Stuck() string

	// Operations gives the history, in the order of the calls.
	Operations() []checker.Op
}

// Judge is what a Workload may be beside: the oracle of a state machine of one's
// own. It is asked once the cluster has come to rest, all replicas equal.
type Judge interface {
	Judge() []checker.Violation
}

// World is what a workload may use of the run.
type World struct{ c *Cluster }

// Kernel gives virtual time, timers, and random streams.
func (w World) Kernel() *sim.Kernel { return w.c.k }

// Spec is the schedule's workload.
func (w World) Spec() WorkloadSpec { return w.c.schedule.Workload }

// Acknowledgeable tells whether a write to a partition is owed an acknowledgement
// in the present phase: before the second nobody owes one; then the replicas that
// have to keep up must be min ISR or more.
func (w World) Acknowledgeable(partition int32) bool {
	g := w.c.groupOf(partition)
	if g.alone != nil {
		return w.c.healed && w.c.aloneAcknowledges(g)
	}
	return w.c.healed && w.c.owed(g) >= w.c.schedule.MinISR
}

// Topology lists nodes and partitions.
func (w World) Topology() engine.Topology { return w.c.topology }

// Call carries one request of a client to a node's engine over the client's
// links. invoke runs on the node's loop and calls reply at most once, with the
// answer's size in bytes and what delivers it at the client. failed tells of a
// refused or reset connection. None of deliver and failed may ever run: requests
// and answers get lost.
//
// Whatever invoke and deliver hand over must not be shared: copy byte slices.
func (w World) Call(client int, node env.NodeID, bytes int, invoke func(n *engine.Node, reply func(bytes int, deliver func())), failed func(error)) {
	w.c.call(client, node, bytes, invoke, failed)
}

// Acknowledged tells the run that a client has a node's success of a write to a
// partition: failover times end here.
func (w World) Acknowledged(partition int32, node env.NodeID) { w.c.acknowledged(partition, node) }

// Machines gives the state machines of a group's replicas that are up, in the
// order of the topology; an unreplicated partition has none. They are for looking at, when the cluster is at rest.
func (w World) Machines(id env.GroupID) []machine.StateMachine {
	var out []machine.StateMachine
	for _, r := range w.c.groups[id-1].members {
		if r.group.alone == nil && r.host.serves() {
			out = append(out, r.host.process.node.Machine(id))
		}
	}
	return out
}
