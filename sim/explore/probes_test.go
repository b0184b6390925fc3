package explore

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/sim/cluster"
)

// reaching is a passed run that came to these probes, twice to each.
func reaching(seed uint64, names ...string) *Outcome {
	o := passed(seed)
	o.Probes = map[string]uint64{}
	for _, name := range names {
		o.Probes[name] = 2
	}
	return o
}

func required() []string {
	var names []string
	for _, p := range cluster.Probes() {
		if p.Required {
			names = append(names, p.Name)
		}
	}
	return names
}

// sweepOf is a report over seeds 1 to n of a scenario; the first run reached
// some probes, all others reached first.
func sweepOf(n uint64, scenario, first string, some ...string) *Report {
	r := newReport("build", 1, n, Shard{}, []string{scenario})
	for number := range n {
		names := []string{first}
		if number == 0 {
			names = some
		}
		r.add(r.job(number), reaching(number, names...), Failure{})
	}
	r.Complete = true
	return r
}

func TestProbesAddUp(t *testing.T) {
	all := required()
	r := sweepOf(101, "mixed", all[0], all[0], all[1])
	if got := r.Probes[all[0]]; got != (ProbeCount{Runs: 101, Times: 202}) {
		t.Errorf("%s: %+v", all[0], got)
	}
	if got := r.Probes[all[1]]; got != (ProbeCount{Runs: 1, Times: 2}) || !r.Rare(all[1]) {
		t.Errorf("%s: %+v, rare %v", all[1], got, r.Rare(all[1]))
	}
	if got, declared := r.Probes[all[2]]; !declared || got != (ProbeCount{}) || r.Rare(all[2]) {
		t.Errorf("%s: %+v, declared %v, rare %v", all[2], got, declared, r.Rare(all[2]))
	}
	if r.Rare(all[0]) || sweepOf(100, "mixed", all[0], all[1]).Rare(all[1]) {
		t.Error("a hundredth of the runs or more is rare")
	}
	if len(r.Probes) != len(cluster.Probes()) {
		t.Errorf("%d probes in the report, %d are declared", len(r.Probes), len(cluster.Probes()))
	}
	read, err := ParseReport(encode(t, r))
	if err != nil || !maps.Equal(read.Probes, r.Probes) {
		t.Errorf("read back %v, %v", read, err)
	}
	null := `{"version": 1, "from": 1, "to": 1, "scenarios": ["x"], "probes": null}`
	if _, err := ParseReport([]byte(null)); err == nil || !strings.Contains(err.Error(), "probes are null") {
		t.Errorf("a report without probes: %v", err)
	}
}

func TestALongSweepMustReachWhatIsRequired(t *testing.T) {
	all := required()
	if got := sweepOf(200, "mixed", all[0], all[1:]...).Missed(); got != nil {
		t.Errorf("missed %q", got)
	}
	if got := sweepOf(200, "mixed", all[0], all[2:]...).Missed(); !slices.Equal(got, all[1:2]) {
		t.Errorf("missed %q, want %q", got, all[1:2])
	}
	stopped := sweepOf(200, "mixed", all[0])
	stopped.Complete = false
	merged, err := Merge(shardReaching(0, all[:1]), shardReaching(1, all[2:]))
	if err != nil || !slices.Equal(merged.Missed(), all[1:2]) {
		t.Errorf("two shards of 100 seeds missed %q, %v; want %q", merged.Missed(), err, all[1:2])
	}
	if merged, err = Merge(shardReaching(0, all[:2]), shardReaching(1, all[2:])); err != nil || merged.Missed() != nil {
		t.Errorf("two shards that reach all between them missed %q, %v", merged.Missed(), err)
	}
	older := sweepOf(200, "mixed", all[0], all[2:]...)
	delete(older.Probes, all[1])
	if again, err := ParseReport(encode(t, older)); err != nil || again.Missed() != nil {
		t.Errorf("a probe that an older build did not declare: missed %q, %v", again.Missed(), err)
	}
	for what, r := range map[string]*Report{
		"too short": sweepOf(199, "mixed", all[0]), "another scenario": sweepOf(200, "other", all[0]), "stopped": stopped,
	} {
		if got := r.Missed(); got != nil {
			t.Errorf("%s: held to %q", what, got)
		}
	}
}

// shardReaching is a half of 200 seeds of all scenarios.
func shardReaching(index uint64, names []string) *Report {
	r := newReport("build", 1, 200, Shard{index, 2}, []string{"mixed", "other"})
	for n := range r.total() {
		r.add(r.job(n), reaching(r.job(n).Seed, names...), Failure{})
	}
	r.Complete = true
	return r
}
