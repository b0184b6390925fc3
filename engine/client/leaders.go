package client

import "github.com/lockstep-log/lockstep/engine/env"

// partitionKey names a partition.
type partitionKey struct {
	topic     string
	partition int32
}

// leader is what is known of a partition's leader. One in doubt did not answer
// its last attempt or denied that it leads: only a newer epoch, or its own
// service, rehabilitates it.
type leader struct {
	node  env.NodeID
	epoch int32
	doubt bool
}

// leaders is a bounded memory of partition leaders; the partition learned first
// is forgotten first.
type leaders struct {
	known map[partitionKey]leader
	order []partitionKey // the keys in known; once full a ring, oldest at next
	next  int
	limit int
}

func newLeaders(limit int) leaders {
	return leaders{known: make(map[partitionKey]leader), limit: limit}
}

// of gives the node to ask for a partition, or zero.
func (l *leaders) of(key partitionKey) env.NodeID {
	if at := l.known[key]; !at.doubt {
		return at.node
	}
	return 0
}

// hint takes another's word on who leads. It reports whether that is news worth
// acting on at once. Only a growing epoch counts (as in KIP-951): an equal one
// can mean no other leader, a lower one is stale.
func (l *leaders) hint(key partitionKey, node env.NodeID, epoch int32) bool {
	if old, have := l.known[key]; node == 0 || have && epoch <= old.epoch {
		return false
	}
	l.put(key, leader{node: node, epoch: epoch})
	return true
}

// serves notes that the node answered as a leader does.
func (l *leaders) serves(key partitionKey, node env.NodeID, epoch int32) {
	l.put(key, leader{node: node, epoch: max(epoch, l.known[key].epoch)})
}

// doubts notes that the node did not answer, or denies that it leads.
func (l *leaders) doubts(key partitionKey, node env.NodeID) {
	if at, have := l.known[key]; have && at.node == node {
		at.doubt = true
		l.known[key] = at
	}
}

func (l *leaders) put(key partitionKey, to leader) {
	if _, have := l.known[key]; !have {
		if len(l.order) < l.limit {
			l.order = append(l.order, key)
		} else {
			delete(l.known, l.order[l.next])
			l.order[l.next] = key
			l.next = (l.next + 1) % l.limit
		}
	}
	l.known[key] = to
}
