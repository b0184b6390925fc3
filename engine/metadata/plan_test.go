package metadata_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/metadata"
)

// wishes copies where everything should be.
func (c *cluster) wishes() map[env.GroupID][]env.NodeID {
	out := map[env.GroupID][]env.NodeID{}
	for t := range c.Topics() {
		for p := range c.Partitions(t) {
			out[p.Group] = p.Wish
		}
	}
	return out
}

func (c *cluster) drawTopics(t *rapid.T, nodes int) {
	for i := range rapid.IntRange(1, 3).Draw(t, "topics") {
		c.do(metadata.CreateTopic{Name: string(rune('a' + i)), Partitions: rapid.Int32Range(1, 12).Draw(t, "partitions"), Factor: rapid.Int32Range(1, int32(min(3, nodes))).Draw(t, "factor")})
	}
}

// A drain moves what is on the node, nothing else, never more than the limit at
// a time, and ends with a node that can be removed.
func TestDrainMovesWhatItMust(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		racks := drawRacks(t)
		c := clusterOf(t, racks)
		c.drawTopics(t, len(racks)-1)
		node := env.NodeID(rapid.IntRange(1, len(racks)).Draw(t, "node"))
		limit := rapid.IntRange(1, 5).Draw(t, "limit")
		start := c.wishes()
		forced := rapid.Bool().Draw(t, "lost")
		if forced {
			c.do(metadata.RemoveNode{Node: node, Force: true})
		} else {
			c.do(metadata.DrainNode{Node: node})
		}
		for round := 0; c.Load(node).Held > 0; round++ {
			moves, stuck := c.Evacuate(limit)
			if moves == nil || len(stuck) > 0 || round > 100 {
				t.Fatalf("round %d: %d held, %+v, stuck %+v", round, c.Load(node).Held, moves, stuck)
			}
			c.do(*moves)
			if c.MovingCount() > limit {
				t.Fatalf("%d move, the limit is %d", c.MovingCount(), limit)
			}
			c.settle()
		}
		for g, was := range start {
			p := c.Partition(g)
			if !slices.Contains(was, node) {
				if !slices.Equal(p.Wish, was) {
					t.Fatalf("group %d moved from %v to %v for nothing", g, was, p.Wish)
				}
				continue
			}
			c.checkSpreadIf(was, p)
			if was[0] != node && !slices.Equal(p.Wish[:slices.Index(was, node)], was[:slices.Index(was, node)]) {
				t.Fatalf("group %d: the order went from %v to %v", g, was, p.Wish)
			}
			for _, n := range was {
				if n != node && !slices.Contains(p.Wish, n) {
					t.Fatalf("group %d moved from %v to %v: node %d could have stayed", g, was, p.Wish, n)
				}
			}
		}
		if moves, stuck := c.Evacuate(limit); moves != nil || stuck != nil {
			t.Fatalf("still %v, %v", moves, stuck)
		}
		c.do(metadata.RemoveNode{Node: node})
	})
}

// checkSpreadIf: one replica was replaced; its rack is the best there is.
func (c *cluster) checkSpreadIf(was []env.NodeID, p *metadata.Partition) {
	c.t.Helper()
	fresh := env.NodeID(0)
	for _, n := range p.Wish {
		if !slices.Contains(was, n) {
			fresh = n
		}
	}
	at, _ := c.Node(fresh)
	used := c.racksOf(p.Wish)
	for n := range c.Nodes() {
		if n.State == metadata.Active && !slices.Contains(p.Wish, n.ID) && n.Rack != at.Rack && used[n.Rack] < used[at.Rack]-1 {
			c.t.Fatalf("group %d went to rack %q of %v, and node %d was free in rack %q", p.Group, at.Rack, p.Wish, n.ID, n.Rack)
		}
	}
}

// After nodes were added the cluster becomes even, by no more moves than it
// takes, and then stays as it is.
func TestRebalanceAfterANodeWasAdded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := rapid.IntRange(1, 5).Draw(t, "nodes")
		c := clusterOf(t, make([]string, nodes))
		c.drawTopics(t, nodes)
		added := rapid.IntRange(1, 3).Draw(t, "added")
		for i := range added {
			c.register(nodes+i+1, "")
		}
		total := 0
		for _, load := range c.Nodes() {
			total += load.Replicas
		}
		limit := rapid.IntRange(1, 6).Draw(t, "limit")
		start := c.wishes()
		c.rebalance(limit)
		if got := c.spread(replicas); got > 1 {
			t.Fatalf("replicas differ by %d", got)
		}
		moved := 0
		for g, was := range start {
			for _, n := range c.Partition(g).Wish {
				if !slices.Contains(was, n) {
					moved++
					if int(n) <= nodes {
						t.Fatalf("group %d: from %v to %v, among the old nodes", g, was, c.Partition(g).Wish)
					}
				}
			}
		}
		if most := added * ((total + nodes + added - 1) / (nodes + added)); moved > most {
			t.Fatalf("%d replicas moved, %d would do", moved, most)
		}
	})
}

// rebalance goes on until there is nothing to do.
func (c *cluster) rebalance(limit int) {
	c.t.Helper()
	for round := 0; ; round++ {
		moves := c.Rebalance(limit)
		if moves == nil {
			return
		}
		if round > 500 {
			c.t.Fatalf("does not come to an end: %+v", moves)
		}
		answer := c.do(*moves)
		if m := answer.(metadata.Moved); m.Partitions != len(moves.Moves) || m.Skipped != 0 || len(moves.Moves) > limit || c.MovingCount() > limit {
			c.t.Fatalf("%+v moved %+v, %d move, the limit is %d", moves, m, c.MovingCount(), limit)
		}
		c.settle()
	}
}

// Whatever the racks and wherever replicas were put: it ends, no partition
// stands in fewer racks than before, and of factor 1 loads are even.
func TestRebalanceEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		racks := drawRacks(t)
		c := clusterOf(t, racks)
		all := rapid.Permutation(func() (ids []env.NodeID) {
			for i := range racks {
				ids = append(ids, env.NodeID(i+1))
			}
			return ids
		}())
		factor := rapid.IntRange(1, 3).Draw(t, "factor")
		var placement [][]env.NodeID
		for range rapid.IntRange(1, 15).Draw(t, "partitions") {
			placement = append(placement, all.Draw(t, "nodes")[:factor])
		}
		c.do(metadata.CreateTopic{Name: "t", Placement: placement})
		start := c.wishes()
		c.rebalance(rapid.IntRange(1, 20).Draw(t, "limit"))
		for g, was := range start {
			p := c.Partition(g)
			if len(c.racksOf(p.Wish)) < len(c.racksOf(was)) {
				t.Fatalf("group %d: from %v to %v, in fewer racks", g, was, p.Wish)
			}
		}
		if factor == 1 && (c.spread(replicas) > 1 || c.spread(leaders) > 1) {
			t.Fatalf("replicas differ by %d, leaders by %d", c.spread(replicas), c.spread(leaders))
		}
	})
}

func TestRebalanceUsesARackThatIsNew(t *testing.T) {
	c := newCluster(t, "a", "a", "b")
	c.do(metadata.CreateTopic{Name: "t", Partitions: 10, Factor: 3})
	c.register(4, "c")
	c.rebalance(3)
	for p := range c.Partitions(c.Topic("t")) {
		if len(c.racksOf(p.Wish)) != 3 {
			t.Fatalf("partition %d on %v", p.Number, p.Wish)
		}
		c.checkSpread(p)
	}
}

// Into another rack goes the replica of the busiest node, to the idlest there.
func TestRebalanceIntoARackLooksAtLoads(t *testing.T) {
	c := newCluster(t, "a", "a", "b", "b")
	c.do(metadata.CreateTopic{Name: "t", Placement: [][]env.NodeID{{1, 2}}})
	c.do(metadata.CreateTopic{Name: "other", Placement: [][]env.NodeID{{3}, {3}, {2}}})
	moves := c.Rebalance(1)
	if moves == nil || len(moves.Moves) != 1 || !slices.Equal(moves.Moves[0].Nodes, []env.NodeID{1, 4}) {
		t.Fatalf("%+v", moves)
	}
}

func TestRebalanceSpreadsLeaders(t *testing.T) {
	c := newCluster(t, "", "", "")
	var placement [][]env.NodeID
	for range 9 {
		placement = append(placement, []env.NodeID{1, 2, 3})
	}
	c.do(metadata.CreateTopic{Name: "t", Placement: placement})
	moves := c.Rebalance(2)
	if moves == nil || len(moves.Moves) != 2 {
		t.Fatalf("%+v", moves)
	}
	c.do(*moves)
	if c.MovingCount() != 0 {
		t.Fatal("another order of the same nodes counts as a move")
	}
	c.rebalance(2)
	if got := c.spread(leaders); got != 0 {
		t.Fatalf("leaders differ by %d", got)
	}
}

// Each topic gives up its share, not the first one everything.
func TestRebalanceTakesFromEachTopic(t *testing.T) {
	c := newCluster(t, "", "", "")
	for _, name := range []string{"a", "b", "c"} {
		c.do(metadata.CreateTopic{Name: name, Partitions: 12, Factor: 1})
	}
	c.register(4, "")
	c.rebalance(4)
	for topic := range c.Topics() {
		n := 0
		for p := range c.Partitions(topic) {
			if p.Wish[0] == 4 {
				n++
			}
		}
		if n != 3 {
			t.Errorf("topic %s gave %d of 12 partitions, want 3", topic.Name, n)
		}
	}
}

// What has been taken from a topic counts for the next choice.
func TestRebalanceTakesInTurns(t *testing.T) {
	c := newCluster(t, "")
	c.do(metadata.CreateTopic{Name: "a", Partitions: 4, Factor: 1})
	c.do(metadata.CreateTopic{Name: "b", Partitions: 4, Factor: 1})
	c.register(2, "")
	moves := c.Rebalance(10)
	count := map[metadata.TopicID]int{}
	for _, m := range moves.Moves {
		count[c.Partition(m.Group).Topic]++
	}
	if count[1] != 2 || count[2] != 2 {
		t.Fatalf("%d partitions of one topic, %d of the other: %+v", count[1], count[2], moves)
	}
}

func TestRebalanceLeavesAlone(t *testing.T) {
	c := newCluster(t, "", "", "")
	c.do(metadata.CreateTopic{Name: "alone", Placement: [][]env.NodeID{{1}, {1}, {1}, {1}}, Unreplicated: true})
	if moves := c.Rebalance(10); moves != nil {
		t.Fatalf("an unreplicated partition was to move: %+v", moves)
	}
	c.do(metadata.CreateTopic{Name: "t", Placement: [][]env.NodeID{{2}, {1}, {1}}})
	g := c.Topic("t").Group(0)
	c.do(metadata.Reassign{Moves: []metadata.Move{{Group: g, Nodes: []env.NodeID{1}}}})
	moves := c.Rebalance(10)
	if moves == nil {
		t.Fatal("nothing is to move")
	}
	for _, m := range moves.Moves {
		if m.Group == g {
			t.Fatalf("a moving partition was to move again: %+v", moves)
		}
	}
	if moves := c.Rebalance(1); moves != nil {
		t.Fatalf("one moves already, and the limit is 1: %+v", moves)
	}
}

// A plan is made from one state and applied to a later one.
func TestPlanIsSkippedWhereTheWishChanged(t *testing.T) {
	c := newCluster(t, "", "", "")
	c.do(metadata.CreateTopic{Name: "t", Placement: [][]env.NodeID{{1}, {1}, {2}}})
	c.do(metadata.CreateTopic{Name: "gone", Placement: [][]env.NodeID{{1}}})
	c.do(metadata.DrainNode{Node: 1})
	plan, _ := c.Evacuate(10)
	first := c.Topic("t").Group(0)
	c.do(metadata.Reassign{Moves: []metadata.Move{{Group: first, Nodes: []env.NodeID{2}}}})
	c.do(metadata.DeleteTopic{Name: "gone"})
	if answer := c.do(*plan); answer != (metadata.Moved{Partitions: 1, Skipped: 2}) {
		t.Fatalf("%+v", answer)
	}
	if got := c.Partition(first).Wish; !slices.Equal(got, []env.NodeID{2}) {
		t.Fatalf("the plan overrode the user's move: %v", got)
	}
}

func TestEvacuateSaysWhatIsStuck(t *testing.T) {
	c := newCluster(t, "", "", "")
	c.do(metadata.CreateTopic{Name: "alone", Placement: [][]env.NodeID{{1}}, Unreplicated: true})
	c.do(metadata.CreateTopic{Name: "wide", Partitions: 1, Factor: 3})
	c.do(metadata.CreateTopic{Name: "t", Placement: [][]env.NodeID{{1, 2}}})
	c.do(metadata.RemoveNode{Node: 1, Force: true})
	moves, stuck := c.Evacuate(10)
	if moves == nil || len(moves.Moves) != 1 || len(stuck) != 2 {
		t.Fatalf("%+v, stuck %+v", moves, stuck)
	}
	for i, name := range []string{"alone", "wide"} {
		if got := c.TopicByID(stuck[i].Partition.Topic).Name; got != name || stuck[i].Why == "" {
			t.Errorf("stuck: %s, want %s: %s", got, name, stuck[i].Why)
		}
	}
}

// Where the preferred leader leaves, who leads least takes over, not who comes.
func TestEvacuateSpreadsLeaders(t *testing.T) {
	c := newCluster(t, "", "", "", "")
	var placement [][]env.NodeID
	for range 6 {
		placement = append(placement, []env.NodeID{1, 2, 3})
	}
	c.do(metadata.CreateTopic{Name: "t", Placement: placement})
	c.do(metadata.DrainNode{Node: 1})
	moves, _ := c.Evacuate(10)
	c.do(*moves)
	if got := c.spread(leaders); got != 0 {
		t.Fatalf("leaders differ by %d", got)
	}
}

// What could not be placed in full takes no place from others.
func TestEvacuateForgetsWhatIsStuck(t *testing.T) {
	c := newCluster(t, "", "", "", "")
	c.do(metadata.CreateTopic{Name: "wide", Placement: [][]env.NodeID{{1, 2, 3}}})
	c.do(metadata.CreateTopic{Name: "t", Placement: [][]env.NodeID{{1}}})
	c.do(metadata.RemoveNode{Node: 1, Force: true})
	c.do(metadata.RemoveNode{Node: 2, Force: true})
	moves, stuck := c.Evacuate(10)
	if len(stuck) != 1 || moves == nil || !slices.Equal(moves.Moves[0].Nodes, []env.NodeID{4}) {
		t.Fatalf("%+v, stuck %+v", moves, stuck)
	}
}

func TestEvacuateLeavesDeletedTopicsAlone(t *testing.T) {
	c := newCluster(t, "", "")
	c.do(metadata.CreateTopic{Name: "old", Placement: [][]env.NodeID{{1}}})
	c.do(metadata.CreateTopic{Name: "t", Placement: [][]env.NodeID{{1}}})
	c.do(metadata.DeleteTopic{Name: "old"})
	c.do(metadata.DrainNode{Node: 1})
	if moves, stuck := c.Evacuate(10); moves == nil || len(moves.Moves) != 1 || moves.Moves[0].Group != 3 || stuck != nil {
		t.Fatalf("%+v, stuck %+v", moves, stuck)
	}
}

// A node that leaves while partitions move to it gets them no longer, whatever
// the limit: they count as moving already.
func TestEvacuateTurnsMovesAround(t *testing.T) {
	c := newCluster(t, "", "", "")
	c.do(metadata.CreateTopic{Name: "t", Placement: [][]env.NodeID{{1}, {1}}})
	g := c.Topic("t").Group(0)
	c.do(metadata.Reassign{Moves: []metadata.Move{{Group: g, Nodes: []env.NodeID{2}}}})
	c.do(metadata.DrainNode{Node: 2})
	moves, _ := c.Evacuate(1)
	if moves == nil {
		t.Fatal("nothing is to move")
	}
	c.do(*moves)
	p := c.Partition(g)
	if p.Wish[0] != 3 || !slices.Equal(p.Before, []env.NodeID{1}) || !slices.Equal(p.Tried, []env.NodeID{2}) || c.Load(2).Held != 1 {
		t.Fatalf("%+v", p)
	}
	c.settle()
	if c.Load(2).Held != 0 || c.Load(1).Held != 1 {
		t.Fatalf("held: %d, %d", c.Load(2).Held, c.Load(1).Held)
	}
}
