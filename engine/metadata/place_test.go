package metadata_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/metadata"
)

// cluster is a state that is told one thing after the other.
type cluster struct {
	t tester
	*metadata.State
}

// tester is what tests, benchmarks and properties have in common.
type tester interface {
	Helper()
	Fatalf(format string, args ...any)
}

func newCluster(t *testing.T, racks ...string) *cluster {
	return clusterOf(t, racks)
}

// clusterOf makes nodes 1, 2, ... active, in these racks.
func clusterOf(t tester, racks []string) *cluster {
	t.Helper()
	s, err := metadata.New(metadata.Genesis{Cluster: 1})
	if err != nil {
		t.Fatalf("genesis: %v", err)
	}
	c := &cluster{t, s}
	for i, rack := range racks {
		c.register(i+1, rack)
	}
	return c
}

func (c *cluster) register(node int, rack string) {
	c.t.Helper()
	c.do(metadata.RegisterNode{Node: env.NodeID(node), Rack: rack, Disk: uint64(1000 + node), Incarnation: 1})
}

// do applies a command that must be accepted.
func (c *cluster) do(cmd metadata.Command) metadata.Answer {
	c.t.Helper()
	next, answer, err := c.Do(c.Version()+1, cmd)
	if err != nil {
		c.t.Fatalf("%+v: %v", cmd, err)
	}
	c.State = next
	return answer
}

// settle has all groups arrive where they are wished to be.
func (c *cluster) settle() {
	c.t.Helper()
	var list []*metadata.Partition
	for p := range c.Moving() {
		list = append(list, p)
	}
	for _, p := range list {
		c.do(metadata.Settled{Group: p.Group, Nodes: p.Wish, ConfigIndex: p.Settled + 10, WishVersion: p.WishVersion})
	}
}

// spread is the difference of the most and the least loaded of active nodes.
func (c *cluster) spread(of func(metadata.Load) int) int {
	least, most := 1<<60, 0
	for n, load := range c.Nodes() {
		if n.State == metadata.Active {
			least, most = min(least, of(load)), max(most, of(load))
		}
	}
	return most - least
}

func replicas(l metadata.Load) int { return l.Replicas }
func leaders(l metadata.Load) int  { return l.Leaders }

// racksOf counts a partition's replicas by rack.
func (c *cluster) racksOf(wish []env.NodeID) map[string]int {
	out := map[string]int{}
	for _, id := range wish {
		n, _ := c.Node(id)
		out[n.Rack]++
	}
	return out
}

// checkSpread: no two replicas on one node, as many racks as can be, no rack with
// two more than another that has a node left.
func (c *cluster) checkSpread(p *metadata.Partition) {
	c.t.Helper()
	size := map[string]int{}
	for n := range c.Nodes() {
		if n.State == metadata.Active {
			size[n.Rack]++
		}
	}
	used := c.racksOf(p.Wish)
	for i, n := range p.Wish {
		if slices.Contains(p.Wish[:i], n) {
			c.t.Fatalf("group %d: node %d twice in %v", p.Group, n, p.Wish)
		}
	}
	for a := range used {
		for b := range size {
			if used[b] < size[b] && used[a] > used[b]+1 {
				c.t.Fatalf("group %d on %v: rack %q has %d of it, rack %q only %d of %d nodes", p.Group, p.Wish, a, used[a], b, used[b], size[b])
			}
		}
	}
}

func drawRacks(t *rapid.T) []string {
	names := rapid.SampledFrom([][]string{{""}, {"a", "b"}, {"a", "b", "c"}, {"a", "b", "c", ""}}).Draw(t, "rack names")
	return rapid.SliceOfN(rapid.SampledFrom(names), 3, 9).Draw(t, "racks")
}

func TestPlacementUsesRacksWidely(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := clusterOf(t, drawRacks(t))
		for i := range rapid.IntRange(1, 4).Draw(t, "topics") {
			c.do(metadata.CreateTopic{Name: string(rune('a' + i)), Partitions: rapid.Int32Range(1, 20).Draw(t, "partitions"), Factor: rapid.Int32Range(1, 3).Draw(t, "factor")})
		}
		for topic := range c.Topics() {
			for p := range c.Partitions(topic) {
				c.checkSpread(p)
				if len(p.Wish) != topic.Factor || len(p.Genesis) != topic.Factor {
					t.Fatalf("group %d: wish %v, genesis %v, factor %d", p.Group, p.Wish, p.Genesis, topic.Factor)
				}
			}
		}
	})
}

// Where racks do not forbid it, replicas and leaders are even to within one: of
// each topic, and of all together.
func TestPlacementIsEven(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		count, size := rapid.IntRange(1, 4).Draw(t, "racks"), rapid.IntRange(1, 3).Draw(t, "nodes a rack")
		var racks []string
		for i := range count * size {
			racks = append(racks, string(rune('a'+i%count)))
		}
		c := clusterOf(t, racks)
		limit := int32(min(count*size, 4))
		if count > 1 {
			limit = int32(count) // one replica a rack
		}
		for i := range rapid.IntRange(1, 5).Draw(t, "topics") {
			factor := rapid.Int32Range(1, limit).Draw(t, "factor")
			before := c.State
			c.do(metadata.CreateTopic{Name: string(rune('a' + i)), Partitions: rapid.Int32Range(1, 30).Draw(t, "partitions"), Factor: factor})
			least, most, leastLead, mostLead := 1<<60, 0, 1<<60, 0
			for n, now := range c.Nodes() {
				was := before.Load(n.ID)
				least, most = min(least, now.Replicas-was.Replicas), max(most, now.Replicas-was.Replicas)
				leastLead, mostLead = min(leastLead, now.Leaders-was.Leaders), max(mostLead, now.Leaders-was.Leaders)
			}
			if most-least > 1 || mostLead-leastLead > 1 {
				t.Fatalf("topic %d: from %d to %d replicas, %d to %d leaders", i, least, most, leastLead, mostLead)
			}
		}
		if got := c.spread(replicas); got > 1 {
			t.Fatalf("all topics: replicas differ by %d", got)
		}
	})
}

// A growing topic stays even, though its partitions came at different times.
func TestGrowingTopicStaysEven(t *testing.T) {
	c := newCluster(t, "", "", "", "")
	c.do(metadata.CreateTopic{Name: "other", Placement: [][]env.NodeID{{1}, {1}, {1}, {1}, {1}, {1}}})
	c.do(metadata.CreateTopic{Name: "t", Partitions: 3, Factor: 2})
	for total := int32(4); total < 30; total++ {
		c.do(metadata.AddPartitions{Name: "t", Total: total})
		count, lead := map[env.NodeID]int{}, map[env.NodeID]int{}
		for p := range c.Partitions(c.Topic("t")) {
			lead[p.Wish[0]]++
			for _, n := range p.Wish {
				count[n]++
			}
		}
		for _, m := range []map[env.NodeID]int{count, lead} {
			most := max(m[1], m[2], m[3], m[4])
			least := min(m[1], m[2], m[3], m[4])
			if most-least > 1 {
				t.Fatalf("at %d partitions: replicas %v, leaders %v", total, count, lead)
			}
		}
	}
}

func TestNewNodeGetsNoTopicToItself(t *testing.T) {
	c := newCluster(t, "", "", "")
	c.do(metadata.CreateTopic{Name: "old", Partitions: 30, Factor: 3})
	c.register(4, "")
	c.do(metadata.CreateTopic{Name: "new", Partitions: 8, Factor: 1})
	if got := c.Load(4); got.Replicas != 2 {
		t.Fatalf("the empty node got %d of 8 partitions", got.Replicas)
	}
}

// Many small topics do not all lead on the first node.
func TestLeadersOfSmallTopicsAreEven(t *testing.T) {
	c := newCluster(t, "", "", "")
	for i := range 12 {
		c.do(metadata.CreateTopic{Name: string(rune('a' + i)), Partitions: 1, Factor: 3})
	}
	if got := c.spread(leaders); got != 0 {
		t.Fatalf("leaders differ by %d", got)
	}
}

func TestOnlyActiveNodesGetReplicas(t *testing.T) {
	c := newCluster(t, "", "", "", "")
	c.do(metadata.RegisterNode{Node: 5})
	c.do(metadata.DrainNode{Node: 1})
	c.do(metadata.RemoveNode{Node: 2})
	c.do(metadata.CreateTopic{Name: "t", Partitions: 6, Factor: 2})
	for p := range c.Partitions(c.Topic("t")) {
		if !slices.Equal(p.Holders(), []env.NodeID{3, 4}) {
			t.Fatalf("partition %d on %v", p.Number, p.Wish)
		}
	}
}
