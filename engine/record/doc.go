// Package record knows the record batch, format version 2 of the Kafka
// protocol: the unit in which records travel from a client, lie in the log and
// travel back. The engine stores the bytes as they came and touches only the
// two fields that lie outside the checksum.
//
// # Layout
//
// All integers are big-endian.
//
//	offset  bytes  field
//	     0      8  base offset
//	     8      4  batch length: bytes after this field
//	    12      4  partition leader epoch
//	    16      1  magic, 2
//	    17      4  CRC32C of everything from byte 21 to the end
//	    21      2  attributes: 0-2 codec, 3 timestamp type, 4 transactional, 5 control
//	    23      4  last offset delta
//	    27      8  base timestamp, ms since the Unix epoch
//	    35      8  max timestamp
//	    43      8  producer id
//	    51      2  producer epoch
//	    53      4  base sequence
//	    57      4  record count
//	    61      -  records, compressed as one unit if the codec says so
//
// A record is a zigzag varint length, an attributes byte (unused), varint
// timestamp delta, varint offset delta, key and value (varint length, -1 for
// null, then the bytes), and a varint count of headers (key, value).
//
// # Promises
//
//   - No function panics on outside bytes, and none allocates by a length it has
//     not checked against the bytes at hand. [AppendStamped] alone trusts its
//     argument: give it what Validate accepted.
//   - What [Validate] accepts is exactly one batch whose checksum is right and,
//     if it is not compressed, whose records are Count well-formed ones with
//     offset deltas 0, 1, 2, ... that fill it to the last byte.
//   - Nothing returned by [Split], [Batches] or [Records] is copied: it aliases
//     the argument.
//
// Validate's errors are of two classes. Damaged bytes: [ErrTruncated],
// [ErrTrailing], [ErrMagic], [ErrChecksum]. Intact bytes that say something
// unacceptable: [ErrCount], [ErrRecord], [ErrControl], [ErrTransactional],
// [ErrCodec], [ErrOffset], [ErrTooLarge].
//
// # Limits and known gaps
//
//   - Compressed records are not looked into: their count is believed if it
//     agrees with the last offset delta, as every broker but the compacting one
//     does.
//   - Formats 0 and 1 are not read ([ErrMagic]).
//   - Transactional batches are refused: no transactions are served.
//   - Varints longer than they need be are accepted in records, as elsewhere.
package record
