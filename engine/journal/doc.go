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
// from a spare, filled with zeros beforehand or recycled (spares.go).
//
// The format, from the inside out: records (record.go), batches (batch.go), the
// table of all groups that opens each file (head.go); every checksum is bound to
// its place (checksum.go).
//
// [Open] reads the chain of files (recover.go), rebuilds each group's state and
// judges what does not read well (walk.go, scan.go, fence.go), and continues in
// a fresh file that holds, durably, what may have been in the page cache only
// (carry.go).
//
// What raft sees is a [View] (view.go): the end of the log in memory (window.go,
// memory.go), the terms of all of it (outline.go), and entries below that read
// back in the background (readback.go).
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
//     other groups go on. If nobody can say whose record it was, or a head is
//     lost, every group is fenced.
//   - An error of the disk is not damage. Durable bytes that it does not give, at
//     a second try either, fence their group for the life of this process only:
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
// no batch begins. Open fails, changes nothing, and can be tried again. It does
// so too if both heads of a file cannot be read: nobody knows where the file
// ends. In these two cases a sector that is lost for good keeps the whole node
// down. It must not be written over: the tail would then read as torn.
//
// A directory sync that failed leaves a name in doubt even if it shows: a file in
// which nothing was appended since it got its name is carried over as a whole,
// and nothing is recycled before the fresh file has its name.
//
// # Limits
//
// Memory: WindowBytes over all groups, exceeded only by pinned entries (then
// Pressure reports true and the caller refuses proposals) and, for half a second
// each, by what was read back for a slow follower. A batch: MaxBatchBytes, or
// one entry if that is bigger. A file: FileBytes, or what its table and one
// batch need. The queue is bounded by the entries in it, which are pinned.
//
// Disk: files from the oldest that some group needs, and Spares. A group needs
// the file of the first entry that its checkpoint does not cover or that Retain
// keeps; one without such entries needs none. Who checkpoints what Laggards(n)
// names, and whose followers keep up, has at most n+2 files: a file is given back
// when the next one is begun. Without checkpoints nothing bounds them.
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
//   - A member that never catches up keeps every file from its place on; nothing
//     bounds that but the disk until snapshots are sent.
//   - A batch within one sector has both directories in it: losing that sector
//     fences every group.
//   - A group with bytes that cannot be read makes the node keep up to 16 files
//     begun meanwhile that nobody else needs; beyond that it is fenced for good.
//   - Damage met by read-back or Replay is reported but not written down; the next
//     Open finds it again as long as the file is needed.
package journal
