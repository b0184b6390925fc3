package explore

import (
	"slices"

	"github.com/lockstep-log/lockstep/sim/cluster"
)

// ProbeCount is how often a sweep came to a probe.
type ProbeCount struct {
	Runs  uint64 `json:"runs"` // in how many runs
	Times uint64 `json:"times"`
}

// gateScenario is the scenario of which a sweep is held to the required probes,
// gateSeeds how many seeds of it that takes: a shorter one may miss some by chance.
const (
	gateScenario = "mixed"
	gateSeeds    = 200
)

// declaredProbes are those that this binary knows, none of them reached.
func declaredProbes() map[string]ProbeCount {
	m := map[string]ProbeCount{}
	for _, p := range cluster.Probes() {
		m[p.Name] = ProbeCount{}
	}
	return m
}

func (r *Report) addProbes(reached map[string]uint64) {
	for name, n := range reached {
		c := r.Probes[name]
		r.Probes[name] = ProbeCount{c.Runs + 1, c.Times + n}
	}
}

// Rare tells whether a probe was reached, but in less than a hundredth of the
// runs.
func (r *Report) Rare(name string) bool {
	n := r.Probes[name].Runs
	return n > 0 && n*100 < r.Seeds
}

// Missed gives the required probes that a sweep long enough to be held to them
// never reached, in the order of their declaration.
func (r *Report) Missed() []string {
	if !r.Complete || !slices.Contains(r.Scenarios, gateScenario) || r.wanted() < gateSeeds {
		return nil
	}
	var missed []string
	for _, p := range cluster.Probes() {
		if n, declared := r.Probes[p.Name]; p.Required && declared && n.Runs == 0 {
			missed = append(missed, p.Name)
		}
	}
	return missed
}
