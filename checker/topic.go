package checker

import "slices"

// unknownTopic is the protocol's error code for a partition that does not exist.
const unknownTopic = 3

// Hosted is what a node says, at one moment, that it holds: whole or not, every
// partition that was placed on it.
type Hosted struct {
	AtNs   int64
	Node   uint64
	Groups []uint64
}

// ObserveHosted judges a node that serves: metadata that it could not read must
// not pass for there being none. Groups is not kept.
func (m *Monitor) ObserveHosted(h Hosted) {
	for _, r := range m.node(h.Node).replicas {
		g := r.group
		if !slices.ContainsFunc(g.Members, func(v Member) bool { return v.Replica == r.id && v.Node == h.Node }) {
			continue
		}
		m.checked[oTopicExists]++
		if !slices.Contains(h.Groups, g.ID) {
			m.fail(oTopicExists, h.AtNs, 0, "node %d serves and knows nothing of group %d, whose replica %d was placed on it", h.Node, g.ID, r.id)
		}
	}
}

// exists judges what clients were told: whatever they asked for has an agreed log.
func (j *judge) exists(h *History) {
	for i := range h.Ops {
		o := &h.Ops[i]
		j.checked[oTopicExists]++
		if o.Code == unknownTopic {
			j.object(oTopicExists, o, "%s/%d: %v %d of client %d was told that there is no such partition", o.Topic, o.Partition, o.Kind, o.Seq, o.Client)
		}
	}
}
