package metadata

import (
	"slices"
)

// leveller moves replicas from nodes with many to nodes with few.
type leveller struct {
	*plan
	on   [][]*Partition // by seat: what may move away
	here map[share]int
	dead map[[2]int]bool // pairs of seats between which nothing can move
}

// share is how much of a topic a seat has.
type share struct {
	topic TopicID
	seat  int
}

// enough is the gain of a topic's own evenness at which the search ends.
const enough = 2

func (pl *plan) levelLoads() {
	if pl.room <= 0 {
		return
	}
	l := &leveller{plan: pl, on: make([][]*Partition, len(pl.g.seats)), here: map[share]int{}, dead: map[[2]int]bool{}}
	for _, p := range pl.s.groups.all() {
		may := pl.movable(p)
		for _, n := range p.Wish {
			at := pl.g.find(n)
			if at < 0 {
				continue
			}
			l.here[share{p.Topic, at}]++
			if may {
				l.on[at] = append(l.on[at], p)
			}
		}
	}
	for pl.room > 0 && l.shift() {
	}
}

// shift moves one replica from a node with many to one with at least 2 less,
// without having its partition stand in fewer racks. The pair that differs most
// goes first.
func (l *leveller) shift() bool {
	byLoad := make([]int, len(l.g.seats))
	for i := range byLoad {
		byLoad[i] = i
	}
	slices.SortStableFunc(byLoad, func(a, b int) int { return l.g.seats[b].all - l.g.seats[a].all })
	for _, from := range byLoad {
		for _, to := range slices.Backward(byLoad) {
			if l.g.seats[from].all-l.g.seats[to].all < 2 {
				break
			}
			if p := l.find(from, to); p != nil {
				l.move(p, from, to)
				return true
			}
		}
	}
	return false
}

// find finds the partition that may go from one seat to another: one whose topic
// becomes more even, or else less uneven than with any other.
func (l *leveller) find(from, to int) (best *Partition) {
	if l.dead[[2]int{from, to}] {
		return nil
	}
	src, dst := l.g.seats[from].node, l.g.seats[to].node
	most := 0
	for _, p := range l.on[from] {
		if l.moved[p.Group] || slices.Contains(p.Wish, dst) {
			continue
		}
		gain := l.here[share{p.Topic, from}] - l.here[share{p.Topic, to}]
		if best != nil && gain <= most {
			continue
		}
		wish := slices.Clone(p.Wish)
		wish[slices.Index(wish, src)] = dst
		if l.g.crowding(wish) > l.g.crowding(p.Wish) {
			continue
		}
		if best, most = p, gain; gain >= enough {
			break
		}
	}
	// What has moved does not move again, and the rest is as it was.
	l.dead[[2]int{from, to}] = best == nil
	return best
}

func (l *leveller) move(p *Partition, from, to int) {
	l.here[share{p.Topic, from}]--
	l.here[share{p.Topic, to}]++
	wish := slices.Clone(p.Wish)
	wish[slices.Index(wish, l.g.seats[from].node)] = l.g.seats[to].node
	l.g.shift(from, to)
	l.add(p, wish)
}
