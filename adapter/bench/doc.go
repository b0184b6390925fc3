// Package bench measures a live node on this machine's disk. Whatever is compared
// is measured in one run, in turns, because a disk that others use too changes its
// speed from one second to the next: what counts is the ratio within a round, and
// of many rounds the median.
//
// # Tour
//
// [Compare] produces record batches to one node of this process, to a partition
// that raft replicates to one copy and to an unreplicated one, and beside them
// writes and syncs the same bytes in a plain loop (contender.go, plain.go, node.go).
// rounds.go takes turns, figures.go makes ratios and targets of their times.
// [Start] makes a node with much data, kills it, and measures how soon it
// acknowledges records again (start.go).
//
// # What is measured
//
// The plain loop writes batch after batch into one file of zeros, which was written
// and synced beforehand, and calls fdatasync after each. It stands for the best
// that a program with one request in flight gets from this disk and keeps nothing
// but the newest PlainBytes. The node keeps everything: a replicated batch is written
// twice, to the journal and to its log, and the second write, its checkpoints' syncs
// and new files are part of the turn they fall into.
//
// The disk of a node is quiet before each turn begins. Beside the time of a turn its
// costs are counted, which do not depend on who else is busy: the processor's time,
// syncs, bytes written.
//
// Requests are made in the process, on the node's loop, as a program that embeds
// the node makes them; with Config.RPC by a client over gRPC and loopback, which
// shares this machine's processors.
package bench
