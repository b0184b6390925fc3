// Package env holds the ports of the engine: everything the engine may ask of
// the world, as small interfaces. The simulator implements them with models
// (packages netmodel and diskmodel), the adapter with sockets and files; the
// conformance suites in engine/env/envtest run against both.
//
// # The one loop
//
// A node lives on one event loop. Every callback that a port makes runs on that
// loop, one at a time, and nothing in the engine starts a goroutine. Work of
// several steps (recovery, a checkpoint) is written as straight code in a Task,
// a coroutine that gives the loop back while it waits.
//
// # What the ports do not promise
//
//   - Network: delivery, order, or integrity. Frames may be lost, repeated,
//     delayed, reordered or damaged; PeerUp and PeerDown are hints.
//   - Disk: that anything not covered by a completed Sync survives a power
//     loss, that it survives in order, or that it is lost. A directory entry is
//     durable only after SyncDir. After a failed Sync the covered data is lost
//     even if it reads back.
//   - Clock: that the wall reading is right or never jumps. The monotonic one
//     may drift and never goes back within one process.
//
// # Known gaps
//
// There is no port for memory: a process that runs out of it dies, which is a
// crash.
package env
