// Package journal is a node's raft log: the entries and hard states of all its
// groups in one sequence of files, and the only place where the write path
// waits for a sync.
package journal
