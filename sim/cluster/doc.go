// Package cluster runs the production engine on modelled machines: N nodes on
// netmodel and diskmodel, simulated clients, and whatever a Schedule does to
// them. One Schedule is one run, bit for bit.
//
// # A tour
//
//   - schedule*.go: Schedule, its strict reader and its checks; docs/schedule.md
//     has every field, and tests hold it to the types. fault.go: what
//     can be done to a cluster; fault_*.go: how, a table of begin and end;
//     trigger.go: the events that one can wait for. damage.go, atlas.go: what
//     disks lose for good, and how much of it.
//   - host.go, process.go: a machine and its process. Every callback of every
//     port of a process comes through process.exec, which drops, delays or runs
//     it. hostclock.go, clock.go, entropy.go: the rest of its world.
//   - tracer.go: one stream of events for the trace's hash, the oracles (package
//     checker), and what the run must know itself: group.go, outage.go (election
//     and failover times), truth.go (who is in sync, by the models).
//   - alone*.go: unreplicated partitions, as far as they are another thing than a
//     group of one.
//   - call.go, conn.go: a client's request over modelled links. workload.go: the
//     contract of a load; logload.go: the default one.
//   - probe*.go: the probes, points that a sweep should come to. Probes lists them;
//     a prober counts them, from the same stream and from what is done to whom.
//   - run.go, heal.go: the phases. recoverable.go: when nothing is owed.
//     readback.go, oracles.go, result.go: the end of it.
//
// # The phases
//
// First the schedule's faults under load.
//
// Then a core of nodes is healed: all, or, as the schedule's Heal says, nodes
// that are drawn and hold a quorum of every group. The others break and stay
// broken: down, without power, paused, deaf, dumb or cut off. The core has HealNs
// to come to rest: a leader in every group, every operation answered, its
// replicas in sync and equally far, and a produce acknowledged in every partition
// whose replicas in the core are min ISR or more. Failing that is a violation of
// "convergence".
//
// Third, the others are healed, too, and everything has HealNs again. Then every
// log is read back from the leader, and digested on every replica.
//
// # What damage excuses
//
// Crashes, power losses and whatever happens to links excuse nothing. Damage to a
// disk does, for a while: rot, sectors that cannot be read, lost and misdirected
// writes, lost names, a lost disk. The atlas lets it strike only where less than
// half of a group's replicas were damaged, and spares the end of the journal that
// no later batch and no seal proves to have been durable. Until the second phase a replica
// whose files were damaged may be fenced, and its ISR state is not judged. Its
// group owes all that it owes anyway. Once healed it owes everything again: its
// files repaired, or itself replaced under a fresh id, caught up and with a vote.
// A node that lost its disk is formatted again, as an operator would.
//
// An unreplicated partition (Schedule.Unreplicated) has one copy, and no atlas asks
// for it. Damage to that copy excuses two things for good: records that the
// partition names as lost, and that it serves nothing while the damage lies there.
// It excuses neither a record that is missing and not named, nor one that reads
// otherwise, nor any other partition. What nobody could tell from a torn tail is
// spared, as at the end of the journal: segments behind the noted durable end, and
// all writes from being lost or misdirected. After a lost disk it is another log:
// operations on the old one are not compared with it.
//
// A schedule with Beyond has no atlas. If everything is healed and does not come
// to rest, or a log cannot be read, the disk models are asked for a proof that no
// correct system could go on: fewer than a quorum of a group's replicas can know
// what they promised, for their journals are damaged or their disks are gone; or
// the same bytes of a log are damaged on all of them. Then the run ends there and
// passes, with the proof in Result.Unrecoverable; without a proof it fails as any
// other.
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
// # Metrics
//
// Times are measured per partition, and only while the cluster could have done
// better: a majority that cannot talk, or whose disks hang, elects nobody.
//
//   - Election: the leader was lost, by whatever it was that its majority no
//     longer reaches it. The clock runs from the moment at which a majority of
//     members is up, connected with each other and has working disks, until a
//     leader of a new term has committed an entry of that term and reaches a
//     majority. When that majority breaks up the clock starts afresh with the
//     next one. A split vote counts, so do links that lose messages, nodes that
//     are cut off in one direction only, and disks up to 50 ms slower than they
//     should be (a tick of raft); a slower one is not a working disk.
//   - Failover: the same loss, from the moment at which a produce could have
//     been acknowledged to the next that is, at a client, by a leader of a new
//     term. That takes max(majority, min ISR) such members without a fault
//     between them and the clients, the leader among them once there is one; and
//     somebody who asks: before the first produce that waits for it nobody
//     misses an answer. It includes the clients' timeouts and pauses: where a
//     schedule has them wait 4 s for an answer, as one in three of the scenario
//     mixed does, a silent leader costs them 4 s.
//   - Data loss: acknowledged records that the agreed log lacks. ISR accuracy:
//     the decided members of all samples whose reported state is the true one.
//
// # Probes
//
// Of 600 seeds of the scenario mixed none comes to two probes: client/long-poll,
// for the default load never lets a fetch wait, and election/voted-after-restart,
// for which a candidate's request must reach a voter again after that was
// restarted, all within one term. Three are too rare to be required:
// election/leader-died-unproven, isr/leader-outside and network/queue-overflowed.
// Those of damage are not required: each family is in a tenth of the seeds or so.
//
// # Limits
//
// One run at a time in a process: raft draws its election timeouts from
// crypto/rand.Reader, which a run replaces. Schedules are bounded (see
// Schedule.Validate), the timeline is (maxMarks).
//
// # Known gaps
//
// Lost and misdirected writes spare the journal, whose last batch nobody could
// miss; sectors that cannot be read spare it too, for at its end they keep a node
// down. Without scrub (Engine.ScrubBytesPerSecond) damage that nobody reads is left alone.
// Topologies are static.
package cluster
