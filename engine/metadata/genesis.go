package metadata

import (
	"github.com/lockstep-log/lockstep/engine/env"
)

// Genesis is what a cluster begins with. Equal ones make equal states, so each
// node can make its own when it is formatted.
type Genesis struct {
	Cluster uint64 // the cluster's id, not 0
	// Nodes are announced: they are Joining until they register themselves. Only
	// id, address and rack count.
	Nodes []Node
	// Defaults are settings of topics that do not set them. Others have the values
	// of BuiltinDefaults.
	Defaults []Setting
	// MaxMessageBytes bounds the setting of that name. 0: 1 GiB. It should be what
	// every node's journal takes.
	MaxMessageBytes int64
}

// BuiltinDefaults are the settings of a cluster whose Genesis names none: Kafka's
// smallest in-sync set of 1, retention for ever, segments of 64 MiB, batches of
// 1 MiB, and 10 s of lag.
func BuiltinDefaults() Configs { return builtinConfigs() }

// New makes the state of a new cluster. An error is an *Error.
func New(g Genesis) (*State, error) {
	limit := g.MaxMessageBytes
	if limit == 0 {
		limit = maxBytes
	}
	switch {
	case g.Cluster == 0:
		return nil, reject(InvalidRequest, "the cluster id is 0: choose another")
	case limit < minBatchBytes || limit > maxBytes:
		return nil, reject(InvalidConfig, "the cluster's bound on batches is %d: give %d to %d bytes", limit, minBatchBytes, maxBytes)
	}
	if bad := checkSettings(g.Defaults, nil, limit); bad != nil {
		return nil, bad
	}
	s := &State{
		cluster: g.Cluster, maxMessage: limit, defaults: builtinConfigs().with(g.Defaults, nil),
		nextGroup: firstGroup, nextTopic: 1, nextProducer: 1,
	}
	s.defaults.values[MaxMessageBytes] = min(s.defaults.values[MaxMessageBytes], limit)
	t := &turn{State: *s, edit: new(edit)}
	seen := map[env.NodeID]bool{}
	for _, n := range g.Nodes {
		if seen[n.ID] {
			return nil, reject(InvalidRequest, "node %d is listed twice: list it once", n.ID)
		}
		seen[n.ID] = true
		if _, bad := (RegisterNode{Node: n.ID, Address: n.Address, Rack: n.Rack}).apply(t); bad != nil {
			return nil, bad
		}
	}
	next := t.State
	return &next, nil
}
