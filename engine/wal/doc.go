// Package wal is a partition's log of committed record batches, the engine's
// first machine.StateMachine. Applying a committed entry
// appends its batch, stamped with its offset and term, to the active segment.
//
// # A guided tour
//
// command.go says what an entry can carry; apply.go and trim.go execute it.
// Bytes go to the in-memory tail (tail.go), whose chunks are also the write
// buffers: a full one is handed to the segment's file (file.go), and waits where
// the disk has no room (starved.go). checkpoint.go makes the state durable,
// open.go finds it again, read.go serves readers from the tail or, through the
// sparse index (index.go), from segments. snapshot.go, keep.go and restore.go
// carry a whole log to another replica. damage.go lists what is bad and mends it,
// scrub.go looks for it, seeds.go begins anew where the checkpoint itself is
// lost, inspect.go reads files without a log. alone.go is for logs without a
// journal, which package direct makes. pool.go bounds the open files of
// all logs of a node.
//
// # Promises
//
//   - Everything that shapes a segment is replicated: the batches, their order,
//     the terms, and the settings, which change only by command. Segments of
//     replicas are byte-identical where they overlap, and so are their indexes.
//     Where the log begins is replicated too.
//   - Nothing is trusted: an entry that is no good batch or command is rejected
//     with an error that is equal on all replicas, and consumes no offset.
//   - A checkpoint that was reported survives a power loss. Its two records are
//     written only after its segments, and their names, are durable. Where a
//     record's own name may not be, Open writes the records again, under the next
//     id, before it reports them.
//   - One of the two records may be lost in any way. Open never goes back behind
//     the newest checkpoint and never starts empty: with both lost it is
//     [ErrDamaged], and only Reformat, for a replica whose id is void, begins anew.
//   - A file goes only when no durable checkpoint names it.
//   - What was applied after a checkpoint is dropped by Open and comes out the
//     same, byte for byte, when the engine applies it again.
//     A log that stands alone appends it again itself (Salvage), from its segments.
//   - A reader gets what was applied, or an error; never a gap.
//   - Damage is found where it is: batches by their checksum, offset and term,
//     segments by their sum, indexes by the segment they were made of, records by
//     their checksum and id. So stale bytes and those of a misdirected write are
//     recognised. A damaged segment is bad alone ([DamageError]): others are
//     served, and Repair takes equal bytes from any replica, which the sum proves.
//     Damaged indexes and records are made again from what is whole.
//   - A disk without room fails nothing: bytes wait in memory, a checkpoint
//     answers env.ErrNoSpace and the last one stands. After any other failed
//     write, and after any failed sync, nothing completes any more.
//   - No file is closed that owes a sync, but by Close. A closed log takes no
//     further step: another one may be opened on its files.
//
// # Writing is behind
//
// Bytes are not written at once: they wait in the tail until a chunk of it is
// full, the segment rolls, or a checkpoint asks. The journal holds the same
// entries durably, so nothing is owed, and the journal's sync stays the only
// I/O on the write path. A read of bytes that were handed over and not yet
// carried out is right because operations on one file keep their order; those
// that wait for room are laid over what the disk gives.
//
// # Steps and crashes
//
// Each procedure is a sequence in which only one step counts; a crash before it
// leaves the old state, one after it the new. What is left over of either side
// is removed by the next Open.
//
//	checkpoint  segments synced; indexes written; SyncDir; both records written
//	            and synced under .tmp; the copy renamed, then the record; SyncDir;
//	            older records and trimmed segments removed.
//	            Counts: the first rename. The name may be lost again until SyncDir,
//	            so nothing relies on it before.
//	trim        applied in memory; a checkpoint without the segments; their files
//	            removed. Counts: as in a checkpoint.
//	install     equal segments of this log synced and kept; others renamed from
//	            the staged ones, or fetched, to the next generation; SyncDir; the
//	            records as in a checkpoint, flagged installed; the rest removed.
//	repair      the staged file renamed over the bad one; SyncDir. Or, of a segment
//	            that has grown since, equal bytes written over; sync.
//	reformat    the list of seeds written, synced, renamed; SyncDir; records at
//	            index 0; the lost ones removed.
//
// # Files
//
// All in Config.Dir; ids and generations are hexadecimal, integers little-endian.
// Names that begin with "stage." belong to who transfers snapshots.
//
//	%020d.log          segment, by base offset: whole record batches, nothing else
//	%020d.index        index of a segment; of the active one as a checkpoint saw it
//	checkpoint-%016x   the record of a checkpoint, by its id
//	checkpoint-%016x.b its copy, of equal bytes
//	seeds              segments that no checkpoint names, see Reformat
//	*.tmp              one of the last four that is being written
//
// A segment of generation g > 0 adds ".%08x" of g to the first two. Each snapshot
// that is installed begins a generation, so that it never touches a file of what
// it replaces; segments that it finds in place keep theirs.
//
// Checkpoint record:
//
//	offset  bytes  field
//	     0      4  magic "LWCP"
//	     4      4  format version, 3
//	     8      4  length of the record
//	    12      4  CRC32C of everything else
//	    16      8  checkpoint id
//	    24      8  applied index
//	    32      8  its term
//	    40      8  log start offset
//	    48      8  log end offset
//	    56      8  chain hash, of the headers of all batches so far: each holds the
//	               checksum of its records
//	    64     40  settings: segment bytes, index interval bytes, max batch bytes,
//	               retention bytes, retention ms (8 each)
//	   104      4  generation of segments that begin after it
//	   108      4  segments
//	   112      4  terms
//	   116      4  bytes of the producer table, 0 so far
//	   120      4  bytes of meta
//	   124      4  flags: bit 0: installed from a snapshot, and no checkpoint of
//	               this log's own has followed
//	   128      8  replica id, 0 where the log was not told
//	   136      8  position of the last batch of the active segment that its index has
//	   144     16  reserved, 0
//	   160     48  each segment: base offset, end offset, bytes, index interval,
//	               largest timestamp in ms (8 each), CRC32C (4), generation (4);
//	               the last is the active one
//	           16  each term that a batch of a segment has: term, offset of its
//	               first record
//	            -  producer table
//	            -  meta, the engine's own
//
// Magic and version keep their places in every version of every file here. A
// checkpoint record of an unknown version is ErrVersion: the log does not open,
// and nothing is changed.
//
// The body of a snapshot's manifest is such a record with generations, flags and
// replica id 0: but for the id it is equal on all replicas.
//
// Index file:
//
//	offset  bytes  field
//	     0      4  magic "LWIX"
//	     4      4  format version, 2
//	     8      8  base offset
//	    16      8  bytes of the segment
//	    24      8  index interval
//	    32      4  CRC32C of the segment
//	    36      4  entries
//	    40      4  reserved, 0
//	    44      4  CRC32C of everything else
//	    48     16  each entry: base offset of a batch, its position
//
// Seeds file:
//
//	offset  bytes  field
//	     0      4  magic "LWSD"
//	     4      4  format version, 1
//	     8      4  seeds
//	    12      4  CRC32C of everything else
//	    16     24  each seed: base offset (8), bytes (8), generation (4), reserved (4)
//
// Command, as an entry's data:
//
//	offset  bytes  field
//	     0      1  kind: 1 batch, 2 settings, 3 trim; 128 and above are not for the log
//	     1      -  kind 1: one record batch, format 2
//	     1      1  kind 2: encoding version, 2
//	     2     40  kind 2: the settings as in a checkpoint record
//	     1      1  kind 3: encoding version, 1
//	     2      8  kind 3: the offset to begin at
//
// # Limits and known gaps
//
//   - Open looks at the record and at the length of each segment: 160 stats for
//     10 GiB. What is in a segment is verified when it is read, by a scrub, and
//     before it is kept by a snapshot.
//   - The index of a segment is made again by reading the segment where its file
//     is missing or bad: as after an install, or for the active one after a
//     power loss. That is one read of at most the segment's length, when a reader
//     first needs it.
//   - Only equal segments are kept by an install. The active one of the past,
//     which a snapshot names longer, is fetched whole.
//   - Bytes handed to a disk that does not keep up, or has no room, are bounded on
//     a leader, which refuses produces then; a follower is bounded by its journal,
//     on the same disk (Backlog).
//   - Open files: without a pool the segments written since the last checkpoint
//     and, for readers, four more. With one, its limit holds for segments; records,
//     indexes and the two files that an install or a repair handles are beside it.
//   - A full disk and a doubtful record together: Open writes the record again and
//     answers env.ErrNoSpace. It works once there is room.
//   - Seeds are known by length until Verify has read them; one that is longer
//     than what a snapshot names is fetched again.
//   - Both names of a record lost at once, before the older records were removed
//     durably, would bring those back. No fault but two of the directory does that.
//   - Retention by time believes the timestamps of clients, as Kafka's does.
//   - There is no producer table yet; the record has room.
//   - The rules of package record are part of the replicated state: a change of
//     what it accepts needs a version in the settings.
//   - Format believes parent directories that an earlier Format made and failed
//     to sync.
package wal
