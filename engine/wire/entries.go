package wire

import (
	"encoding/binary"

	"go.etcd.io/raft/v3/raftpb"
)

// Flags of an entry.
const (
	entryTypeMask = 0x03
	entryTermBit  = 0x04
	entryIndexBit = 0x08
	entryKnown    = 0x0f
)

// leastEntryBytes is the smallest entry: flags and the length of no data.
const leastEntryBytes = 2

// mostEntryBytes is the largest, without its data.
const mostEntryBytes = 1 + 3*binary.MaxVarintLen64

// position is where an entry stands; the next one follows on it.
type position struct{ term, index uint64 }

// entryBlock is a decoded entry with room for what its fields point to.
type entryBlock struct {
	entry raftpb.Entry
	kind  raftpb.EntryType
	at    position
}

func appendEntries(dst []byte, entries []*raftpb.Entry, previous position) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(entries)))
	for _, e := range entries {
		flags := byte(e.GetType())
		if flags > byte(raftpb.EntryConfChangeV2) {
			panic("wire: unknown entry type " + e.GetType().String())
		}
		at := position{term: e.GetTerm(), index: e.GetIndex()}
		if at.term != previous.term {
			flags |= entryTermBit
		}
		if at.index != previous.index+1 {
			flags |= entryIndexBit
		}
		dst = append(dst, flags)
		if flags&entryTermBit != 0 {
			dst = binary.AppendUvarint(dst, at.term)
		}
		if flags&entryIndexBit != 0 {
			dst = binary.AppendUvarint(dst, at.index)
		}
		dst = appendBytes(dst, e.GetData())
		previous = at
	}
	return dst
}

func (r *reader) entries(previous position) []*raftpb.Entry {
	n := r.count(leastEntryBytes)
	if n == 0 {
		r.fail("a present list that is empty")
		return nil
	}
	blocks := make([]entryBlock, n)
	entries := make([]*raftpb.Entry, n)
	for i := range blocks {
		previous = r.entry(&blocks[i], previous)
		entries[i] = &blocks[i].entry
		if r.bad != "" {
			return nil
		}
	}
	return entries
}

func (r *reader) entry(k *entryBlock, previous position) position {
	flags := r.byte()
	k.kind = raftpb.EntryType(flags & entryTypeMask)
	if flags&^entryKnown != 0 || k.kind > raftpb.EntryConfChangeV2 {
		r.fail("unknown kind of entry")
	}
	k.at = position{term: previous.term, index: previous.index + 1}
	if flags&entryTermBit != 0 {
		k.at.term = r.uvarint()
		if k.at.term == previous.term {
			r.fail("an entry's term that goes without saying")
		}
	}
	if flags&entryIndexBit != 0 {
		k.at.index = r.uvarint()
		if k.at.index == previous.index+1 {
			r.fail("an entry's index that goes without saying")
		}
	}
	k.entry.Type, k.entry.Term, k.entry.Index = &k.kind, &k.at.term, &k.at.index
	k.entry.Data = r.bytes()
	return k.at
}
