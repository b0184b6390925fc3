// Package journal is a node's raft log: the entries and hard states of all its
// groups in one sequence of files, and the only place where the write path
// waits for a sync.
//
// # Tour
//
// [Journal.Append] shows entries in the group's [View] at once and queues them
// (queue.go). At the end of the loop's turn, or when the sync under way ends,
// the writer cuts a batch off the queue and hands it to the disk: one write, one
// sync, for all groups (writer.go). Commit indexes and notes of checkpoints ride
// with it and never cost a sync of their own (riders.go). An idle journal is
// sealed (seal.go). A full file is followed by another (roll.go), which comes
// from a spare, filled with zeros beforehand or recycled (spares.go). Which files
// stay, and for whom, is reclaim.go.
//
// [Journal.Restart], [Journal.Adopt] and [Journal.Fence] are what is no append: a
// snapshot in place of the log, another replica in place of one that lost what it
// promised, and the silence in between (replace.go). [Journal.Regroup] has groups
// begin and end with the next file (regroup.go).
//
// [Open] reads the chain of files (recover.go), rebuilds each group's state and
// judges what does not read well (walk.go, scan.go, fence.go), and continues in
// a fresh file that holds, durably, what may have been in the page cache only
// (carry.go). What is missing altogether the witness tells (witness.go).
// [Journal.Scrub] looks for rot while the journal runs; [Inspect] shows a file.
//
// What raft sees is a [View] (view.go): the end of the log in memory (window.go,
// memory.go), the terms of all of it (outline.go), and entries below that read
// back in the background (readback.go).
//
// # Format
//
// Version 3, little endian. Magic and version keep their places in every version;
// another version is ErrVersion, and nothing is changed. Every checksum is a CRC32C
// seeded with the file's incarnation and the offset (checksum.go), so that neither
// stale bytes of an earlier use nor a write that went astray passes. The full tables
// stand beside the code that reads them; in short:
//
//	journal/j-SEQ       head, head again, batches. SEQ: 16 hex digits
//	journal/spare-N     zeros, or a file that was given back
//	journal.witness     two slots of 512 bytes                    (witness.go)
//
//	batch    header 96, directory 16n+4, records, zeros, directory
//	         again 16n, trailer 32; whole sectors of 512         (batch.go)
//	  header 0 magic "LKJB" 4    4 version 3       6 kind 1
//	         7 copy 1            8 cluster 8       16 node 8
//	         24 incarnation 8    32 sequence 8     40 offset 8
//	         48 length 4         52 records 4      56 body bytes 4
//	         60 body sum 4       64 watermark: file 8, 72 offset 8
//	         80 disk 8           88 zero 4         92 sum 4
//	  kinds  1 head, 2 data, 3 seal
//	head     a batch without directories, twice; body: previous file and
//	         its end, oldest file needed, size, highest group begun,
//	         life of the disk, a row a group                      (head.go)
//	  row    group, replica, hard state, first, last, checkpoint, then at 80
//	         a flag: 0 serves, 1 fenced, 2 unread, 3 blank; terms; reason
//	record   header 72, payload                                   (record.go)
//	  kinds  1 append, 2 checkpoint, 3 restart, 4 adopt, 5 fence
//	witness  0 magic "LKJW" 4    4 version 3       8 counter 8
//	         16 cluster 8        24 node 8         32 disk 8
//	         40 newest file 8    48 incarnation 8  508 sum 4
//
// # Promises
//
//   - When done of an Append runs, its entries, term and vote, and everything
//     appended to the group before, survive any power loss. Callbacks of a group
//     run in order. Nothing completes after a failed write, sync, rename or
//     directory sync; the failure is reported once, and never retried.
//   - What Open reports is durable before it returns, the directory included.
//   - After a crash a group is in the state after some Append, the last one that
//     was done or a later one (of one that needed several batches: after a part
//     of its entries). The commit index is at least that of the newest
//     checkpoint, and never covers an entry that was not the committed one: it
//     is written only as far as the entries on disk have the view's terms.
//   - Damage is never cut off or skipped. A record that was durable and does not
//     read well fences its group: [Recovered].Fenced says which file, where and
//     what, in this and every later Open, also when the file is long gone. The
//     other groups go on. If nobody can say whose record it was, or a head, a
//     file, or the whole directory is lost, every group is fenced, and the node
//     goes on. A loss before an adoption is not held against the group.
//   - A fence of [Journal.Fence] is durable with the next batch, and ends by Adopt
//     alone. Restart and Adopt are durable before their done runs: a crash before
//     leaves the state before them, or they are carried over as a whole.
//   - Which groups there are is what the newest head says: a group begins or ends
//     with a file, all changes that share it at once. With a replica of its own a
//     group begins at most once in the life of a disk, and a disk whose journal
//     lost what nobody can tell begins another life.
//   - The incarnation never goes back on a disk whose newest file or witness is
//     left.
//   - The first index is at most one above the durable checkpoint: who needs more
//     than the journal has can always be given a snapshot.
//   - A full disk fails nothing. Batches go into bytes that exist; a roll waits for
//     room, tries every 250 ms, and nothing is acknowledged meanwhile.
//   - An error of the disk is not damage, where what it keeps back was durable: such
//     bytes, not given at a second try either, fence their group for the life of this process only:
//     heads written meanwhile say nothing of the group, and every file is kept.
//     Once the bytes read again, the next Open finds all that was promised.
//   - A View never does I/O and its answers never make raft panic, if SetApplied
//     tells the truth and committed entries were replayed before raft started.
//
// # What is durable, and how recovery knows
//
// Each batch carries the watermark: the position that was durable when it was
// written, which with one sync at a time is its own beginning. A bad batch
// before the highest watermark (of any header in the file that can be read, the
// head's included) was durable once: damage. One behind it was cut short: a torn
// tail. A named file has a durable head, because it is written and synced under
// the spare's name; the head says where the file before it ends, so that all of
// that one is durable too, and what stands behind that end is void.
//
// A sector behind the watermark that cannot be read is neither: what was
// acknowledged last may stand there, unless a sector that can be read shows that
// no batch begins. Open tries again, six times over 3.1 s. Then whoever may have
// had a record there may have forgotten it, and is fenced for good: the groups in a
// directory of that batch whose records do not read; or all, if both directories
// are gone, or if another batch may begin behind it (doubt.go). The fences are
// records that the fresh file begins with, behind all that is carried over: no
// crash leaves a file that says where the old one ends without them. If both heads
// of a file cannot be read, tried as often, nobody knows where the file ends: that
// is damage of all groups.
//
// The witness is synced after each new file has its name, before anything is
// appended to it. So a file that it names and that is not there was lost, with
// whatever was acknowledged in it. It stands in another directory, and is made again
// if it is lost alone.
//
// A directory sync that failed leaves a name in doubt even if it shows: a file in
// which nothing was appended since it got its name is carried over as a whole,
// and nothing is recycled before the fresh file has its name.
//
// # Limits
//
// Memory: WindowBytes over all groups, exceeded only by pinned entries (then
// Pressure reports true and the caller refuses proposals) and, for half a second
// each, by what was read back for slow followers, at most a quarter of it. A batch: MaxBatchBytes, or
// one entry if that is bigger. A file: FileBytes, or what its table and one
// batch need. The queue is bounded by the entries in it, which are pinned.
//
// Disk: files from the oldest that some group needs, and Spares. A group needs
// the file of the first entry that its checkpoint does not cover; one without such
// entries needs none. Who checkpoints what Laggards(n) names has at most n+2 files
// for that: a file is given back when the next one is begun. For followers more is
// kept, up to RetainBytes in all. Without checkpoints Full reports true from
// MaxBytes less two files on, and Blocking names who is in the way; these two files
// are for what is small. What waits to be written counts, and what Expect was told
// of: who asks Takes before he appends what is not small stays within MaxBytes, but
// for very much that is small. What Takes refused has Laggards name whoever keeps a
// file, so that there will be room for it.
//
// Opening costs one file. What it carries over is as a rule at most MaxBatchBytes;
// lives that each end before a seal may add up to as much as a file holds.
//
// # Decisions
//
//   - The second directory stands at the very end of a batch, after the padding,
//     with a trailer: it is found backwards from the next batch when the header,
//     and with it the batch's length, is lost.
//   - Directories name records, not only groups: if some records of a damaged
//     batch still pass their own checksums, only the groups of the others are
//     fenced.
//   - A head is written twice: it alone gives a file its incarnation.
//   - Entries and hard state of an Append are one record, and every record of
//     that kind repeats the hard state.
//   - A changed commit index alone owes no durability, done or not: raft never
//     relies on it (raft.MustSync), and followers would sync once more for each
//     batch of entries.
//   - The seal waits until the journal was idle for SealAfter, so that a client
//     who sends one request after the other never queues behind it.
//   - A fenced group holds no file back: it never speaks again, and what it
//     promised cannot be proven from its records.
//   - At Open, a newest file that holds no more than a batch is carried over as a
//     whole and leaves the chain, so that a node in a crash loop does not fill
//     its disk. Heads therefore name the file before them.
//   - A fence for what may have stood in an unreadable tail does not end when the
//     tail reads again: the fresh file makes void what stands behind the end of the
//     one before. To stay down instead until it reads would save the ids; but a
//     sector that is lost for good would keep the node and all its groups down until
//     an operator comes, and the protocol makes a replica good that may have
//     forgotten, while the others are a quorum.
//   - What Open finds damaged is traced once it knows: EventDamaged, and EventRepaired
//     when the file has left the journal, for which groups are made to checkpoint. It
//     is removed then, and not used again.
//   - Each head is compared with the state that the records before it give: a
//     difference is a lost write, whatever the checksums say.
//   - EventWritten and EventPersisted are also traced for the hard states in a
//     new file's head and for carried records, with the file's final name: the
//     bytes that vouched for them before may be gone.
//
// # Known gaps
//
//   - Rot of the last, unsealed batch reads as a torn tail if the process dies
//     before the seal is durable.
//   - Witness and newest file lost at once, or both slots rotten and the file lost:
//     the journal looks whole and is shorter.
//   - Rot that Scrub finds is not written anew: the file has to become unnecessary.
//     The Open of a process that comes before fences the groups whose records stood
//     there, covered by a checkpoint or not.
//   - An entry bigger than MaxBatchBytes, or a table bigger than a file, may make a
//     file grow; without room for that the journal fails.
//   - Zeros between a batch's records and its end have no checksum; nobody reads
//     them.
//   - A batch within one sector has both directories in it: losing that sector
//     fences every group.
//   - A group with bytes that cannot be read makes the node keep up to 16 files
//     begun meanwhile that nobody else needs; beyond that it is fenced for good.
//   - Damage met by read-back or Replay is reported but written down only if the
//     caller does so with Fence; the next Open finds it again as long as the file is
//     needed.
package journal
