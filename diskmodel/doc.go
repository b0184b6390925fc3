// Package diskmodel is env.Disk on the simulator: one platter that outlives the
// processes that mount it, that may lose what was never synced, and over whose
// true bytes every fault of a disk can be laid, and lifted again.
//
// # The fault contract
//
// A file is three things: the true bytes as a process wrote them (the cache),
// those that reached the medium (durable), and the list of changes in between. A
// directory is the same three: its entries as seen, on the medium, and the
// changes in between. The unit of the medium is a sector of 512 bytes.
//
// Without faults:
//
//   - A write, a truncation or a directory change is carried out when its
//     latency has passed; from then on it reads back. It is durable only through
//     a sync of its file, or of its directory, asked after it.
//   - Operations on one file are carried out in order; files are independent of
//     each other. Directory operations and opens are one more such queue.
//
// When something ends (Crash, PowerLoss, and Observe to choose the operation):
//
//   - Crash (of the process alone): what was carried out reads back and is
//     still not durable. Of the queued operations of each file a prefix may have
//     been carried out, the last write of it in part.
//   - PowerLoss: unsynced changes to a file survive not at all, as a prefix, as
//     a random subset (of changes, and of the sectors of one), or as a prefix
//     that ends in a torn sector: new bytes up to some point, old ones behind.
//     Bytes that a change does not cover are never touched by its loss.
//   - Unsynced entries survive or vanish likewise. Changes of one name keep their
//     order: one that depends on a lost change is lost too. A rename leaves the
//     old name or the new one, never neither and never both. A file without a
//     surviving name is gone, whatever was synced in it.
//
// When the disk refuses or delays:
//
//   - A failed sync (FailNextSync, SetSyncErrors) loses what it covered: it reads
//     back, counts as clean, and no later sync writes it.
//   - On a full disk (SetFull, Config.CapacityBytes) nothing grows. A write that
//     runs out of space may leave a prefix; it is a change like any other.
//   - A lost device (Lose) refuses everything and has nothing. Replace puts in an
//     empty one.
//   - SetSlow, Stall and SetThrottle delay operations; nothing is reordered
//     within a file by them. Unstall and a throttle lifted let go at once.
//
// When the medium lies, the lie is laid over the true bytes (an overlay: bits
// that are wrong, and bytes that it does not give):
//
//   - Rot flips a bit; FailReads lets reads fail; a write that LoseNextWrite took
//     leaves what stood there; one that MisdirectNextWrite took does that too,
//     and overwrites another place of its file.
//   - The page cache comes first. Unsynced bytes, and those that a failed sync
//     lost, read as they were written, whatever is laid below. Every other byte
//     is read from the medium: damage to it shows at once, and a lost or
//     misdirected write shows as soon as it was synced. There is no other
//     caching: the worst case for whoever trusts the page cache.
//   - Bytes that reach the medium, in any way (a sync, a write back, what a power
//     loss leaves of them), replace the damage there; a truncation removes what
//     it cuts off. A write that was lost, or went elsewhere, replaces none in its
//     place. Damage that unsynced bytes hide is back if a power loss takes them.
//   - Writes reach the medium in the order in which they were made. After a failed
//     sync of the file it is whole sectors that do.
//   - Damage to a byte is one mask of wrong bits: a second Rot of the same bit
//     makes it right, and damage over damage keeps the kind of the last write, or
//     of the first rot. That it cannot be read comes on top.
//   - LoseEntry hides a durable name, of a file, from every process; open handles
//     work on. A new file may take the name, and has it for good once that is
//     durable. A directory of which only lost entries are left cannot be removed.
//
// LiftFaults takes all of it back, but not a lost device: the true bytes read
// again, those of lost writes too. Damaged lists what is laid; Intact asks for a
// range.
//
// Durable answers which bytes would survive any power loss now: the ghost that
// the durability oracle asks. It speaks of the true bytes, whatever lies over
// them: a device that loses a write has said that it is durable.
//
// Stats.Errors counts the failures that the model made up and a process heard
// of: whoever sees a process stop itself can ask whether it had a reason.
//
// All randomness is keyed by the disk; that of a crash, and of a write that ran
// out of space, by the time and the file too, so that one fault more or less
// changes no other. Every fault laid or lifted is in the trace, a setting that
// changes nothing is not; Describe says it in words.
//
// # Knobs
//
//	Config                latencies, limits               see there
//	SetSlow               time on every operation         1 ms to 1 s
//	Stall                 a time                          up to 10 s from now
//	SetThrottle           bytes per second                100 KB/s to 100 MB/s
//	FailNextSync          syncs                           1
//	SetSyncErrors         on or off                       for up to 10 s
//	SetFull               on or off                       for up to 10 s
//	Rot                   a bit                           1 to 8, in sectors of their own
//	FailReads             bytes                           1 to 8 sectors
//	MisdirectNextWrite    bytes, in whole sectors         1 to 64 sectors, either way
//	LoseNextWrite         a write                         1
//	LoseEntry             a name                          1
//	Lose, Replace         the device                      1
//
// # Limits
//
// A file has at most Config.MaxFileBytes, then env.ErrNoSpace. Unsynced changes
// of one file hold at most Config.DirtyBytes; beyond that everything unsynced in
// it is written back on its own, as an operating system does, outside any
// throttle. Pages that hold only zeros take no memory, and pages that are clean
// are kept once. Faults cost nothing where none is laid; a file with damage is
// synced change by change.
//
// # Known gaps
//
// A misdirected write stays in its file. Directories as such are never lost, and
// neither are names whose durability is pending. Space is counted in lengths of
// files, as if there were no holes and entries took none. Reads are never
// answered from memory that they themselves filled.
package diskmodel
