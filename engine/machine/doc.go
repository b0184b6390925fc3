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
//   - A full disk fails nothing: Checkpoint and Restore answer env.ErrNoSpace, and
//     what they would have replaced stands.
//   - What it shipped once it describes the same way for ever: a file of a
//     Manifest never changes as long as it is there.
//
// # Snapshots of a machine
//
// Snapshot describes the newest durable checkpoint, and the machine is the Source
// of its files, if it implements that. The receiver asks its own machine which of
// them it has (Keeper), has it verify those (Verifier), brings the others into the
// machine's directory, and hands all to Restore as a Giver. A machine that knows
// none of these three copies everything from the Source, which is right too. The
// checkpoint it gives then has Installed set, until it makes one of its own: a
// journal that has not heard of the snapshot begins anew after it.
//
// # Limits
//
// An entry's data is at most the engine's message limit. Results live in
// memory until their proposer was answered.
package machine
