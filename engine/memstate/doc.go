// Package memstate makes a state that lives in memory a durable, replicated
// state machine: a machine.StateMachine for engine.Config.NewMachine. The user
// writes a [State] of four methods and knows nothing of disks, crashes and
// snapshots.
//
// # A guided tour
//
// state.go is the user's part; machine.go puts it to work. open.go, format.go,
// checkpoint.go, snapshot.go and restore.go are the steps of machine.StateMachine.
// Below them store.go keeps the records of one directory, record.go is their
// format, scrub.go and room.go look after them, keeper.go tells the node what it
// wants to know of a machine's files, inspect.go reads a record without a machine.
// The example of the package is a whole machine.
//
// # Promises
//
//   - A checkpoint that was reported survives a power loss. Each has two records of
//     equal bytes; one of them may be lost in any way, and is made again by Open or
//     by a scrub.
//   - Open never goes back behind the newest checkpoint and never starts empty. With
//     both of its records bad it is [ErrDamaged], though an older one be whole: to
//     take that would take back what this replica has promised. Only Reformat, for a
//     replica whose id is void, begins anew.
//   - Which checkpoint is the newest is told by names. A name is there only if what
//     it names is durable, and an older one goes only when the newer is durable, its
//     name too. So a record that cannot be read is damage, not a newer one that
//     never came to be.
//   - What was applied after a checkpoint is dropped by Open, and is equal when the
//     engine applies it again, if the State keeps its word.
//   - A State is replaced as a whole: by Open and by Restore, with a fresh one that
//     has loaded. One that does not load changes nothing.
//   - A disk without room fails nothing: a checkpoint or a restore answers
//     env.ErrNoSpace, the last checkpoint stands. NoSpace tells, until there is room
//     again, which is looked for. Any other failed write, and any failed sync, stops
//     the machine: nothing completes after it.
//   - A closed machine takes no further step: another may be opened on its files.
//
// The user's promises are at [State].
//
// # Steps and crashes
//
// In each procedure one step counts; a crash before it leaves the old state, one
// after it the new. What is left over of either is removed by the next Open.
//
//	checkpoint  both records written and synced under .tmp; the copy renamed, then
//	            the record; SyncDir; older records removed.
//	            Counts: the first rename. Its name may be lost again until SyncDir,
//	            so nothing relies on it before.
//	open        of two records one may be bad, or older ones be there: then nobody
//	            knows whether the newest name is durable, and the state is written
//	            again as a checkpoint of the next id before it is reported.
//	install     as a checkpoint, flagged installed, of bytes that were fetched,
//	            verified and loaded before.
//	scrub       a bad record written again under .tmp, renamed, SyncDir.
//	format      the directory's parents synced; a checkpoint of an empty state at
//	            index 0.
//	reformat    likewise, with an id above all that were.
//
// # Files
//
// All in Config.Dir; ids are hexadecimal. Names that begin with "stage." belong
// to who transfers snapshots.
//
//	checkpoint-%016x.state    the record of a checkpoint, by its id
//	checkpoint-%016x.state.b  its copy, of equal bytes
//	*.tmp                     one of them that is being written
//
// A record, integers little-endian:
//
//	offset  bytes  field
//	     0      4  magic "LMST"
//	     4      4  format version, 1
//	     8      4  CRC32C of everything else
//	    12      4  flags: bit 0: installed from a snapshot, and no checkpoint of
//	               this machine's own has followed
//	    16      8  length of the record
//	    24      8  checkpoint id
//	    32      8  applied index
//	    40      8  its term
//	    48      8  bytes of the state
//	    56      4  bytes of meta
//	    60      4  reserved, 0
//	    64      -  meta, the engine's own
//	     -      -  the state, as State.Save wrote it
//
// Magic, version and checksum keep their places in every version. A record of
// another version is [ErrVersion], which leaves everything as it is: a program
// that knows it has to be started. A version that is wrong while the checksum is
// that of a record of this version is damage.
//
// # Snapshots
//
// A manifest has one file, at-%016x of the index, whose bytes are the state; meta
// is in its checkpoint; its body is 8 bytes: magic "LMSM" and
// version 1. Equal states have equal bytes, so whoever has a checkpoint at that
// index can give it. It is served by pieces from memory. What was described or
// read in the last 30 s stays when a newer checkpoint takes its place, at most 2
// such states, so that a transfer may take longer than the time between two
// checkpoints.
//
// There is no Keeper and no Verifier: a machine that is behind has never the file
// that it needs. A Giver is read like any Source, because the record has more than
// the file.
//
// # Limits
//
//   - Memory: the state, its newest encoding (a scrub and other replicas need it),
//     one more encoding during a checkpoint or a restore, and those that are shipped.
//     Disk: twice the encoding, four times during a checkpoint.
//   - Save and the checksum run on the node's loop, at about 2 GB/s: a state of 64
//     MiB stops the node for about 30 ms a checkpoint. Larger ones want another
//     machine.
//   - Each checkpoint writes all of the state. Between two of them the engine applies
//     Config.CheckpointBytes of entries.
//
// # Known gaps
//
//   - Both names of the newest checkpoint lost at once, before the older records were
//     removed durably, would bring those back; lost later, the directory counts as
//     never formatted. The engine replaces the replica, since its journal knows better.
//   - Full disk and doubt together: Open answers env.ErrNoSpace, and works once there
//     is room.
//   - The errors that the engine acts on are those of package wal, which these here
//     unwrap to.
package memstate
