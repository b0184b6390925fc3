// Package machine is the contract of a replicated state machine: what the
// engine asks of the thing whose copies it keeps equal. The partition log
// (package wal) is the first implementation; engine.StateMachine is this
// interface under its public name.
//
// # Promises of the engine
//
//   - All methods and all callbacks run on the node's one loop.
//   - Open comes first, once. Apply follows from Checkpoint.Index+1 on, without
//     gaps or repeats within one process; after a restart entries above the
//     checkpoint that Open returned are applied again.
//   - At most one of Checkpoint and Restore runs at a time; Apply may be called
//     while a Checkpoint runs.
//
// # Promises of the machine
//
//   - Apply is a function of the machine's state and the entry alone: no clock,
//     no randomness, no local configuration. Every replica that applied the
//     same entries is equal.
//   - Apply does not wait for the disk. Durability comes from the journal until
//     a checkpoint covers the entry.
//   - A Checkpoint that was reported durable survives a power loss.
//
// # Limits
//
// An entry's data is at most the engine's message limit. Results live in
// memory until their proposer was answered.
package machine
