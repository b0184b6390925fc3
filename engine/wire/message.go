package wire

import (
	"encoding/binary"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/lockstep-log/lockstep/engine/env"
)

// Bits of a message's presence mask; bits 0 to scalars-1 are the scalars.
const (
	scalars     = 8
	rejectBit   = 1 << 8
	entriesBit  = 1 << 9
	snapshotBit = 1 << 10
	contextBit  = 1 << 11
	knownBits   = 1<<12 - 1
)

// leastMessageBytes is the smallest message: group, hint, type and mask.
const leastMessageBytes = 1 + 1 + 1 + 2

// mostMessageBytes is the largest, without entries, snapshot and context.
const mostMessageBytes = 2*binary.MaxVarintLen64 + 1 + 2 + scalars*binary.MaxVarintLen64

// block is a decoded message with room for what its fields point to.
type block struct {
	message raftpb.Message
	kind    raftpb.MessageType
	reject  bool
	scalars [scalars]uint64
}

// SizeHint is an upper bound of the bytes that m adds to a frame.
func SizeHint(m Message) int {
	if m.Own != nil {
		return m.Own.sizeHint()
	}
	n := mostMessageBytes
	if entries := m.Raft.GetEntries(); len(entries) > 0 {
		n += binary.MaxVarintLen64 + len(entries)*mostEntryBytes
		for _, e := range entries {
			n += len(e.GetData())
		}
	}
	if c := m.Raft.GetContext(); len(c) > 0 {
		n += binary.MaxVarintLen64 + len(c)
	}
	if s := m.Raft.GetSnapshot(); s != nil {
		n += mostSnapshotBytes(s)
	}
	return n
}

func appendMessage(dst []byte, m *Message) []byte {
	dst = binary.AppendUvarint(dst, uint64(m.Group))
	dst = binary.AppendUvarint(dst, m.RetainFrom)
	switch {
	case m.Own == nil:
		return appendRaft(dst, m.Raft)
	case m.Raft != nil:
		panic("wire: a message of raft's and of our own at once")
	default:
		return appendOwn(dst, m.Own)
	}
}

func appendRaft(dst []byte, raft *raftpb.Message) []byte {
	if !travels(raft.GetType()) {
		panic("wire: message type " + raft.GetType().String() + " does not leave a node")
	}
	if len(raft.GetResponses()) > 0 {
		panic("wire: responses are for storage threads and do not leave a node")
	}
	dst = append(dst, byte(raft.GetType()), 0, 0)
	maskAt := len(dst) - 2
	var mask uint16
	for i, v := range [scalars]uint64{
		raft.GetTo(), raft.GetFrom(), raft.GetTerm(), raft.GetLogTerm(),
		raft.GetIndex(), raft.GetCommit(), raft.GetVote(), raft.GetRejectHint(),
	} {
		if v != 0 {
			mask |= 1 << i
			dst = binary.AppendUvarint(dst, v)
		}
	}
	if raft.GetReject() {
		mask |= rejectBit
	}
	if entries := raft.GetEntries(); len(entries) > 0 {
		mask |= entriesBit
		dst = appendEntries(dst, entries, position{term: raft.GetLogTerm(), index: raft.GetIndex()})
	}
	if s := raft.GetSnapshot(); s != nil {
		mask |= snapshotBit
		dst = appendSnapshot(dst, s)
	}
	if c := raft.GetContext(); len(c) > 0 {
		mask |= contextBit
		dst = appendBytes(dst, c)
	}
	binary.LittleEndian.PutUint16(dst[maskAt:], mask)
	return dst
}

// appendBytes appends a length and the bytes.
func appendBytes(dst, p []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(p)))
	return append(dst, p...)
}

// message reads the next message into m, with k as the memory behind it.
func (r *reader) message(m *Message, k *block) {
	m.Group = env.GroupID(r.uvarint())
	m.RetainFrom = r.uvarint()
	kind := r.byte()
	if kind&ownBit != 0 {
		m.Own = r.own(kind)
		return
	}
	m.Raft = r.raft(kind, k)
}

// raft reads the rest of a raft message whose type byte was read.
func (r *reader) raft(kind byte, k *block) *raftpb.Message {
	k.kind = raftpb.MessageType(kind)
	mask := r.uint16()
	if r.bad == "" && !travels(k.kind) {
		r.fail("a type that does not travel")
	}
	if mask&^knownBits != 0 {
		r.fail("unknown fields")
	}
	r.scalars(mask, k)
	raft := &k.message
	raft.Type = &k.kind
	if mask&rejectBit != 0 {
		k.reject = true
		raft.Reject = &k.reject
	}
	if mask&entriesBit != 0 {
		raft.Entries = r.entries(position{term: raft.GetLogTerm(), index: raft.GetIndex()})
	}
	if mask&snapshotBit != 0 {
		raft.Snapshot = r.snapshot()
	}
	if mask&contextBit != 0 {
		raft.Context = r.present()
	}
	return raft
}

// scalars reads the fields that the mask announces; the others stay nil, which
// raft reads as zero.
func (r *reader) scalars(mask uint16, k *block) {
	raft := &k.message
	for i, field := range [scalars]**uint64{
		&raft.To, &raft.From, &raft.Term, &raft.LogTerm,
		&raft.Index, &raft.Commit, &raft.Vote, &raft.RejectHint,
	} {
		if mask&(1<<i) == 0 {
			continue
		}
		k.scalars[i] = r.uvarint()
		if k.scalars[i] == 0 {
			r.fail("a present field that is zero")
		}
		*field = &k.scalars[i]
	}
}
