// Package explore runs many simulations and makes something of them: sweeps,
// replays, mutant hunts, measurements and their reports. It is a library; the
// commands over it are package sim/cli.
//
// # Reading order
//
// registry.go (what can be run), run.go and outcome.go (one run and how it
// ended), worker.go and process.go (runs in other processes), sweep.go and
// report.go (many runs), replay.go, patch.go, mutant.go and hunt.go, bench.go.
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
//   - A sweep's report names the same failures whatever the number of workers.
//
// # Limits
//
// Memory of a sweep grows with its failures, not with its seeds. A worker's
// memory is watched where /proc exists.
//
// # Known gaps
//
// A run that killed its worker leaves its schedule and the worker's last words,
// but no trace and no history: run its schedule to make them. Mutants can only
// patch files of the module itself, not of a library.
package explore
