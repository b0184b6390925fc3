package metadata

import (
	"cmp"
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
)

// seating is what placement decides on: the nodes that take replicas, by rack.
type seating struct {
	seats []seat // by node id
	racks []rack // by the first node of each
	own   int    // 1: what is placed is of the topic whose replicas count as here
}

// seat is one active node. The counts are of wishes.
type seat struct {
	node            env.NodeID
	rack            int
	here, all       int // replicas of this topic, of all topics
	leads, leadsAll int // those of them that are preferred leaders
	taken           bool
}

// rack is what fails together.
type rack struct {
	name      string
	seats     int
	here, all int // replicas, as of its seats
	used      int // seats taken
}

// seatingOf seats the active nodes.
func seatingOf(s *State) *seating {
	g := &seating{}
	for _, r := range s.nodes.all() {
		if r.node.State == Active {
			g.seats = append(g.seats, seat{node: r.node.ID, rack: g.rackOf(r.node.Rack), all: r.replicas, leadsAll: r.leaders})
		}
	}
	for i := range g.seats {
		k := &g.racks[g.seats[i].rack]
		k.seats++
		k.all += g.seats[i].all
	}
	return g
}

// seatTopic makes a topic, nil if it is new, the one whose replicas count as here.
func (g *seating) seatTopic(s *State, topic *Topic) {
	g.own = 1
	if topic == nil {
		return
	}
	for p := range s.Partitions(topic) {
		for i, n := range p.Wish {
			if at := g.find(n); at >= 0 {
				g.seats[at].here++
				g.racks[g.seats[at].rack].here++
				if i == 0 {
					g.seats[at].leads++
				}
			}
		}
	}
}

// rackOf finds a rack by its name, making it if it is new.
func (g *seating) rackOf(name string) int {
	at := slices.IndexFunc(g.racks, func(k rack) bool { return k.name == name })
	if at < 0 {
		at = len(g.racks)
		g.racks = append(g.racks, rack{name: name})
	}
	return at
}

// find gives the seat of a node, -1 if it has none.
func (g *seating) find(n env.NodeID) int {
	at, ok := slices.BinarySearchFunc(g.seats, n, func(s seat, n env.NodeID) int { return cmp.Compare(s.node, n) })
	if !ok {
		return -1
	}
	return at
}

// take gives a partition a replica on a seat.
func (g *seating) take(at int) {
	s := &g.seats[at]
	k := &g.racks[s.rack]
	s.taken = true
	s.here, s.all = s.here+g.own, s.all+1
	k.used, k.here, k.all = k.used+1, k.here+g.own, k.all+1
}

// sit marks a seat as taken by a replica that counts already.
func (g *seating) sit(at int) {
	g.seats[at].taken = true
	g.racks[g.seats[at].rack].used++
}

// leave takes away what a seat had of a replica.
func (g *seating) leave(at int) {
	s := &g.seats[at]
	k := &g.racks[s.rack]
	s.here, s.all, k.here, k.all = s.here-g.own, s.all-1, k.here-g.own, k.all-1
}

// rise ends the placing of one partition.
func (g *seating) rise() {
	for i := range g.seats {
		g.seats[i].taken = false
	}
	for i := range g.racks {
		g.racks[i].used = 0
	}
}

// pick finds the seat for a partition's next replica: in the rack with the
// fewest of the partition, then the least loaded for its size, the node with the
// fewest of the topic, then of all. -1: every seat is taken.
func (g *seating) pick() int {
	best := -1
	for i := range g.racks {
		if g.racks[i].used < g.racks[i].seats && (best < 0 || g.racks[i].before(&g.racks[best])) {
			best = i
		}
	}
	if best < 0 {
		return -1
	}
	at := -1
	for i := range g.seats {
		if s := &g.seats[i]; !s.taken && s.rack == best && (at < 0 || s.before(&g.seats[at])) {
			at = i
		}
	}
	return at
}

// before tells whether a is to be chosen before b; equal ones go by node id.
func (a *rack) before(b *rack) bool {
	return cmp.Or(
		cmp.Compare(a.used, b.used),
		cmp.Compare(a.here*b.seats, b.here*a.seats),
		cmp.Compare(a.all*b.seats, b.all*a.seats),
	) < 0
}

// before tells whether a is to be chosen before b; equal ones go by node id.
func (a *seat) before(b *seat) bool {
	return cmp.Or(cmp.Compare(a.here, b.here), cmp.Compare(a.all, b.all)) < 0
}

// lead chooses the preferred leader among replicas, the one that leads the least,
// counts it, and puts it first.
func (g *seating) lead(wish []env.NodeID) {
	best := -1
	for i, n := range wish {
		if best < 0 || g.seats[g.find(n)].leadsBefore(&g.seats[g.find(wish[best])]) {
			best = i
		}
	}
	wish[0], wish[best] = wish[best], wish[0]
	first := &g.seats[g.find(wish[0])]
	first.leads, first.leadsAll = first.leads+g.own, first.leadsAll+1
}

func (a *seat) leadsBefore(b *seat) bool {
	return cmp.Or(cmp.Compare(a.leads, b.leads), cmp.Compare(a.leadsAll, b.leadsAll), cmp.Compare(a.node, b.node)) < 0
}
