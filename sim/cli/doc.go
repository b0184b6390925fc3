// Package cli is the command sim as a library. A user's own main calls Main
// with his scenarios, workload and state machine and has run, sweep, merge,
// report, shrink, replay, check, mutants, crashpoints, list and bench for them:
//
//	func main() { os.Exit(cli.Main(explore.Registry{Scenarios: mine, Options: options})) }
//
// # Exit codes
//
//	0    passed
//	1    an oracle failed, or a run crashed, hung or ran out of memory
//	2    bad usage, input that cannot be read, or a passing schedule to shrink
//	3    a run was not deterministic, or a replay diverged
//	4    nothing was proven: no operation succeeded, or a sweep long enough
//	     never reached a required probe
//	130  a sweep, shrink, mutant hunt or bench was interrupted and had not failed
//
// With `sim run --bisect` the codes 2 to 4 become 125, which tells git bisect
// run to skip; so does a failure of others than --oracle.
//
// # Promises
//
//   - An error is one line on stderr: what, where, and what to do.
//   - Results go to stdout, progress and errors to stderr; with --json stdout
//     holds one JSON object and nothing else.
//   - A file given with an option is complete or was not touched.
//
// # Known gaps
//
// Run limits its memory and time only through sweep's workers: `sim run` in
// one process runs as long as the schedule takes.
package cli
