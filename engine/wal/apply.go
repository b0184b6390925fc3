package wal

import (
	"fmt"
	"hash/crc32"
	"math"

	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/record"
)

// Apply applies one committed entry. It never waits: the bytes go to memory,
// and from there to the disk when a write buffer is full.
func (l *Log) Apply(e machine.Entry) machine.Result {
	if !l.opened {
		panic("wal: Apply before Open")
	}
	if e.Index <= l.state.index {
		panic(fmt.Sprintf("wal: entry %d applied again, applied index is %d", e.Index, l.state.index))
	}
	l.state.index, l.state.term = e.Index, e.Term
	offset, err := l.execute(e)
	return machine.Result{Offset: offset, Err: err}
}

// execute runs an entry's command. The offset is that of its first record; of a
// trim, the log's start; else -1.
func (l *Log) execute(e machine.Entry) (offset int64, err error) {
	if len(e.Data) == 0 {
		return -1, nil
	}
	switch kind := e.Data[0]; {
	case kind == kindBatch:
		return l.appendBatch(e.Data[1:], e.Term)
	case kind == kindSettings:
		s, err := parseSettingsCommand(e.Data[1:])
		if err == nil {
			l.state.settings = s
		}
		return -1, err
	case kind == kindTrim:
		at, err := parseTrimCommand(e.Data[1:])
		if err != nil {
			return -1, err
		}
		return l.trim(at), nil
	case kind >= firstForeignKind:
		return -1, nil
	default:
		return -1, fmt.Errorf("%w: kind %d", ErrUnknownCommand, kind)
	}
}

// appendBatch stamps a batch and appends it to the active segment. Everything
// it decides on is replicated, so all replicas decide the same.
func (l *Log) appendBatch(batch []byte, term uint64) (int64, error) {
	h, err := record.Validate(batch, int(l.state.settings.MaxBatchBytes))
	if err != nil {
		return -1, err
	}
	return l.appendValid(batch, &h, term)
}

// appendValid is appendBatch for a batch that was validated.
func (l *Log) appendValid(batch []byte, h *record.Header, term uint64) (int64, error) {
	base := l.state.end
	if term > math.MaxInt32 || base > math.MaxInt64-int64(h.Count) {
		return -1, fmt.Errorf("%w: %d records at offset %d in term %d", ErrLogFull, h.Count, base, term)
	}
	next := base + int64(h.Count)
	s := l.active()
	if s == nil || l.sealed || s.Bytes+int64(len(batch)) > l.state.settings.SegmentBytes {
		s = l.roll()
	}
	if !l.tail.fits(len(batch)) {
		l.flush()
		l.tail.grow(len(batch), base)
	}
	stamped := l.tail.add(batch, base, next, int32(term))

	s.index.add(base, s.Bytes, s.Interval)
	s.Sum = crc32.Update(s.Sum, castagnoli, stamped)
	s.Bytes += int64(len(stamped))
	s.End = next
	s.MaxTime = max(s.MaxTime, h.MaxTimestamp)
	s.verified = false
	l.state.enter(term)
	l.state.chain = extendChain(l.state.chain, stamped[:record.HeaderBytes])
	l.state.end = next
	return base, nil
}
