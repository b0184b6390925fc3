package journal

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/engine/env"
)

// A record belongs to one group:
//
//	0   1  kind             1   3  zero          4   4  entries in the payload
//	8   8  group            16  8  replica       24  8  index
//	32  8  term             40  8  vote          48  8  commit
//	56  4  payload bytes    60  4  payload sum   64  4  zero    68  4  header sum
//
// recordAppend: the group's hard state, and from index on the entries of the
// payload, which cut everything after them. recordCheckpoint: the machine's
// durable checkpoint {index, term, id in the place of vote}. recordRestart: the
// log is void, whatever stood in it, and goes on after index; the hard state is
// in its places, and the payload is the checkpoint's term and id, 8 bytes each.
// recordAdopt: the group goes on as another replica (replica is the new id) from
// the checkpoint {index, term, id in the place of vote}, commit is index; the log,
// the hard state and any fence before it are void. recordFence: the replica is
// fenced for good; the payload says why.
//
// An entry in the payload: term (uvarint), type (a byte), length (uvarint),
// data.
const recordHeaderBytes = 72

type recordKind uint8

const (
	recordAppend recordKind = iota + 1
	recordCheckpoint
	recordRestart
	recordAdopt
	recordFence
)

// restartBytes is the payload of a recordRestart.
const restartBytes = 16

// record is a decoded record. The payload aliases the bytes it was read from.
type record struct {
	kind    recordKind
	group   env.GroupID
	replica env.ReplicaID
	count   int
	index   uint64
	hs      HardState // recordAppend, recordRestart
	term    uint64    // of a checkpoint
	id      uint64    // of a checkpoint
	payload []byte
}

// checkpoint is the one that the record names.
func (r *record) checkpoint() checkpoint { return checkpoint{r.id, r.index, r.term} }

// last is the index of the record's last entry.
func (r *record) last() uint64 { return r.index + uint64(r.count) - 1 }

// appendRecord appends the record to b, which ends at the place at. The
// payload is entries or, if there is one, r.payload.
func appendRecord(b []byte, at place, r *record, entries []*raftpb.Entry) []byte {
	start := len(b)
	var header [recordHeaderBytes]byte
	b = append(b, header[:]...)
	count := r.count
	if r.payload != nil {
		b = append(b, r.payload...)
	} else {
		count = len(entries)
		for _, e := range entries {
			b = appendEntry(b, e)
		}
	}
	h, payload := b[start:start+recordHeaderBytes], b[start+recordHeaderBytes:]
	term, vote := r.hs.Term, uint64(r.hs.Vote)
	commit := r.hs.Commit
	switch r.kind {
	case recordCheckpoint:
		term, vote = r.term, r.id
	case recordAdopt:
		term, vote, commit = r.term, r.id, r.index
	case recordAppend, recordRestart, recordFence:
	}
	le := binary.LittleEndian
	h[0] = byte(r.kind)
	le.PutUint32(h[4:], uint32(count))
	le.PutUint64(h[8:], uint64(r.group))
	le.PutUint64(h[16:], uint64(r.replica))
	le.PutUint64(h[24:], r.index)
	le.PutUint64(h[32:], term)
	le.PutUint64(h[40:], vote)
	le.PutUint64(h[48:], commit)
	le.PutUint32(h[56:], uint32(len(payload)))
	le.PutUint32(h[60:], at.plus(recordHeaderBytes).sum(payload))
	le.PutUint32(h[68:], at.sum(h[:68]))
	return b
}

func appendEntry(b []byte, e *raftpb.Entry) []byte {
	b = binary.AppendUvarint(b, e.GetTerm())
	b = append(b, byte(e.GetType()))
	b = binary.AppendUvarint(b, uint64(len(e.GetData())))
	return append(b, e.GetData()...)
}

// entryBytes is what appendEntry takes.
func entryBytes(e *raftpb.Entry) int {
	n := len(e.GetData())
	return uvarintBytes(e.GetTerm()) + 1 + uvarintBytes(uint64(n)) + n
}

func uvarintBytes(v uint64) int { return (bits.Len64(v|1) + 6) / 7 }

// parseRecord decodes the record at the beginning of b, which stands at the
// place at. The record's length is recordHeaderBytes + len(payload).
func parseRecord(b []byte, at place) (record, error) {
	if len(b) < recordHeaderBytes {
		return record{}, errShort
	}
	le := binary.LittleEndian
	if at.sum(b[:68]) != le.Uint32(b[68:]) {
		return record{}, errChecksum
	}
	r := record{
		kind:    recordKind(b[0]),
		count:   int(le.Uint32(b[4:])),
		group:   env.GroupID(le.Uint64(b[8:])),
		replica: env.ReplicaID(le.Uint64(b[16:])),
		index:   le.Uint64(b[24:]),
	}
	switch r.kind {
	case recordAppend, recordRestart:
		r.hs = HardState{Term: le.Uint64(b[32:]), Vote: env.ReplicaID(le.Uint64(b[40:])), Commit: le.Uint64(b[48:])}
	case recordCheckpoint, recordAdopt:
		r.term, r.id = le.Uint64(b[32:]), le.Uint64(b[40:])
	case recordFence:
	default:
		return record{}, fmt.Errorf("%w: record kind %d", errShape, r.kind)
	}
	size := int64(le.Uint32(b[56:]))
	if size > int64(len(b)-recordHeaderBytes) {
		return record{}, errShort
	}
	r.payload = b[recordHeaderBytes : recordHeaderBytes+size]
	if at.plus(recordHeaderBytes).sum(r.payload) != le.Uint32(b[60:]) {
		return record{}, errChecksum
	}
	if r.kind == recordRestart && size == restartBytes {
		r.term, r.id = le.Uint64(r.payload), le.Uint64(r.payload[8:])
	}
	return r, r.check()
}

// check refuses records that no writer makes.
func (r *record) check() error {
	fits := r.count == 0
	switch r.kind {
	case recordAppend:
		return r.checkEntries()
	case recordRestart:
		fits = fits && len(r.payload) == restartBytes
	case recordFence:
		fits = fits && len(r.payload) <= maxReasonBytes
	case recordCheckpoint, recordAdopt:
		fits = fits && len(r.payload) == 0
	}
	if !fits {
		return fmt.Errorf("%w: record kind %d with %d entries and %d bytes of payload", errShape, r.kind, r.count, len(r.payload))
	}
	return nil
}

// checkEntries walks the payload once, so that whoever reads entries meets no
// error.
func (r *record) checkEntries() error {
	if r.count > 0 && (r.index == 0 || r.index > math.MaxUint64-uint64(r.count)) {
		return fmt.Errorf("%w: %d entries from index %d", errShape, r.count, r.index)
	}
	rest := r.payload
	for i := 0; i < r.count; i++ {
		var ok bool
		if _, rest, ok = cutEntry(rest); !ok {
			return fmt.Errorf("%w: entry %d of %d", errShape, i, r.count)
		}
	}
	if len(rest) != 0 {
		return fmt.Errorf("%w: %d bytes after the last entry", errShape, len(rest))
	}
	return nil
}

// entry is one decoded entry; data aliases the payload.
type entry struct {
	term uint64
	kind raftpb.EntryType
	data []byte
}

// cutEntry takes the first entry off a payload.
func cutEntry(b []byte) (e entry, rest []byte, ok bool) {
	term, n := binary.Uvarint(b)
	if n <= 0 || n >= len(b) {
		return e, nil, false
	}
	kind := b[n]
	b = b[n+1:]
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return e, nil, false
	}
	e = entry{term: term, kind: raftpb.EntryType(kind)}
	if size > 0 {
		e.data = b[n : n+int(size) : n+int(size)]
	}
	return e, b[n+int(size):], true
}

// each calls f for every entry of a checked record, in order, until f says no.
func (r *record) each(f func(index uint64, e entry) bool) {
	rest := r.payload
	for i := range r.count {
		e, next, ok := cutEntry(rest)
		if !ok || !f(r.index+uint64(i), e) {
			return
		}
		rest = next
	}
}
