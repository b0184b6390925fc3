package cli

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-log/lockstep/sim/cluster"
	"github.com/lockstep-log/lockstep/sim/explore"
)

// shownFailures bounds how many kinds of failures a person is shown; the report has all.
const shownFailures = 20

func printSweep(w io.Writer, r *explore.Report, probes bool, missed []string) {
	t := newTable(w, "Sweep")
	t.row("runs", r.RunsText())
	if r.Shard.Of > 0 {
		t.row("shard", fmt.Sprintf("%v: the seeds that are %d modulo %d", r.Shard, r.Shard.Index, r.Shard.Of))
	}
	for _, p := range r.Parts {
		t.row("part", p.String())
	}
	elapsed := time.Duration(r.ElapsedNs).Round(10 * time.Millisecond)
	t.row("time", fmt.Sprintf("%v, %.1f seeds/s, %.0f virtual seconds a second", elapsed, r.SeedsPerSecond, r.VirtualPerReal))
	t.row("operations", explore.OpsText(r.Ops))
	t.row("elections", fmt.Sprintf("%d; %s", r.Elections, explore.DistributionText(r.Metrics.ElectionMs)))
	t.row("failover", explore.DistributionText(r.Metrics.FailoverMs))
	t.row("data loss", fmt.Sprintf("%d records", r.Metrics.DataLoss))
	if r.Audited > 0 {
		t.row("audit", fmt.Sprintf("%d runs made a second time, %d were another run", r.Audited, r.Nondeterministic()))
	}
	if r.PeakWorkerBytes > 0 {
		t.row("memory", fmt.Sprintf("a worker held at most %d MiB", r.PeakWorkerBytes>>20))
	}
	t.end()
	printCounts(w, "Faults", r.Faults)
	printCounts(w, "Counters", r.Counters)
	if probes {
		printProbes(w, r)
	}
	t = newTable(w, "Oracles")
	for _, v := range r.Oracles {
		t.row(v.Name, v.Text(), v.CheckedText())
	}
	t.end()
	printExcuses(w, &r.Unrecoverable)
	if r.Failed == 0 {
		fmt.Fprintf(w, "%s seeds=%s runs=%d hashes=%v\n", sweepWord(r, missed), seedsText(r), r.Seeds, r.Hashes)
		return
	}
	printFailures(w, r)
	first := r.Failures[0]
	fmt.Fprintf(w, "FAIL seeds=%s failed=%d of %d, first seed=%d oracle=%s\n", seedsText(r), r.Failed, r.Seeds, first.Seed, first.Oracle)
	fmt.Fprintf(w, "%s run --seed %d --scenario %s\n", program(), first.Seed, quote(first.Scenario))
}

func seedsText(r *explore.Report) string {
	text := fmt.Sprintf("%d..%d", r.From, r.To)
	if r.Shard.Of > 0 {
		text += " shard=" + r.Shard.String()
	}
	return text
}

func sweepWord(r *explore.Report, missed []string) string {
	switch {
	case !r.Complete:
		return "STOPPED"
	case r.Ops.OK == 0, len(missed) > 0:
		return "NOTHING PROVEN"
	default:
		return "PASS"
	}
}

func printCounts[N int | uint64](w io.Writer, title string, counts map[string]N) {
	if len(counts) == 0 {
		return
	}
	t := newTable(w, title)
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		t.row(name, fmt.Sprint(counts[name]))
	}
	t.end()
}

func printFailures(w io.Writer, r *explore.Report) {
	by := map[string]int{}
	for _, f := range r.Failures {
		by[f.Oracle]++
	}
	t := newTable(w, "Failures: "+explore.Counts(by))
	kept := map[explore.Job]string{}
	for _, f := range r.Failures {
		kept[f.Job] = f.Artefacts
	}
	kinds := r.KindsByCount()
	for i, k := range kinds {
		if i == shownFailures {
			t.row(fmt.Sprintf("and %d more kinds", len(kinds)-i))
			break
		}
		where := cmp.Or(kept[k.First[0]], "nothing kept")
		t.row(fmt.Sprintf("%d times", k.Count), k.Oracle, firstSeeds(k), where)
		t.row("", shorten(k.Message))
	}
	t.end()
}

// printExcuses shows the first runs that passed without coming to rest.
func printExcuses(w io.Writer, u *explore.Excuses) {
	if u.Count == 0 {
		return
	}
	t := newTable(w, "Unrecoverable: proven from the disks, no correct system could have gone on")
	for _, e := range u.First {
		proof, _, _ := strings.Cut(e.Proof, "\n")
		t.row(fmt.Sprintf("%s %d", e.Scenario, e.Seed), shorten(proof))
	}
	if more := u.Count - uint64(len(u.First)); more > 0 {
		t.row(fmt.Sprintf("and %d more", more))
	}
	t.end()
}

// firstSeeds names the first runs of a kind of failure.
func firstSeeds(k explore.FailureKind) string {
	words := make([]string, len(k.First))
	for i, job := range k.First {
		words[i] = fmt.Sprintf("%s %d", job.Scenario, job.Seed)
		if i > 0 && job.Scenario == k.First[i-1].Scenario {
			words[i] = fmt.Sprint(job.Seed)
		}
	}
	text := strings.Join(words, ", ")
	if k.Count > uint64(len(k.First)) {
		text += ", ..."
	}
	return text
}

// shownMessage is how many characters of a message a table shows.
const shownMessage = 120

func shorten(s string) string {
	if r := []rune(s); len(r) > shownMessage {
		return string(r[:shownMessage]) + "..."
	}
	return s
}

// printProbes lists the probes, those first of which a sweep should have more.
func printProbes(w io.Writer, r *explore.Report) {
	var reached, rare, never []cluster.Probe
	for _, p := range cluster.Probes() {
		if _, declared := r.Probes[p.Name]; !declared {
			continue // by the build that made the report
		}
		switch {
		case r.Probes[p.Name].Runs == 0:
			never = append(never, p)
		case r.Rare(p.Name):
			rare = append(rare, p)
		default:
			reached = append(reached, p)
		}
	}
	t := newTable(w, fmt.Sprintf("Probes: %d reached, %d rare, %d never", len(reached), len(rare), len(never)))
	for _, p := range never {
		t.row("never", p.Name, p.About)
	}
	for _, p := range rare {
		t.row("rare", p.Name, fmt.Sprintf("in %d runs: %s", r.Probes[p.Name].Runs, p.About))
	}
	for _, p := range reached {
		n := r.Probes[p.Name]
		t.row("reached", p.Name, fmt.Sprintf("in %d runs, %d times", n.Runs, n.Times))
	}
	t.end()
}
