package direct

import (
	"errors"

	"github.com/lockstep-log/lockstep/engine/wal"
)

// outrun is a read that a trim outran.
type outrun struct {
	offset int64
	done   func(batches []byte, err error)
}

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
	l.wal.Read(offset, limit, maxBytes, func(batches []byte, err error) {
		if errors.Is(err, wal.ErrOffsetOutOfRange) && offset >= l.start && offset < l.wal.StartOffset() {
			l.outrun = append(l.outrun, outrun{offset, done})
			l.checkpoint.begin(l) // unless it is under way already
			return
		}
		done(batches, err)
	})
}

// settleOutrun answers the reads below the start that a checkpoint made durable. If
// it made none there was no room for it, and they learn that.
func (l *Log) settleOutrun(err error) {
	waiting := l.outrun
	l.outrun = nil
	for i, r := range waiting {
		switch {
		case l.closed:
			return
		case err != nil:
			r.done(nil, err)
		case r.offset < l.start:
			r.done(nil, wal.ErrOffsetOutOfRange)
		default:
			l.outrun = append(l.outrun, waiting[i])
		}
	}
	if len(l.outrun) > 0 {
		l.checkpoint.begin(l)
	}
}
