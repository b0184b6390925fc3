package checker_test

import (
	"testing"

	"github.com/lockstep-log/lockstep/checker"
)

// BenchmarkObserve is the cost of judging one event of a group that appends,
// persists, commits, applies and acknowledges, all oracles on.
func BenchmarkObserve(b *testing.B) {
	c := unbooted()
	var events []checker.Event
	c.tap = func(e checker.Event) { events = append(events, e) }
	c.boot()
	c.elect(c.r(1))
	for range 2000 {
		c.propose(c.r(1))
		c.spread(c.r(1))
	}
	config := toyConfig(2)
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; {
		m := checker.NewMonitor(config, func(uint64, string, int64, int64) bool { return true })
		for n := 0; n < len(events) && i < b.N; n++ {
			m.Observe(events[n])
			i++
		}
		if m.Violations() > 0 {
			b.Fatal(m.Finish().Violations[0])
		}
	}
}
