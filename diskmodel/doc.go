// Package diskmodel is env.Disk on the simulator: one platter that outlives the
// processes that mount it, and that may lose what was never synced.
//
// # The fault contract
//
// A file is three things: the true bytes as a process reads them (the cache),
// the bytes on the medium (durable), and the list of changes in between. A
// directory is the same three: its entries as seen, on the medium, and the
// changes in between. The unit of the medium is a sector of 512 bytes.
//
//   - A write, a truncation or a directory change is carried out when its
//     latency has passed; from then on it reads back. It is durable only through
//     a sync of its file, or of its directory, asked after it.
//   - Operations on one file are carried out in order; files are independent of
//     each other. Directory operations and opens are one more such queue.
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
//   - A failed sync (FailNextSync) loses what it covered: it reads back, counts
//     as clean, and no later sync writes it.
//   - SetSlow and Stall delay operations; nothing is ever reordered by them.
//
// Durable answers which bytes would survive any power loss now: the ghost that
// the durability oracle asks.
//
// All randomness is keyed by the disk; that of a crash by the time and the file
// too, so that one crash more or less changes no other.
//
// # Limits
//
// A file has at most Config.MaxFileBytes, then env.ErrNoSpace. Unsynced changes
// of one file hold at most Config.DirtyBytes; beyond that everything unsynced in
// it is written back on its own, as an operating system does. Pages that hold
// only zeros take no memory, and pages that are clean are kept once.
//
// # Known gaps
//
// No read errors, no full disk, no misdirected write, no lost disk yet. FlipBit
// damages both images for good. Bandwidth is not shared between files.
package diskmodel
