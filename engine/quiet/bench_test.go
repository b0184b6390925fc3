package quiet

import (
	"runtime"
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
)

// crowd is two nodes between which so many groups rest, led by the first.
func crowd(n int) *couple {
	c := newCouple(1 << 16)
	c.settle()
	for g := range n {
		if !c.offer(0, env.GroupID(g+1)) {
			panic("no room")
		}
	}
	c.settle()
	return c
}

// exchange is one beat from the first node to the second, through the encoding.
func (c *couple) exchange(buffer []byte) []byte {
	b := c.nodes[0].Beat(c.now, 2)
	buffer = b.Append(buffer[:0])
	got, err := Decode(buffer)
	if err != nil || c.nodes[1].Receive(c.now, 1, 1, &got) {
		panic("an idle beat changes something")
	}
	c.nodes[1].Tick(c.now)
	return buffer
}

func TestAnIdleBeatDoesNotAllocate(t *testing.T) {
	c := crowd(1000)
	buffer := make([]byte, 0, 128)
	if n := testing.AllocsPerRun(100, func() { c.exchange(buffer) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if n := len(c.exchange(buffer)); n > 64 {
		t.Errorf("an idle beat has %d bytes", n)
	}
}

func benchmarkIdle(b *testing.B, n int) {
	c := crowd(n)
	buffer := make([]byte, 0, 128)
	b.ReportAllocs()
	for b.Loop() {
		buffer = c.exchange(buffer)
	}
	b.ReportMetric(float64(len(buffer)), "B/beat")
}

// The cost of a beat, sent and received, does not depend on how many rest.
func BenchmarkIdleBeat10(b *testing.B)    { benchmarkIdle(b, 10) }
func BenchmarkIdleBeat10000(b *testing.B) { benchmarkIdle(b, 10_000) }

// BenchmarkRestAndWake is one group that comes to rest and wakes up again, both
// nodes' work, a beat each time.
func BenchmarkRestAndWake(b *testing.B) {
	c := crowd(10_000)
	b.ReportAllocs()
	for b.Loop() {
		c.offer(0, 20_000)
		c.beat(0)
		c.deliver(1, 0, false)
		c.deliver(0, 0, false)
		if !c.nodes[0].Settled(20_000) {
			b.Fatal("does not rest")
		}
		c.nodes[0].Wake(20_000)
		c.beat(0)
		c.deliver(1, 0, false)
		c.deliver(0, 0, false)
	}
}

// BenchmarkMemory is what a group costs while it rests: leader and follower.
func BenchmarkMemory(b *testing.B) {
	var before, after runtime.MemStats
	const n = 10_000
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		c := crowd(n)
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(c)
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "B/group")
}
