// Package explore runs many simulations and makes something of them: sweeps,
// replays, mutant hunts, measurements and their reports. It is a library; the
// commands over it are package sim/cli.
//
// # Reading order
//
// registry.go (what can be run), run.go and outcome.go (one run and how it
// ended), worker.go and process.go (runs in other processes), sweep.go and
// report.go (many runs), with audit.go (some twice), kinds.go (failures by
// signature), excuse.go (what nobody could have gone on from), shard.go and
// merge.go (on several machines), origin.go and markdown.go (for docs/ledger);
// replay.go, patch.go, mutant.go and hunt.go, bench.go;
// shrink.go with signature.go (which failure), crew.go (candidates in workers),
// reduce.go and reduce_*.go (what is tried), regression.go (the Go test).
//
// # Promises
//
//   - One simulation at a time in a process (see package sim/cluster): everything
//     parallel happens in worker processes, which are this very binary started
//     again with the command "worker".
//   - A run that panics, hangs, or outgrows its memory takes its worker with it
//     and is reported as the failure of its seed, under the oracle names Crash,
//     Hang and Memory. The sweep goes on with a fresh worker.
//   - A file that this package writes is complete or absent: it is written
//     beside its place and renamed. Devices and pipes are written into.
//   - Shrink takes a smaller schedule only for the same failure signature, an
//     oracle and its message without numbers, and what it returns gave the same
//     hash in two processes. The number of workers does not change what it finds,
//     unless its time runs out, or that of a run which takes far longer than the
//     first one did.
//   - A sweep's report names the same failures whatever the number of workers.
//   - Workers take runs one by one: a long one keeps one worker from the rest of
//     the sweep, never a share of the seeds.
//
// # Limits
//
// Memory of a sweep grows with its failures, not with its seeds. A worker's
// memory is watched where /proc exists.
//
// # Known gaps
//
// A run that killed its worker leaves its schedule and the worker's last words,
// but no trace and no history: run its schedule to make them. Operations are no
// data of a schedule: shrinking removes them by lower rates and fewer clients,
// not one by one. A change to a schedule moves random draws, so that a failure
// which needs one draw in thousands shrinks less far. A generated Go test does
// not hold a registry's own workload and state machine.
package explore
