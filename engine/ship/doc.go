// Package ship moves files of state machines between nodes: those of a
// snapshot, to the follower that needs it, and single ones, to repair what is
// damaged. What it brings is staged in the machine's own directory, so that
// installing it is a rename.
//
// # Reading order
//
// ship.go (what a node calls), manifest.go and ref.go (what a snapshot is),
// serve.go (who gives), download.go (who asks, one file), transfer.go (all of
// one snapshot or repair), part.go and progress.go (what survives a crash),
// staged.go (who takes it), budget.go, inspect.go.
//
// # Conversation
//
// The leader calls Offer with the manifest of its newest durable checkpoint,
// and puts the Ref that it gets into raft's snapshot message. The follower's
// Stage asks the leader for the manifest that the Ref names, and for its files
// whoever is there: the leader first, then the other members in the order of
// their node ids. Messages are package wire's fetch and chunk:
//
//	fetch  group, id, file, bytes and sum of the whole file, offset, count
//	chunk  group, id, code, file, offset, data, sum over the last three
//
// The empty name is the manifest, which only who offered it has: bytes, sum,
// index and term must be the Ref's, and Withdraw ends it. All other files only
// grow, or are never changed: a node serves what it has below its end, whatever
// it will have in the end. The server remembers nothing of who asks. A crash of
// either side, a loss, a repeat or another order is a fetch that is asked again.
//
//	code      the asker
//	ok        takes it; wrong length, place or sum: as if none had come
//	busy      asks again after an eighth of the timeout; as often as fits into
//	          one it counts as no answer
//	gone      does not ask that node for this file any more
//	not here  likewise
//	damaged   likewise
//	none      asks again; the timeout doubles, three times at most. After two in a
//	          row it turns to the next node. What comes late is still taken, and
//	          what three later answers have overtaken is asked again at once
//
// A file whose sum is wrong in the end begins anew. If one node gave all of it,
// that node is told (a fetch with code damaged and no count; Port.Suspect) and
// not asked for the file again. When no node is left, or all of them were tried
// three times in vain, the answer is ErrSources.
//
// # Staging
//
// Names in the machine's directory; what begins with [Prefix] is not the
// machine's:
//
//	stage.manifest                 of the snapshot that is or was staged last
//	stage.progress                 how much of a part is durable
//	stage.part.FILE                a file while it comes
//	stage.file.FILE                a whole file: verified and synced
//	stage.repair.part.FILE, stage.repair.file.FILE, stage.repair.progress.FILE
//	                               likewise of a repair
//
// The manifest is written under stage.manifest.tmp, synced, renamed, and the
// directory synced. Then files in the manifest's order: pieces are appended to
// the part; each StageSyncBytes the part is synced, the directory too if the
// part is new, then the slot that says so is written and synced. At its end, if
// the sum is right, the part is synced and renamed. The directory is synced each
// StageSyncBytes of such files, and after the last: from then on all of it is
// staged.
//
// After a crash, or when another snapshot is wanted, what is there is used
// again: the manifest if it is the one; whole files that the new manifest names,
// once their bytes were read and their sum is right; a shorter whole file as the
// beginning of a longer one; of a part what its slot says was durable, if the
// sum of those bytes is right. The rest is removed before anything is fetched.
// Nothing that is found is believed: at worst it is fetched again.
//
//	a crash after                  finds
//	the manifest's sync            the older manifest, or none; all files
//	its rename, unsynced           either; files of both
//	a write to a part              the part as of its last slot
//	a part's sync, no slot         likewise
//	a torn slot                    the slot before it
//	a rename to a whole file       the part as of its last slot, or the file
//	the last SyncDir               everything
//
// A full disk removes all that is staged (env.ErrNoSpace): it would keep the
// disk full. Any other failure of the disk is ErrDisk: the node stops.
//
// # Manifest
//
// Integers are little-endian.
//
//	offset  bytes  field
//	     0      4  magic "LKSM"
//	     4      4  CRC32C of everything from byte 8 to the end
//	     8      4  format version, 1
//	    12      4  length of the whole in bytes, at most 64 MiB
//	    16      8  group
//	    24      8  index of the checkpoint
//	    32      8  its term
//	    40      8  its id on the disk that it comes from
//	    48      4  number of files
//	    52      4  bytes of meta
//	    56      4  bytes of body
//	    60      4  0
//	    64      -  files: bytes 8, CRC32C of all bytes 4, length of the name 4, name
//	     -      -  meta, body
//
// A name is 1 to 128 of the letters, digits, "-", "_" and ".", and unique.
//
// # Progress
//
// Two slots of 512 bytes, written in turn; the intact one with the greater
// counter counts.
//
//	offset  bytes  field
//	     0      4  magic "LKSP"
//	     4      4  CRC32C of bytes 8 to 511
//	     8      4  format version, 1
//	    12      4  length of the file's name
//	    16      8  counter
//	    24      8  bytes of the whole file
//	    32      8  bytes of the part that are durable
//	    40      4  CRC32C of those
//	    44      4  CRC32C of the whole file
//	    48      -  name, zeros
//
// Magic, checksum and version keep their place in every version; an unknown
// version is ErrVersion, and of a progress file as good as none.
//
// # Limits
//
// [Config] has all of them, each with its unit, default and what happens when it
// is reached. A transfer holds Window+1 pieces in memory, the server four and
// the manifests on offer. Stages and repairs at once are bounded; Stage and Fetch
// beyond that answer ErrBusy. One directory has one snapshot: a newer Stage ends
// the older with ErrSuperseded and goes on with its files.
//
// # Promises
//
//   - What done gets is equal to what the manifest names, byte for byte, synced,
//     and its names are durable.
//   - done is called once, on the loop, never inside of the call, unless the node
//     stops or Close was called before.
//   - A crash costs at most StageSyncBytes of the file under way, the whole files
//     since the last SyncDir (as many bytes and one file), and what was under way.
//   - Over any time a node serves at most SendBytes a second, and asks for at most
//     ReceiveBytes a second, and one piece.
//
// # Known gaps
//
//   - A file that this process has staged is not read again when the next snapshot
//     names it too: rot since then is found by the machine's scrub.
//   - The pieces of a bad and of a good node in one file do not tell who was bad;
//     then it is fetched again, and what one node gave alone decides.
//   - What a repair that is never asked for again leaves is removed by Clean only.
//   - A manifest is asked of those only that offered the snapshot: if all of them
//     are gone, the next leader's offer goes on with the files.
package ship
