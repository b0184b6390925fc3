// Package lockstep is the root of the Lockstep module: a replicated-log engine
// (package engine) and the deterministic simulator that tests it (package sim
// and what builds on it). It holds no code, only the tests that bind the whole
// module: deps_test.go, which package may import which, and purity_test.go,
// what the deterministic packages may not do.
package lockstep
