// Package osenv is the real world behind the engine's ports: the event loop,
// the clocks, the operating system's random numbers, and a data directory.
//
// # The loop
//
// A Loop is one goroutine that drains one queue. Whatever comes from outside
// (a completed disk operation, a frame, a client's request) is handed over with
// Submit and runs there. A turn takes everything that waits, then the timers
// that are due, then what was posted meanwhile: so work that many events cause
// is done once a turn. The queue has a limit; who meets it waits, which is how
// sockets are slowed down by a busy node. Nothing that runs on the loop may
// call Submit: it calls Post.
//
// # The disk
//
// A Disk owns one data directory, locked against a second process for as long
// as it is open. Every file has a queue of operations, shared by all its
// handles; a busy file gets a worker goroutine, and the number of workers is
// bounded. Directory operations have one queue of their own. Completions of all
// files are collected and handed to the loop as one event. Durability is
// fdatasync on Linux and File.Sync elsewhere, for a directory an fsync of it.
//
// Names are resolved by os.Root, so no name, link or ".." leads out of the data
// directory.
//
// A file whose Sync failed stays failed: every later Sync of it gives the same
// error, because the kernel reports such an error only once and then forgets.
//
// # Known gaps
//
//   - The queue of a file has no limit of its own: each operation holds memory
//     of a caller that limits what it has under way (the journal's windows).
//   - Durability is what the device says: a drive that lies about its cache is
//     not found out.
//   - The lock is flock, which some network file systems keep to one machine.
//     Systems without it (not Unix) are not supported.
package osenv
