package metadata_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/metadata"
)

// large is a state of 1,000 topics with 10 partitions each, factor 3, on 6 nodes
// in 3 racks.
func large(t tester) *cluster {
	t.Helper()
	c := clusterOf(t, []string{"a", "b", "c", "a", "b", "c"})
	for i := range 1000 {
		c.do(metadata.CreateTopic{Name: fmt.Sprintf("topic-%04d", i), Partitions: 10, Factor: 3})
	}
	return c
}

// benchApply applies a command to the same state again and again.
func benchApply(b *testing.B, s *metadata.State, c metadata.Command) {
	data := metadata.AppendCommand(nil, c)
	b.ReportAllocs()
	for b.Loop() {
		if r := metadata.NewMachine(s).Apply(s.Version()+1, data); r.Err != nil {
			b.Fatal(r.Err)
		}
	}
}

func BenchmarkApply(b *testing.B) {
	c := large(b)
	many := c.State // with one topic of 10,000 partitions more
	many, _, err := many.Do(many.Version()+1, metadata.CreateTopic{Name: "many", Partitions: 10_000, Factor: 3})
	if err != nil {
		b.Fatal(err)
	}
	p := c.Partition(5000)
	other := c.free(p)
	reassign := metadata.Reassign{Moves: []metadata.Move{{Group: 5000, Nodes: []env.NodeID{p.Wish[0], p.Wish[1], other}}}}
	for _, bench := range []struct {
		name    string
		state   *metadata.State
		command metadata.Command
	}{
		{"CreateTopic-6x3", c.State, metadata.CreateTopic{Name: "fresh", Partitions: 6, Factor: 3}},
		{"CreateTopic-10000x3", c.State, metadata.CreateTopic{Name: "fresh", Partitions: 10_000, Factor: 3}},
		{"AddPartitions-1-to-10000", many, metadata.AddPartitions{Name: "many", Total: 10_001}},
		{"DeleteTopic-10", c.State, metadata.DeleteTopic{Name: "topic-0500"}},
		{"DeleteTopic-10000", many, metadata.DeleteTopic{Name: "many"}},
		{"AlterTopic", c.State, metadata.AlterTopic{Name: "topic-0500", Set: []metadata.Setting{{Key: metadata.RetentionMs, Value: 1}}}},
		{"Reassign-1", c.State, reassign},
		{"Settled", c.State, metadata.Settled{Group: 5000, Nodes: p.Wish, ConfigIndex: 1, WishVersion: p.WishVersion}},
		{"AllocateProducers", c.State, metadata.AllocateProducers{Count: 1000}},
	} {
		b.Run(bench.name, func(b *testing.B) { benchApply(b, bench.state, bench.command) })
	}
}

// free finds an active node without a replica of p.
func (c *cluster) free(p *metadata.Partition) env.NodeID {
	for n := range c.Nodes() {
		held := false
		for _, h := range p.Holders() {
			held = held || h == n.ID
		}
		if !held {
			return n.ID
		}
	}
	return 0
}

func BenchmarkState(b *testing.B) {
	c := large(b)
	data := c.Append(nil)
	b.Run("Append", func(b *testing.B) {
		b.ReportAllocs()
		buf := make([]byte, 0, len(data))
		for b.Loop() {
			buf = c.Append(buf[:0])
		}
		b.ReportMetric(float64(len(data)), "bytes/state")
	})
	b.Run("Decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := metadata.Decode(data); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Fingerprint", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c.Fingerprint()
		}
	})
}

func BenchmarkLookup(b *testing.B) {
	c := large(b)
	b.Run("name", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if c.Topic("topic-0777") == nil {
				b.Fatal("not found")
			}
		}
	})
	b.Run("group", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if c.Partition(7777) == nil {
				b.Fatal("not found")
			}
		}
	})
}

func BenchmarkPlan(b *testing.B) {
	even := large(b)
	drained, added := large(b), large(b)
	drained.do(metadata.DrainNode{Node: 1})
	added.register(7, "a")
	b.Run("Evacuate-100", func(b *testing.B) {
		for b.Loop() {
			drained.Evacuate(100)
		}
	})
	b.Run("Rebalance-100", func(b *testing.B) {
		for b.Loop() {
			added.Rebalance(100)
		}
	})
	b.Run("Rebalance-nothing", func(b *testing.B) {
		for b.Loop() {
			if even.Rebalance(100) != nil {
				b.Fatal("uneven")
			}
		}
	})
}

// One command among 10,000 partitions costs paths, not partitions.
func TestApplyCopiesLittle(t *testing.T) {
	c := large(t)
	p := c.Partition(5000)
	for _, cmd := range []metadata.Command{
		metadata.CreateTopic{Name: "fresh", Partitions: 1, Factor: 3},
		metadata.AlterTopic{Name: "topic-0500", Set: []metadata.Setting{{Key: metadata.RetentionMs, Value: 1}}},
		metadata.Reassign{Moves: []metadata.Move{{Group: 5000, Nodes: []env.NodeID{p.Wish[0], p.Wish[1], c.free(p)}}}},
		metadata.Settled{Group: 5000, Nodes: p.Wish, ConfigIndex: 1, WishVersion: p.WishVersion},
		metadata.DrainNode{Node: 1},
		metadata.RegisterNode{Node: 1, Address: "new", Disk: 1001, Incarnation: 2},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		const times = 20
		for range times {
			if next, _, err := c.Do(c.Version()+1, cmd); err != nil || next == c.State {
				t.Fatalf("%+v: %v", cmd, err)
			}
		}
		runtime.ReadMemStats(&after)
		if each := (after.TotalAlloc - before.TotalAlloc) / times; each > 40<<10 {
			t.Errorf("%T allocates %d bytes", cmd, each)
		}
	}
}
