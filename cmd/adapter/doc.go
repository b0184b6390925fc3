// Command adapter runs Lockstep for real: single nodes, a whole development
// cluster, and a small client.
//
// Exit codes: 0 success; 1 a failure of a node, a cluster or the machine; 2 bad
// usage or input, with one line on standard error that says what to do, and
// nothing written. Promises, limits and known gaps stand in package adapter.
package main
