package env

// NodeID names a machine of the cluster. Zero means none or unknown.
type NodeID uint64

// GroupID names a raft group. Ids are never reused; zero means none.
type GroupID uint64

// ReplicaID names one member of one raft group for ever: a replica that may
// have forgotten something comes back under another id.
// Zero means none, as in raft.
type ReplicaID uint64
