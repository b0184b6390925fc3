package metadata

import (
	"cmp"
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
)

// plan is a set of moves in the making.
type plan struct {
	s     *State
	g     *seating // with what the moves change
	room  int      // further partitions that may begin to move
	moves []Move
	moved map[env.GroupID]bool
}

func newPlan(s *State, limit int) *plan {
	return &plan{s: s, g: seatingOf(s), room: limit - s.MovingCount(), moved: map[env.GroupID]bool{}}
}

func (pl *plan) add(p *Partition, wish []env.NodeID) {
	pl.moves = append(pl.moves, Move{Group: p.Group, Nodes: wish, Replaces: p.WishVersion})
	pl.moved[p.Group] = true
	if !p.Moving() && !sameNodes(p.Wish, wish) {
		pl.room--
	}
}

// reassign gives the plan as a command, nil if it is empty.
func (pl *plan) reassign() *Reassign {
	if len(pl.moves) == 0 {
		return nil
	}
	slices.SortFunc(pl.moves, func(a, b Move) int { return cmp.Compare(a.Group, b.Group) })
	return &Reassign{Moves: pl.moves[:min(len(pl.moves), MaxMoves)]}
}

// Stuck is a partition that cannot leave a node.
type Stuck struct {
	Partition *Partition
	Why       string
}

// Evacuate plans the next step of moving replicas off nodes that drain or are
// gone, so that at most limit partitions move at a time, those that do already
// included. Only wishes that name such a node change, and only there. nil:
// nothing can be done now; those that never can be are listed as stuck.
func (s *State) Evacuate(limit int) (*Reassign, []Stuck) {
	var stuck []Stuck
	pl := newPlan(s, limit)
	for _, g := range s.leaving() {
		p := s.Partition(g)
		if p.Unreplicated {
			stuck = append(stuck, Stuck{p, "it is unreplicated and cannot move: delete the topic"})
			continue
		}
		if !p.Moving() && pl.room <= 0 {
			continue
		}
		if wish := pl.g.replace(p.Wish); wish == nil {
			stuck = append(stuck, Stuck{p, "too few nodes are active for its replicas: add nodes, or reassign it to fewer"})
		} else {
			pl.add(p, wish)
		}
	}
	return pl.reassign(), stuck
}

// leaving lists the groups of live topics whose wish names a node that drains or
// is gone.
func (s *State) leaving() (groups []env.GroupID) {
	for _, r := range s.nodes.all() {
		if r.node.State != Draining && r.node.State != Gone || r.replicas == 0 {
			continue
		}
		for p := range s.GroupsOn(r.node.ID) {
			if slices.Contains(p.Wish, r.node.ID) && !s.TopicByID(p.Topic).Deleting {
				groups = append(groups, p.Group)
			}
		}
	}
	slices.Sort(groups)
	return slices.Compact(groups)
}

// replace gives a wish with other nodes in place of those that have no seat; nil
// if there are not enough. Where the preferred leader had none, the replica that
// leads least takes over.
func (g *seating) replace(was []env.NodeID) []env.NodeID {
	defer g.rise()
	wish := slices.Clone(was)
	for _, n := range was {
		if at := g.find(n); at >= 0 {
			g.sit(at)
		}
	}
	var fresh []int
	for i, n := range was {
		if g.find(n) >= 0 {
			continue
		}
		at := g.pick()
		if at < 0 {
			for _, at := range fresh {
				g.leave(at)
			}
			return nil
		}
		g.take(at)
		fresh = append(fresh, at)
		wish[i] = g.seats[at].node
	}
	if g.find(was[0]) < 0 {
		g.lead(wish)
	}
	return wish
}

// Rebalance plans the next step of spreading replicas evenly over the active
// nodes, as after one was added, so that at most limit partitions move at a time,
// those that do already included: first what stands in too few racks, then from
// nodes with many replicas to those with at least 2 less; then, when nothing
// moves, the preferred leaders. It leaves alone what moves and what Evacuate is
// for. nil: there is nothing to do, or no room to do it.
func (s *State) Rebalance(limit int) *Reassign {
	pl := newPlan(s, limit)
	pl.spreadRacks()
	pl.levelLoads()
	if len(pl.moves) == 0 && s.MovingCount() == 0 {
		pl.levelLeaders(limit)
	}
	return pl.reassign()
}

// movable tells whether a partition may be moved: it has a seat for each replica,
// moves neither now nor in the plan, and lives.
func (pl *plan) movable(p *Partition) bool {
	if p.Unreplicated || p.Moving() || pl.moved[p.Group] || pl.s.TopicByID(p.Topic).Deleting {
		return false
	}
	for _, n := range p.Wish {
		if pl.g.find(n) < 0 {
			return false
		}
	}
	return true
}

// crowding counts the pairs of replicas that share a rack.
func (g *seating) crowding(wish []env.NodeID) (pairs int) {
	for i, a := range wish {
		for _, b := range wish[:i] {
			if g.seats[g.find(a)].rack == g.seats[g.find(b)].rack {
				pairs++
			}
		}
	}
	return pairs
}

// leastCrowding is the crowding of the widest spread of factor replicas.
func (g *seating) leastCrowding(factor int) (pairs int) {
	used := make([]int, len(g.racks))
	for range factor {
		best := -1
		for i := range used {
			if used[i] < g.racks[i].seats && (best < 0 || used[i] < used[best]) {
				best = i
			}
		}
		if best < 0 {
			return pairs
		}
		pairs += used[best]
		used[best]++
	}
	return pairs
}

// spreadRacks moves one replica each of partitions that could stand in more
// racks.
func (pl *plan) spreadRacks() {
	least := make([]int, MaxFactor+1)
	for factor := range least {
		least[factor] = pl.g.leastCrowding(factor)
	}
	for _, p := range pl.s.groups.all() {
		if pl.room <= 0 {
			return
		}
		if pl.movable(p) && pl.g.crowding(p.Wish) > least[len(p.Wish)] {
			if wish := pl.g.uncrowd(p.Wish); wish != nil {
				pl.add(p, wish)
			}
		}
	}
}

// uncrowd moves the replica whose move brings the widest spread; of those, from
// the most loaded node to the least loaded. nil: no move widens it.
func (g *seating) uncrowd(was []env.NodeID) []env.NodeID {
	var best []env.NodeID
	crowd, load := g.crowding(was), 0
	from, to := -1, -1
	for i, n := range was {
		for at := range g.seats {
			if slices.Contains(was, g.seats[at].node) {
				continue
			}
			wish := slices.Clone(was)
			wish[i] = g.seats[at].node
			c, l := g.crowding(wish), g.seats[at].all-g.seats[g.find(n)].all
			if c < crowd || c == crowd && best != nil && l < load {
				best, crowd, load, from, to = wish, c, l, g.find(n), at
			}
		}
	}
	if best != nil {
		g.shift(from, to)
	}
	return best
}

// shift moves the count of one replica.
func (g *seating) shift(from, to int) {
	g.leave(from)
	g.take(to)
	g.rise()
}

// levelLeaders changes who the preferred leader is of at most limit partitions.
func (pl *plan) levelLeaders(limit int) {
	var parts []*Partition
	var wishes [][]env.NodeID
	leads := make(map[env.NodeID]int, len(pl.g.seats))
	for _, at := range pl.g.seats {
		leads[at.node] = at.leadsAll
	}
	for _, p := range pl.s.groups.all() {
		if pl.movable(p) {
			parts, wishes = append(parts, p), append(wishes, slices.Clone(p.Wish))
		}
	}
	evenLeaders(wishes, leads, limit)
	for i, p := range parts {
		if !slices.Equal(p.Wish, wishes[i]) {
			pl.add(p, wishes[i])
		}
	}
}
