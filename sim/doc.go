// Package sim is the kernel of the simulator: a queue of events in virtual
// time, keyed streams of random numbers, and the trace that proves two runs
// equal. It knows no engine, no network and no disk.
//
// # Reading order
//
// kernel.go (the loop), queue.go (the order of events), rand.go and mix.go
// (randomness), trace.go (what a run is judged equal by), tracewriter.go and
// tracereader.go (a trace in a file).
//
// # Promises
//
//   - Events run in the order of their time; those of equal time in the order
//     they were asked for. Nothing else influences the order.
//   - A stream of random numbers depends on the seed, its component, its entity
//     and how often it was drawn from: never on other streams. Leaving out one
//     fault does not reshuffle the rest of a run.
//   - The trace hash covers every recorded event, the virtual time of each and
//     its bytes. It is equal on every architecture and in every build mode.
//   - Neither timers nor events allocate once the queue has reached its size.
//
// # Limits
//
// One kernel belongs to one goroutine. The hash is no cryptographic one: it
// finds accidents, not adversaries. At most 2^32 timers are pending.
//
// # Known gaps
//
// Idle timers are not in the hash, by intention: a change in how often nothing
// happens is no change of behaviour.
package sim
