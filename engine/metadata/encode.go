package metadata

import (
	"encoding/binary"

	"github.com/lockstep-log/lockstep/engine/env"
)

// stateVersion is the version of an encoded State.
const stateVersion = 1

// Flags of an encoded topic.
const (
	topicDeleting     = 1 << 0
	topicUnreplicated = 1 << 1
)

// Flags of an encoded partition. Lists without their flag are empty.
const (
	partitionThere   = 1 << 0 // else it is gone, and nothing follows
	partitionMoving  = 1 << 1
	partitionTried   = 1 << 2
	partitionDropped = 1 << 3
	partitionFlags   = partitionThere | partitionMoving | partitionTried | partitionDropped
)

// Append encodes the state. Equal states have equal bytes.
func (s *State) Append(dst []byte) []byte {
	dst = append(dst, stateVersion)
	for _, v := range [...]uint64{
		s.cluster, s.version, uint64(s.maxMessage),
		uint64(s.nextGroup), uint64(s.nextTopic), s.nextProducer,
	} {
		dst = binary.AppendUvarint(dst, v)
	}
	dst = appendSettings(dst, s.defaults.List())
	dst = binary.AppendUvarint(dst, uint64(s.nodes.size))
	for _, r := range s.nodes.all() {
		dst = appendNode(dst, r.node)
	}
	dst = binary.AppendUvarint(dst, uint64(s.topics.size))
	for _, t := range s.topics.all() {
		dst = s.appendTopic(dst, t)
	}
	return dst
}

func appendNode(dst []byte, n Node) []byte {
	dst = append(binary.AppendUvarint(dst, uint64(n.ID)), byte(n.State))
	dst = appendText(appendText(dst, n.Address), n.Rack)
	return binary.AppendUvarint(binary.AppendUvarint(dst, n.Disk), n.Incarnation)
}

func (s *State) appendTopic(dst []byte, t *Topic) []byte {
	dst = appendText(binary.AppendUvarint(dst, uint64(t.ID)), t.Name)
	flags := byte(0)
	if t.Deleting {
		flags |= topicDeleting
	}
	if t.Unreplicated {
		flags |= topicUnreplicated
	}
	dst = append(dst, flags)
	dst = binary.AppendUvarint(binary.AppendUvarint(dst, t.Created), uint64(t.Factor))
	dst = appendSettings(dst, t.Configs.List())
	dst = binary.AppendUvarint(dst, t.ConfigVersion)
	dst = binary.AppendUvarint(dst, uint64(len(t.runs)))
	for _, r := range t.runs {
		dst = binary.AppendUvarint(binary.AppendUvarint(dst, uint64(r.first)), uint64(r.count))
	}
	for _, g := range t.numbered {
		dst = appendPartition(dst, s.Partition(g))
	}
	return dst
}

// appendPartition encodes a partition; nil is one that is gone.
func appendPartition(dst []byte, p *Partition) []byte {
	if p == nil {
		return append(dst, 0)
	}
	flags := byte(partitionThere)
	for _, f := range [...]struct {
		flag  byte
		nodes []env.NodeID
	}{{partitionMoving, p.Before}, {partitionTried, p.Tried}, {partitionDropped, p.Dropped}} {
		if len(f.nodes) > 0 {
			flags |= f.flag
		}
	}
	dst = append(dst, flags)
	dst = binary.AppendUvarint(dst, uint64(len(p.Genesis)))
	for _, o := range p.Genesis {
		dst = binary.AppendUvarint(binary.AppendUvarint(dst, uint64(o.Node)), uint64(o.Replica))
		dst = binary.LittleEndian.AppendUint64(dst, o.Disk)
	}
	dst = appendNodes(dst, p.Wish)
	dst = binary.AppendUvarint(binary.AppendUvarint(dst, p.WishVersion), p.Settled)
	for _, nodes := range [...][]env.NodeID{p.Before, p.Tried, p.Dropped} {
		if len(nodes) > 0 {
			dst = appendNodes(dst, nodes)
		}
	}
	return dst
}
