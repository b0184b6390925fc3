package direct

// Read is that of wal.Log; nothing is given that is not durable. It ends before a
// segment that is known to be bad, so that what stands in front of it can be read.
// wal.ErrOffsetOutOfRange comes only once StartOffset is above the offset, durably.
func (l *Log) Read(offset, limit int64, maxBytes int, done func(batches []byte, err error)) {
	limit = min(limit, l.end)
	for _, b := range l.wal.Bad() {
		if b.Base > offset {
			limit = min(limit, b.Base)
		}
	}
	l.wal.Read(offset, limit, maxBytes, done)
}
