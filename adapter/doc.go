// Package adapter assembles a real node: configuration, data directory, event
// loop, network, client service and administration, around one engine.Node.
//
// # Tour
//
// LoadConfig reads a YAML file strictly. Format makes the data directory it
// names into that of a node. Start runs a node in this process until Stop or
// Kill; Serve is Start for a whole process, Dev the same for a whole cluster on
// loopback. A running node listens on one port for its peers and clients (gRPC)
// and, if asked to, on one for administration (HTTP):
//
//   - /healthz: 200 once the node serves, 503 before and after.
//   - /metrics: counters and gauges in Prometheus' text format.
//   - /status: the cluster's nodes and partitions as one JSON object, the same
//     that "adapter status --json" prints. The node asks the others for it.
//
// No decision about replication is made here.
//
// # When a disk fails
//
// A node repairs what it finds damaged by itself, and its status says so. What is
// left to an operator:
//
//   - The disk is lost or a sync failed on it: replace it, "adapter format
//     --replace", serve. The replicas come back under fresh ids.
//   - The disk is full: make room, or let records go ("adapter delete-records").
//     No restart is needed.
//   - "adapter inspect FILE" tells of any file of a data directory what stands in
//     it and whether it verifies.
//
// # Errors
//
// What the user has to change (a bad configuration, a port in use, a data
// directory that is unformatted, foreign or in use) matches ErrInput, in one
// line that says what to do; nothing was written then. Everything else is a
// failure of the node or of the machine.
//
// # Known gaps
//
// The topology is static: nodes, topics and partitions are those of the
// configuration the directories were formatted with. There is no TLS and no
// authentication.
package adapter
