// Package envtest is the conformance suite of the ports in package env: one
// body a port, run by the models and by the real adapter. What it demands is
// what a world without faults keeps.
//
// An implementation brings a small world (ClockWorld, DiskWorld, NetworkWorld):
// how to get the port, and how to drive its loop. In a model that is the
// simulator's queue, in the adapter a goroutine. A body touches its port and
// its own notes only on the loop.
//
//	func TestDisk(t *testing.T) {
//		envtest.Disk(t, func(t *testing.T) envtest.DiskWorld { return newWorld(t) })
//	}
//
// The parts stand in tables, by what they are about: clock.go, network.go, and
// for the disk disk_content.go (bytes), disk_order.go (what completes when),
// disk_names.go (directories, and what a later process finds).
//
// # Known gaps
//
// Nothing here crashes or loses power: what survives that is tested beside the
// model, and on a real machine by killing real processes.
package envtest
