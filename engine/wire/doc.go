// Package wire is the envelope between nodes: one frame carries messages of
// several groups, raft's and our own, from one node to another, as immutable bytes with a
// checksum. The simulator sends the very same frames, so no memory is ever
// shared between nodes.
//
// # Frame
//
// Fixed-width integers are little-endian; "uvarint" is that of encoding/binary
// in its shortest form.
//
//	offset  bytes  field
//	     0      4  CRC32C of everything from byte 4 to the end
//	     4      4  length of the whole frame in bytes
//	     8      4  format version, 2
//	    12      4  number of messages
//	    16      8  cluster id
//	    24      8  sending node
//	    32      8  receiving node
//	    40      8  incarnation of the sender: which of its boots speaks
//	    48      8  disk id of the sender: which of its data directories speaks
//	    56      -  messages
//
// The first twelve bytes keep their meaning in every version.
//
// # Message
//
//	uvarint  group
//	uvarint  retain-from hint, 0 unknown
//	1 byte   type: below 0x80 raft's, else 0x80 and the kind of an own message
//
// Raft's go on with
//
//	2 bytes  which of the following are present; bit 8 is the reject flag itself
//	uvarint  to, from, term, log term, index, commit, vote, reject hint (bits 0-7)
//	entries  (bit 9) uvarint count, then entries
//	snapshot (bit 10)
//	context  (bit 11) uvarint length, bytes
//
// An entry is a byte of flags (bits 0-1 its type, bit 2: a term follows, bit 3:
// an index follows), those two uvarints, uvarint length of the data, data. A
// term that is absent is the previous entry's, an absent index the one after
// the previous entry's; before the first entry stand the message's log term
// and index, which is where an append's entries connect.
//
// A snapshot is a byte of flags (data, metadata, configuration, auto-leave),
// then uvarint length and data, uvarint index and term, and the four lists of
// the configuration, each a uvarint count and uvarints.
//
// # Own messages
//
// Ours go on with
//
//	2 bytes  which of the following are present
//	uvarint  to, from, id, term, index, disk, incarnation, bytes, offset, count,
//	         sum, code (bits 0-11)
//	file     (bit 12) uvarint length, at most 128 bytes
//	data     (bit 13) uvarint length, bytes
//
// and mean
//
//	kind  name         lane    fields that count
//	   1  fetch        urgent  id; index, term, bytes, sum of the manifest (file empty) or bytes, sum of the file; offset, count;
//	                           code damaged, count 0: "your copy is bad", wants no answer
//	   2  chunk        bulk    id, code, file, offset, data, sum: CRC32C over file, offset (8 bytes) and data
//	   3  snap-status  urgent  from, to, term, index; code ok: bytes staged so far; failed, busy or full: given up
//	   4  node-status  urgent  code ok or full; the group is 0
//	   5  lost         urgent  from: the lost replica, 0 unknown; disk, incarnation of its node; id: a nonce
//	   6  grant        urgent  from: the old replica, to: the new; disk, incarnation, id as in the report; index of the membership
//	   7  removed      urgent  to: the replica that is no member any more; index of the membership
//	   8  leaving      urgent  from: the removed replica; index of the membership
//	                           that it knows
//
// What is done about them is told by packages ship and replica.
//
// # Promises
//
//   - One frame has one encoding: equal frames give equal bytes, and what Decode
//     accepts encodes to the bytes it came from. A zero and an absent field are
//     the same thing, so are nil and empty data.
//   - Decode never panics and allocates in proportion to the bytes at hand,
//     whatever they claim: one block for the messages of a frame, two for the
//     entries of a message, one for an own message and one for its file name.
//   - Entry data, snapshot data, contexts and the data of own messages alias the
//     frame: as long as one of them is held, the frame's memory is.
//
// # Limits and known gaps
//
//   - A frame is at most 4 GiB by its format; the sender's batching keeps it far
//     below ([SizeHint]).
//   - Raft's local messages, and the responses that travel inside of messages to
//     its storage threads, are not representable: Decode refuses them
//     (ErrMalformed), AppendFrame panics, for sending one is our bug.
//   - The checksum finds damage, not malice: who may connect is the transport's
//     business. Whether a message concerns this node at all (cluster, group,
//     replica, incarnation) is judged at the border above.
package wire
