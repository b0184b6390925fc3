// Package producer is the table of a partition's idempotent producers: what
// makes a batch that a client sends twice stand in the log once. It is a pure
// part of the log's replicated state.
//
// # A guided tour
//
// batch.go has what of a record batch matters here and the arithmetic of
// sequences; window.go remembers the last batches of one producer; table.go
// holds the windows and decides; order.go knows who wrote least recently and
// lets that one go first; errors.go names the refusals; codec.go writes the table
// down; fingerprint.go digests it.
//
// # How a log uses it
//
// While it applies a committed entry, and nowhere else, the log asks
// [Table.Check] for the batch:
//
//	append     it appends the batch and tells the table with [Table.Appended]
//	duplicate  it appends nothing; the result of the entry is the base offset of
//	           the original
//	an error   it appends nothing; the error is the result, equal on all replicas
//
// Batches without a producer id go the same way: they are always appended, and
// move log time. The checkpoint of a log has the table ([Table.AppendTo], called
// when the checkpoint's state is captured, before anything waits) beside its
// settings, and so has the body of a snapshot; Open and Restore read it
// ([Decode]). A checkpoint that is shipped without the table makes duplicates.
// Trimming the log does not touch the table: a producer outlives its batches, as
// in Kafka's producer snapshots.
//
// A duplicate is an entry of its own with a later index, so whoever answers it
// once that entry has passed the gate (durable on min ISR members) has waited for
// the original's gate too. Nobody may answer from the table before that.
//
// # Rules
//
// Kafka's, of ProducerStateManager and ProducerAppendInfo in version 4:
//
//   - The last 5 batches of a producer are remembered. A batch of the same epoch
//     with the same first and last sequence as one of them is a duplicate.
//   - Else, in the same epoch, its first sequence must follow the last one; after
//     2147483647 comes 0, and a batch may span that. Otherwise
//     [ErrOutOfOrderSequence] (45).
//   - A later epoch begins at sequence 0, otherwise 45, and forgets the batches of
//     the one before.
//   - An earlier epoch is [ErrInvalidProducerEpoch] (47).
//   - An unknown producer may begin at any sequence in any epoch.
//   - A producer id with a negative epoch or sequence is [ErrInvalidBatch] (87).
//
// Two codes are never given. DUPLICATE_SEQUENCE_NUMBER (46) for a batch that is
// older than the window would be taken by clients for success; where the producer
// began at an arbitrary sequence nothing proves that it was ever appended, so the
// answer is 45, as in Kafka since version 1.0. UNKNOWN_PRODUCER_ID (59) has no use
// where unknown producers are accepted.
//
// # Who leaves
//
// Log time is the greatest timestamp of any batch appended so far. It never
// falls, and no clock is in it, so all replicas agree. A producer leaves the
// table once log time is ExpiryMs beyond what it was when the producer last
// appended, or when there are more than MaxProducers: then the one that appended
// least recently goes first. Both are settings of the log, changed by command.
// The order of leaving is that of the last base offsets.
//
// A producer that has left is unknown: a late retry of its is appended again.
//
// # Encoding
//
// Little-endian. Equal tables have equal encodings: producers are sorted by id,
// and there is one way to write each.
//
//	offset  bytes  field
//	     0      4  format version, 1
//	     4      4  producers
//	     8      8  log time in ms
//	    16      -  each producer:
//	     0      8    id
//	     8      8    log time when it last appended
//	    16      2    epoch
//	    18      2    batches, 1 to 5
//	    20     16    each batch, the oldest first: first sequence (4), last
//	                 sequence (4), base offset (8)
//
// It has no checksum: what it lies in has one. The version keeps its place for
// ever; an unknown one is [ErrVersion], anything else that no table writes is
// [ErrMalformed]. Both need another copy of the checkpoint, or a newer program.
//
// # Promises
//
//   - Check changes nothing. Check and Appended allocate nothing once a table has
//     as many producers as it will have.
//   - A table is a function of its settings and of the calls of Appended and
//     SetSettings. Equal calls give equal encodings and fingerprints, also where a
//     replica began from a decoded table.
//   - Decode believes nothing, and allocates no more than the bytes at hand warrant.
//
// # Limits
//
// A producer takes 120 bytes beside its place in a map, and 36 to 100 bytes
// encoded. A table without producers holds no memory of its own.
//
// # Known gaps
//
//   - Log time believes the clients' timestamps, as retention does. One client
//     whose clock runs far ahead expires the others, whose late retries are then
//     appended twice. Who takes batches from clients should refuse timestamps far
//     ahead of its own clock, as Kafka does (message.timestamp.after.max.ms); that
//     happens before the log, where a local clock may be read.
//   - Producers beyond MaxProducers push out others that may be active. Kafka has
//     no bound at all.
//   - A producer whose first batch is lost on the way and whose second arrives
//     begins at the second, and its retry of the first is 45. Kafka's rule; a
//     client with one connection and ordered sends does not meet it.
package producer
