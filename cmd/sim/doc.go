// Command sim runs the engine in the deterministic simulator:
//
//	sim run --seed 42              one run: what was done, what happened, all oracles
//	sim sweep --seeds 1..2000      many, in worker processes, with a report
//	sim merge REPORT...            the reports of shards as one
//	sim report REPORT              a saved report again, as a Markdown page too
//	sim replay TRACE               a recorded run again, compared event by event
//	sim check HISTORY              the oracles on what clients saw, of a live cluster too
//	sim shrink --seed N -o FILE    a failing schedule, as small as it gets
//	sim mutants                    planted bugs, and which oracle finds each
//	sim crashpoints                a crash at every operation of a disk, in short workloads
//	sim list                       scenarios, oracles, probes, reference workloads
//	sim bench                      what the reference workloads cost
//
// It is package sim/cli with the scenarios of package scenarios. The promises,
// the exit codes and the known gaps stand there; a main of one's own is as short.
package main
