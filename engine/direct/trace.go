package direct

import "github.com/lockstep-log/lockstep/engine/env"

// Events count records from 1, as package env says: the one at offset o is o+1.

// traceWritten tells where a batch that was appended just now stands. Its bytes
// may be in memory still; none of them is anywhere else.
func (l *Log) traceWritten(base, bytes int64) {
	file, size := l.wal.Tip()
	l.cfg.Trace(env.Event{
		Kind: env.EventWritten, First: uint64(base) + 1, Last: uint64(l.wal.EndOffset()),
		File: file, Offset: size - bytes, Length: bytes,
	})
}

// traceAcked tells that a produce is answered with success.
func (l *Log) traceAcked(w *waiter) {
	l.cfg.Trace(env.Event{Kind: env.EventProduceAcked, Index: uint64(w.end), Offset: w.base, Length: w.end - w.base, First: 1})
}
