// Package direct is the log of an unreplicated partition: one copy, on one disk,
// without raft and without the journal. A produce goes straight to the segment and
// is acknowledged when an fdatasync has covered it.
//
// # A guided tour
//
// The files, reading, trimming, indexes, damage and scrubbing are those of package
// wal, in a log that stands alone. What is here: produce.go gathers appends while a
// sync runs (group commit), note.go keeps a record of how far the log is durable,
// open.go finds the log again, checkpoint.go says when the log's own record is
// written, inspect.go reads files without a log, read.go says what may be read,
// trace.go what is told of it, direct.go is the rest.
//
// # Promises
//
//   - A produce that was acknowledged survives a crash and a power loss. Nothing
//     that is not durable is acknowledged or can be read.
//   - Records below the noted durable end that do not read after a restart are
//     damage. There is no peer to fetch them from: Open fails with a
//     *wal.LostError that names the offsets, and changes nothing on the disk.
//   - What reads well behind the durable end may be in the page cache only: it is
//     written again and synced before anything is served. Where that ends the log
//     is cut, durably, so that no stale batch can follow a new one.
//   - A trim that was answered survives. StartOffset goes up only then, and only
//     then a read learns that its offset is out of range. One that found
//     no room changes nothing.
//   - On a full disk a produce is refused before anything is written. One that was
//     on its way then gets ErrNoSpace, outcome unknown; its bytes wait in memory,
//     and the log goes on by itself when there is room.
//   - A failed sync, or a failed write, ends the node. It is never tried again.
//
// # What is durable where
//
// The log's checkpoint (package wal) says what the log was when it was made: each
// CheckpointBytes, at a trim, at a clean close. Behind it the batches speak for
// themselves: their checksums, and base offsets without a gap. The file "durable"
// says how far they must: it is written once the log idles for NoteAfter, when a
// segment was begun, and each NoteBytes; never on the way to an acknowledgement.
// Its two slots are written in turn, so a torn one leaves the one before.
//
//	produce   bytes, and zeros ahead of them, written; fdatasync; names of new
//	          segments synced; acknowledged. A roll cuts the file before to its
//	          length; the next fdatasync covers that.
//	note      the other slot written; synced. Counts: the sync.
//	recovery  checkpoint read; batches behind it read; segments whose name may not
//	          be durable replaced by a copy; those appended again; what follows
//	          removed; file cut; all synced; a note. Counts: nothing until all is
//	          done. A crash before leaves the same bytes or equal ones.
//
// # Files
//
// Beside those of package wal, in the same directory, one named "durable" of 8192
// bytes. Its slots are at 0 and 4096. Integers are little-endian:
//
//	offset  bytes  field
//	     0      4  magic "LKDE"
//	     4      4  format version, 1
//	     8      8  counter: the valid slot with the larger one counts
//	    16      8  durable end, an offset
//	    24      4  CRC32C of the fields before
//
// Bytes between and behind the slots are zeros and mean nothing. All versions keep
// magic, version and the checksum, over what is before it, in these places: a slot
// that verifies and has an unknown version is an error, wal.ErrVersion, of the whole
// file, and nothing is changed. inspect.go prints and verifies the file.
//
// # Limits and known gaps
//
//   - Records acknowledged after the last note, rotten at the next start, read as
//     a torn tail: at most NoteBytes, or what came since the log last idled for
//     NoteAfter or was checkpointed.
//     The journal has the same residual in its unsealed last batch.
//   - The same holds for a durable file whose newest slot rots. With both bad the
//     log does not open.
//   - A bad segment below the checkpoint fails reads of it, and no others (the
//     first one that meets it may fail from farther in front); one
//     that is missing or too short keeps the log from opening.
//   - A trim needs room for the two records of a checkpoint: on a disk without any
//     it is refused with ErrNoSpace, and frees nothing. Nor could the records be
//     written while bytes of the segment that stays wait for room.
//   - No duplicates are recognised, no leader epoch counts: it is always 0.
package direct
