// Package scenarios turns a seed into a schedule, by name. Each scenario is one
// behaviour in a file of its own: what the cluster is, what is done to it, and,
// beyond the oracles that judge every run, a Check of its own point.
//
// "mixed" is the default: random topology, knobs, load and overlapping faults,
// swarm style (whole families of faults are on or off for a seed; Groce et al.,
// "Swarm Testing", ISSTA 2012). The others are named behaviours,
// and adversaries that random faults hit too rarely.
//
// # Promises
//
// A schedule is a function of the scenario and the seed alone. Each part of it
// is drawn from a stream of its own, so that editing one part of a generator
// leaves the rest of its schedules as they were.
package scenarios
