// Package checker judges runs of the replicated log. It knows no engine: it
// sees what clients did (operations), what nodes said about themselves (events)
// and what the replicas held in the end (logs), and judges a recorded live
// cluster with the same oracles as a simulated run.
//
// # A tour
//
//   - oracle.go: the names of the oracles, Violation, Verdict, Report.
//   - op.go, event.go, history.go: what is judged. codec_write.go and
//     codec_read.go: its file, one JSON object a line.
//   - monitor*.go: Monitor judges the events of a run while it happens: raft's
//     own properties, the durability ghost, what recovery stands by. The rest of
//     them, by noun: monitor_members.go (configurations), monitor_replace.go
//     (fences and fresh ids), monitor_snapshot.go, monitor_trim.go,
//     monitor_damage.go, journal.go (its size). monitor_alone.go judges
//     unreplicated logs, which have no raft: their one disk.
//   - isr.go: the reported in-sync set against the truth of the models. topic.go:
//     what was created is there, on its nodes and for clients.
//   - check*.go: Check judges a whole history: acknowledged writes, reads,
//     offsets, replicas, deletions, and what is left of a log that lost a part.
//   - linear.go: the exact linearizability check and its proof;
//     linear_porcupine.go: porcupine as a second opinion, and the picture.
//
// # What an event stream must promise
//
// Events of one Monitor arrive in the order in which they happened, over all
// nodes. Beyond the documentation of each kind the monitor relies on this:
//
//   - Within one turn of a node's loop Role and Commit come before the entries
//     that the turn appends, or right after them; Apply and ProduceAcked come
//     after both. A turn has one time. Role is traced whenever role, term or
//     leader changed.
//   - Entry precedes the Written that names it. The journal writes the entries
//     of a group in the order of their Entry events and persists them in that
//     order; an entry that was replaced before it was written may be left out.
//   - A Written or Persisted with entries has the last entry's term, or 0, and no
//     vote; one with First 0 has a hard state. Without the term every entry must be
//     written, in the order of the Entry events, the replaced ones too.
//   - VoteSent is traced for votes, not for pre-votes. A candidate asks the voters of
//     a configuration that it has applied, by their ids.
//   - What recovery rewrites elsewhere, hard states included, gets a Written and
//     a Persisted of its own.
//   - EventCrashed is fed at the end of every process, before the first event of
//     the next one.
//   - EventLost names only bytes that read otherwise now than they were written,
//     and every byte of a Written range is covered by a checksum.
//   - Recovered has in Offset the index of the checkpoint that the replica starts
//     from; 0: it starts from nothing, or it is not said. If it is said, the first
//     Apply is of the entry behind it. It may come again within one process: the
//     replica began anew, with everything it had written durable.
//   - The configuration in force is genesis, which is Group.Members, from
//     Recovered on, until a Members event says otherwise. Members follows directly
//     on the Recovered or Snapshot whose checkpoint it belongs to, and otherwise
//     comes right before the Apply of its entry. It may be left out for index 0.
//   - SnapshotStaged comes before the machine begins to install that snapshot, and
//     Snapshot when the journal's record of it is durable, before any entry,
//     acknowledgement or commit above it.
//   - Replica comes when the adoption is durable, before anything that the fresh
//     id sends. A process may end before it: then Recovered speaks for it.
//   - LostReported with a replica means that a durable fence keeps it silent.
//   - Trim comes at or before the Apply of its command, wherever that is applied,
//     after a restart again.
//   - Damaged and Repaired name a file alike.
//   - Of an unreplicated log Written comes when a batch is appended, before any byte
//     of it is on the disk, one for each batch; Recovered when it serves and not
//     before. Served is fed by who sees the answers that leave the node.
//   - EventDiskLost is fed by who took the disk away. Without it an id that returns
//     on an empty disk is only found by what it forgot.
//
// # Whose configuration
//
// A decision is judged by the configuration that the replica that makes it has
// applied: joint ones need a majority of both halves, learners never count. A
// commit index is first told by the leader that counted; whoever else tells it
// first is judged by any configuration from its own on. A produce was committed
// under an older configuration than the leader may be in when it answers, so
// that one will do for it. Votes are counted when the events of all genesis
// members are known from their beginning; of a replica only the newest vote is
// remembered, and a newer one counts as any older.
//
// # Promises
//
// Messages are pure functions of the history: no clocks, no map order, no
// floats. An oracle's Checked count says at how many things it looked, so that
// a run can prove that it was judged at all. At most KeptViolations of each
// oracle are kept; all are counted.
//
// # Limits and known gaps
//
//   - A group whose Group.Members is empty has no quorums: nothing that needs one
//     is checked, whatever its Members events say.
//   - That a trim deletes no more than was asked for, or than retention by size
//     allows, is judged in the end, where Log.Retention says what was to be kept.
//     What retention by time deletes is not held against the records' ages: the
//     clocks that it goes by may be wrong.
//   - Of a log with Unread ranges neither linearizability nor duplicates are judged.
//     That what it says is lost is lost is for who knows the disk.
//   - A plain fetch may be answered by a leader that was deposed, so what it says
//     of the log's start and end is not held against what others were told.
//   - That a damage has no good copy is known to who knows all disks: JudgeDamage
//     asks for it. Which bytes a repair brought is judged by replicas-equal.
//   - Entries below a replica's checkpoint, or in a journal file that was given
//     back for reuse, count as durable: the ghost knows the journal's bytes
//     only. Segments are judged by replicas-equal.
//   - Values of one partition must be unique over a history; Validate refuses
//     others.
//   - Whether a run made progress (unseen records, time budgets) is judged by who
//     ran it: a history does not say what should have been possible.
//   - ListOffsets operations are taken to ask for the latest offset.
//   - Porcupine sees windows in log order: it cannot see a violation between two
//     operations that are in different windows. The exact check sees all.
//   - Porcupine's time limit is wall-clock time. When it runs out the verdict is
//     a failure, never a pass.
package checker
