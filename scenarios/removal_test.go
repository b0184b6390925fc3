package scenarios

import (
	"slices"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/sim"
	"github.com/lockstep-log/lockstep/sim/cluster"
)

// traced appends to events what is recorded of a schedule whose first phase ends
// soon after the given time of the load.
func traced(t *testing.T, s cluster.Schedule, untilNs int64, events []sim.Event) ([]sim.Event, *cluster.Result) {
	t.Helper()
	s.DurationNs = untilNs + int64(time.Second) // which counts from the boot on
	r, err := cluster.Run(s, cluster.Options{
		WithoutPorcupine: true,
		Sink:             func(e sim.Event) { events = append(events, e) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return events, r
}

// before selects the events of earlier times.
func before(events []sim.Event, ns int64) []sim.Event {
	n, _ := slices.BinarySearchFunc(events, ns, func(e sim.Event, ns int64) int { return int(e.At - ns) })
	return events[:n]
}

// TestRemovingAFaultLeavesThePastAlone takes one fault out of each of many
// schedules of mixed: all that was recorded before its time has to stay, event
// by event, or shrinking would deal new cards with every fault it takes away.
func TestRemovingAFaultLeavesThePastAlone(t *testing.T) {
	seeds := uint64(100)
	if testing.Short() {
		seeds = 15
	}
	var with, without []sim.Event
	changed := uint64(0)
	for seed := uint64(1); seed <= seeds; seed++ {
		s := mixed().Schedule(seed)
		draw := sim.NewRand(seed, "removal", 0)
		early := slices.IndexFunc(s.Faults, func(f cluster.Fault) bool { return f.AtNs > int64(15*time.Second) })
		if early < 1 { // one of the first 15 s, so that the test stays quick
			early = len(s.Faults)
		}
		gone := draw.Pick(early)
		f := s.Faults[gone]
		var r *cluster.Result
		with, r = traced(t, s, f.AtNs, with[:0])
		s.Faults = slices.Delete(slices.Clone(s.Faults), gone, gone+1)
		without, _ = traced(t, s, f.AtNs, without[:0])

		struck := r.LoadedNs + f.AtNs
		past, again := before(with, struck), before(without, struck)
		if r.LoadedNs > int64(time.Second) {
			t.Fatalf("seed %d: the load began only at %v, after which the fault is not reached", seed, time.Duration(r.LoadedNs))
		}
		if len(past) < 500 {
			t.Fatalf("seed %d: only %d events before %v", seed, len(past), time.Duration(struck))
		}
		for i, e := range past {
			if i >= len(again) || again[i] != e {
				t.Fatalf("seed %d: without fault %d (%s at %v) event %d at %v is another", seed, gone, f.Kind, time.Duration(struck), e.Seq, time.Duration(e.At))
			}
		}
		if len(again) != len(past) {
			t.Errorf("seed %d: %d events before the fault, %d without it", seed, len(past), len(again))
		}
		if !slices.Equal(with, without) {
			changed++
		}
	}
	if changed < seeds*8/10 {
		t.Errorf("the fault made a difference in %d of %d seeds: too few to prove anything", changed, seeds)
	}
}
