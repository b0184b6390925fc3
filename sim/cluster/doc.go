// Package cluster runs the production engine on modelled machines: N nodes on
// netmodel and diskmodel, simulated clients, and whatever a Schedule does to
// them. One Schedule is one run, bit for bit.
//
// # A tour
//
//   - schedule*.go: Schedule, its strict reader and its checks. fault.go: what
//     can be done to a cluster; fault_*.go: how, a table of begin and end.
//   - host.go, process.go: a machine and its process. Every callback of every
//     port of a process comes through process.exec, which drops, delays or runs
//     it. clock.go, entropy.go: the rest of its world.
//   - tracer.go: one stream of events for the trace's hash, the oracles (package
//     checker), and what the run must know itself: group.go, outage.go (election
//     and failover times), truth.go (who is in sync, by the models).
//   - call.go, conn.go: a client's request over modelled links. workload.go: the
//     contract of a load; logload.go: the default one.
//   - run.go: the two phases. readback.go, oracles.go, result.go: the end of it.
//
// # The two phases
//
// First the schedule's faults under load. Then everything is healed and every
// node started, and the cluster has HealNs to come to rest: a leader in every
// group, every operation answered, every replica in sync, equally far, and a
// produce acknowledged in every partition. Failing that is a violation of
// "convergence". Then every log is read back from the leader, and digested on
// every replica.
//
// # Promises
//
//   - The same schedule gives the same Result.Hash, whatever GOMAXPROCS, -race
//     or machine.
//   - A panic of the engine is a violation of "crash", not the simulator's end.
//     So is a node that stops itself, or fences a group, without a fault that
//     justifies it.
//   - No memory is shared between nodes, or between nodes and clients.
//
// # Limits
//
// One run at a time in a process: raft draws its election timeouts from
// crypto/rand.Reader, which a run replaces. Schedules are bounded (see
// Schedule.Validate), the timeline is (maxMarks).
//
// # Known gaps
//
// Rot, full disks, lost disks, drift that changes, and nodes that stay broken
// in the second phase are not modelled yet. Topologies are static.
package cluster
