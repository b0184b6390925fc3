package wire

import (
	"encoding/binary"

	"go.etcd.io/raft/v3/raftpb"
)

// Flags of a snapshot.
const (
	snapshotDataBit      = 0x01
	snapshotMetadataBit  = 0x02
	snapshotConfBit      = 0x04 // only with metadata
	snapshotAutoLeaveBit = 0x08 // only with a configuration
	snapshotKnown        = 0x0f
)

// confLists are the lists of replicas in a configuration.
const confLists = 4

func mostSnapshotBytes(s *raftpb.Snapshot) int {
	n := 1 + binary.MaxVarintLen64 + len(s.GetData()) + 2*binary.MaxVarintLen64
	for _, list := range listsOf(s.GetMetadata().GetConfState()) {
		n += (1 + len(list)) * binary.MaxVarintLen64
	}
	return n
}

func listsOf(c *raftpb.ConfState) [confLists][]uint64 {
	return [confLists][]uint64{c.GetVoters(), c.GetLearners(), c.GetVotersOutgoing(), c.GetLearnersNext()}
}

func appendSnapshot(dst []byte, s *raftpb.Snapshot) []byte {
	meta := s.GetMetadata()
	conf := meta.GetConfState()
	flags := byte(0)
	if len(s.GetData()) > 0 {
		flags |= snapshotDataBit
	}
	if meta != nil {
		flags |= snapshotMetadataBit
	}
	if conf != nil {
		flags |= snapshotConfBit
	}
	if conf.GetAutoLeave() {
		flags |= snapshotAutoLeaveBit
	}
	dst = append(dst, flags)
	if flags&snapshotDataBit != 0 {
		dst = appendBytes(dst, s.GetData())
	}
	if meta != nil {
		dst = binary.AppendUvarint(dst, meta.GetIndex())
		dst = binary.AppendUvarint(dst, meta.GetTerm())
	}
	if conf != nil {
		for _, list := range listsOf(conf) {
			dst = binary.AppendUvarint(dst, uint64(len(list)))
			for _, id := range list {
				dst = binary.AppendUvarint(dst, id)
			}
		}
	}
	return dst
}

func (r *reader) snapshot() *raftpb.Snapshot {
	flags := r.byte()
	if flags&^snapshotKnown != 0 ||
		flags&snapshotConfBit != 0 && flags&snapshotMetadataBit == 0 ||
		flags&snapshotAutoLeaveBit != 0 && flags&snapshotConfBit == 0 {
		r.fail("impossible snapshot flags")
		return nil
	}
	s := &raftpb.Snapshot{}
	if flags&snapshotDataBit != 0 {
		s.Data = r.present()
	}
	if flags&snapshotMetadataBit != 0 {
		s.Metadata = &raftpb.SnapshotMetadata{Index: new(r.uvarint()), Term: new(r.uvarint())}
	}
	if flags&snapshotConfBit != 0 {
		s.Metadata.ConfState = r.confState(flags&snapshotAutoLeaveBit != 0)
	}
	return s
}

func (r *reader) confState(autoLeave bool) *raftpb.ConfState {
	c := &raftpb.ConfState{AutoLeave: new(autoLeave)}
	for _, list := range [confLists]*[]uint64{&c.Voters, &c.Learners, &c.VotersOutgoing, &c.LearnersNext} {
		for range r.count(1) {
			*list = append(*list, r.uvarint())
		}
	}
	return c
}
