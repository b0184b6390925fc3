package explore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-log/lockstep/scenarios"
)

// Reference is a workload whose cost is compared over time.
// It is a scenario with a fixed fault generator.
type Reference struct {
	Name     string // "R1"
	Scenario scenarios.Scenario
}

// References lists the reference workloads.
func References() []Reference {
	var all []Reference
	for _, s := range scenarios.All() {
		if name, ok := strings.CutPrefix(s.Name, "bench-"); ok {
			all = append(all, Reference{strings.ToUpper(name), s})
		}
	}
	return all
}

// Measurement is what a reference workload cost, in this process.
type Measurement struct {
	Reference      string  `json:"reference"`
	Seeds          int     `json:"seeds"`
	Failed         int     `json:"failed"`
	P50Ms          float64 `json:"p50Ms"` // wall clock of a seed
	P99Ms          float64 `json:"p99Ms"`
	MeanMs         float64 `json:"meanMs"`
	EventsPerSec   float64 `json:"eventsPerSecond"`
	VirtualPerReal float64 `json:"virtualPerReal"`
	OKPct          float64 `json:"okPct"` // operations that succeeded
	PeakBytes      int64   `json:"peakBytes"`
	Hashes         Hash    `json:"hashes"` // of all runs: a change of speed must not change it
}

// Measure runs seeds 1 to n of a reference workload, after one that warms up;
// when ctx ends it stops after the run under way. It measures one core: the
// caller sets GOMAXPROCS.
func (r *Registry) Measure(ctx context.Context, ref Reference, n int) (*Measurement, error) {
	if _, err := r.Run(ref.Scenario.Schedule(0), Recording{}); err != nil {
		return nil, err
	}
	m := &Measurement{Reference: ref.Name}
	walls := make([]int64, 0, n)
	var events uint64
	var virtual, wall int64
	var ops Ops
	for seed := uint64(0); seed < uint64(n) && (seed == 0 || ctx.Err() == nil); seed++ {
		out, err := r.Run(ref.Scenario.Schedule(seed+1), Recording{})
		if err != nil {
			return nil, fmt.Errorf("%s, seed %d: %w", ref.Name, seed+1, err)
		}
		if !out.Passed {
			m.Failed++
		}
		walls = append(walls, out.WallNs)
		events += out.Events
		virtual += out.VirtualNs
		wall += out.WallNs
		ops.add(out.Ops)
		m.Hashes += Hash(mixJob(Job{ref.Name, seed + 1}, out.Hash))
	}
	slices.Sort(walls)
	m.Seeds = len(walls)
	m.P50Ms = float64(walls[(m.Seeds-1)/2]) / 1e6
	m.P99Ms = float64(walls[(m.Seeds-1)*99/100]) / 1e6
	m.MeanMs = float64(wall) / float64(m.Seeds) / 1e6
	m.EventsPerSec = float64(events) / (float64(wall) / 1e9)
	m.VirtualPerReal = float64(virtual) / float64(wall)
	m.OKPct = 100 * float64(ops.OK) / float64(max(ops.Total(), 1))
	m.PeakBytes = peakBytes()
	return m, nil
}
