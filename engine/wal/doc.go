// Package wal is a partition's log of committed record batches, the engine's
// first machine.StateMachine. Applying a committed entry
// appends its batch, stamped with its offset and term, to the active segment.
//
// # A guided tour
//
// command.go says what an entry can carry; apply.go executes it. Bytes go to
// the in-memory tail (tail.go), whose chunks are also the write buffers: a full
// one is handed to the segment's file (file.go). checkpoint.go makes the state
// durable, open.go finds it again, read.go serves readers from the tail or,
// through the sparse index (index.go), from segments. snapshot.go and
// restore.go carry a whole log to another replica.
//
// # Promises
//
//   - Everything that shapes a segment is replicated: the batches, their order,
//     the terms, and the settings, which change only by command. Segments of
//     replicas are byte-identical where they overlap, and so are their indexes.
//   - Nothing is trusted: an entry that is no good batch or command is rejected
//     with an error that is equal on all replicas, and consumes no offset.
//   - A checkpoint that was reported survives a power loss. Its record is
//     written only after its segments, and their names, are durable. Where the
//     record's own name may not be, Open writes the record again, under the next
//     id, before it reports it.
//   - Open never goes back behind the newest checkpoint and never starts empty.
//     What is not as it was synced is [ErrDamaged], with file and place.
//   - What was applied after a checkpoint is dropped by Open and comes out the
//     same, byte for byte, when the engine applies it again.
//   - A reader gets what was applied, or an error; never a gap.
//   - After a failed write or sync nothing completes any more.
//
// # Writing is behind
//
// Bytes are not written at once: they wait in the tail until a chunk of it is
// full, the segment rolls, or a checkpoint asks. The journal holds the same
// entries durably, so nothing is owed, and the journal's sync stays the only
// I/O on the write path. A read of bytes that were handed over and not yet
// carried out is right because operations on one file keep their order.
//
// # Files
//
// All in Config.Dir; ids and generations are hexadecimal, integers little-endian.
//
//	%020d.log        segment, by base offset: whole record batches, nothing else
//	%020d.index      index of a sealed segment
//	checkpoint-%016x the record of a checkpoint, by its id
//	*.tmp            a record that is being written
//
// A log that was installed from snapshots g times adds ".%08x" of g to the first
// two, so that an installation never touches a file of what it replaces.
//
// Checkpoint record:
//
//	offset  bytes  field
//	     0      4  magic "LWCP"
//	     4      4  format version, 1
//	     8      4  length of the record
//	    12      4  CRC32C of everything else
//	    16      8  checkpoint id
//	    24      8  applied index
//	    32      8  its term
//	    40      8  log start offset
//	    48      8  log end offset
//	    56      8  chain hash
//	    64     24  settings: segment bytes, index interval bytes, max batch bytes
//	    88      4  generation
//	    92      4  segments
//	    96      4  terms
//	   100      4  bytes of the producer table, 0 so far
//	   104      4  bytes of meta
//	   108      4  reserved, 0
//	   112     40  each segment: base offset, end offset, bytes, index interval
//	               (8 each), CRC32C (4), reserved (4); the last is the active one
//	           16  each term that has records: term, offset of its first record
//	            -  producer table
//	            -  meta, the engine's own
//
// Index file:
//
//	offset  bytes  field
//	     0      4  magic "LWIX"
//	     4      4  format version, 1
//	     8      8  base offset
//	    16      8  bytes of the segment
//	    24      8  index interval
//	    32      4  CRC32C of the segment
//	    36      4  entries
//	    40      4  reserved, 0
//	    44      4  CRC32C of everything else
//	    48     16  each entry: base offset of a batch, its position
//
// Command, as an entry's data:
//
//	offset  bytes  field
//	     0      1  kind: 1 batch, 2 settings; 128 and above are not for the log
//	     1      -  kind 1: one record batch, format 2
//	     1      1  kind 2: encoding version, 1
//	     2     24  kind 2: the settings as in a checkpoint record
//
// # Limits and known gaps
//
//   - Open reads the whole active segment; sealed ones are checked for length
//     only, and by checksum when they are read.
//   - The index of a sealed segment is made again by reading the segment where
//     its file is missing or bad, as after a restore.
//   - Bytes handed to a disk that does not keep up are bounded on a leader, which
//     refuses produces then; a follower is bounded by its journal, on the same disk
//     (Backlog).
//   - Open files: the segments written since the last checkpoint and, for
//     readers, four more.
//   - There is no retention yet, and no producer table; the record has room.
//   - The rules of package record are part of the replicated state: a change of
//     what it accepts needs a version in the settings.
//   - Format believes parent directories that an earlier Format made and failed
//     to sync.
package wal
