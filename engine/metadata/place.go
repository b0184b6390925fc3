package metadata

import (
	"maps"
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
)

// place decides where the replicas of new partitions go, the preferred leader
// first: the topic's own, nil if it is new, are spread evenly, racks first, and
// the remainder goes where there is least. Equal states decide the same.
func (s *State) place(name string, topic *Topic, partitions, factor int) ([][]env.NodeID, *Error) {
	g := seatingOf(s)
	g.seatTopic(s, topic)
	if len(g.seats) < factor {
		return nil, reject(InvalidReplicationFactor, "topic %s: %d replicas a partition, but only %d nodes are active: add nodes, or lower the replication factor", name, factor, len(g.seats))
	}
	wishes := make([][]env.NodeID, partitions)
	for i := range wishes {
		wish := make([]env.NodeID, factor)
		for j := range wish {
			at := g.pick()
			g.take(at)
			wish[j] = g.seats[at].node
		}
		g.rise()
		g.lead(wish)
		wishes[i] = wish
	}
	leads := make(map[env.NodeID]int, len(g.seats))
	for _, at := range g.seats {
		leads[at.node] = at.leads
	}
	evenLeaders(wishes, leads, partitions)
	return wishes, nil
}

// evenLeaders has other replicas go first in at most limit of the wishes, until
// no way is left that makes the preferred leaders more even. leads is how often
// each node leads, in these wishes and elsewhere; it keeps up.
func evenLeaders(wishes [][]env.NodeID, leads map[env.NodeID]int, limit int) {
	nodes := slices.Sorted(maps.Keys(leads))
	for {
		led := make(map[env.NodeID][]int, len(nodes))
		for i, wish := range wishes {
			led[wish[0]] = append(led[wish[0]], i)
		}
		slices.SortStableFunc(nodes, func(a, b env.NodeID) int { return leads[b] - leads[a] })
		chain := someChain(nodes, wishes, led, leads)
		if len(chain) == 0 || len(chain) > limit {
			return
		}
		limit -= len(chain)
		for _, h := range chain {
			wish := wishes[h.wish]
			at := slices.Index(wish, h.to)
			leads[wish[0]]--
			leads[h.to]++
			wish[0], wish[at] = wish[at], wish[0]
		}
	}
}

// hop is a wish whose leadership goes to another of its replicas.
type hop struct {
	wish int
	to   env.NodeID
}

// someChain finds the first chain from a node that leads often.
func someChain(nodes []env.NodeID, wishes [][]env.NodeID, led map[env.NodeID][]int, leads map[env.NodeID]int) []hop {
	for _, from := range nodes {
		if leads[from]-leads[nodes[len(nodes)-1]] < 2 {
			return nil
		}
		if chain := chainFrom(from, wishes, led, leads); chain != nil {
			return chain
		}
	}
	return nil
}

// chainFrom finds the shortest chain of hops by which a node gives leadership to
// one that leads at least 2 less: those between lead as often as before.
func chainFrom(from env.NodeID, wishes [][]env.NodeID, led map[env.NodeID][]int, leads map[env.NodeID]int) []hop {
	type step struct {
		by   env.NodeID
		wish int
	}
	came := map[env.NodeID]step{from: {}}
	queue := []env.NodeID{from}
	for len(queue) > 0 {
		u := queue[0]
		queue = queue[1:]
		for _, i := range led[u] {
			for _, v := range wishes[i][1:] {
				if _, seen := came[v]; seen {
					continue
				}
				came[v] = step{u, i}
				if leads[v] > leads[from]-2 {
					queue = append(queue, v)
					continue
				}
				var chain []hop
				for ; v != from; v = came[v].by {
					chain = append(chain, hop{came[v].wish, v})
				}
				return chain
			}
		}
	}
	return nil
}
