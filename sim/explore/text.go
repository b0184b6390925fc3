package explore

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/lockstep-log/lockstep/sim/cluster"
)

// WriteText writes Text into a file.
func WriteText(path string, s cluster.Schedule, o *Outcome) error {
	return WriteFile(path, func(w io.Writer) error { return Text(w, s, o) })
}

// Text tells a run to a person: what the cluster was, what was done to it, what
// happened, and what each oracle says. The verdict is its last line.
func Text(w io.Writer, s cluster.Schedule, o *Outcome) error {
	t := &page{}
	t.cluster(&s)
	t.faults(&s, o)
	t.happened(o)
	t.oracles(o)
	t.violations(o)
	t.line("%s", VerdictLine(o))
	_, err := io.WriteString(w, t.text.String())
	return err
}

// VerdictLine is the one line that says how a run ended.
func VerdictLine(o *Outcome) string {
	if o.Passed {
		return fmt.Sprintf("PASS seed=%d hash=%v", o.Seed, o.Hash)
	}
	return fmt.Sprintf("FAIL seed=%d oracle=%s", o.Seed, o.Oracle())
}

// page collects sections of aligned columns.
type page struct{ text strings.Builder }

func (p *page) line(format string, args ...any) { fmt.Fprintf(&p.text, format+"\n", args...) }

// section prints a title and rows of tab-separated cells, aligned.
func (p *page) section(title string, rows func(row func(cells ...string))) {
	p.line("%s", title)
	t := tabwriter.NewWriter(&p.text, 0, 0, 3, ' ', 0)
	rows(func(cells ...string) {
		fmt.Fprintln(t, "  "+strings.Join(cells, "\t"))
	})
	_ = t.Flush() // into memory
	p.line("")
}

func (p *page) cluster(s *cluster.Schedule) {
	p.section("Cluster", func(row func(...string)) {
		row("scenario", fmt.Sprintf("%s, seed %d", s.Scenario, s.Seed))
		row("nodes", fmt.Sprint(s.Nodes))
		row("partitions", fmt.Sprintf("%d, replication %d, min ISR %d", s.Partitions, s.Replication, s.MinISR))
		n := s.Network
		row("network", fmt.Sprintf("%v to %v, tail %v for %s; lost %s, twice %s, reordered %s, corrupted %s",
			span(n.BaseNs), span(n.BaseNs+n.JitterNs), span(n.TailNs), percent(n.TailPPM),
			percent(n.LossPPM), percent(n.DuplicatePPM), percent(n.ReorderPPM), percent(n.CorruptPPM)))
		d := s.Disk
		row("disk", fmt.Sprintf("write %v, sync %v, plus up to %v, tail %v for %s",
			span(d.WriteNs), span(d.SyncNs), span(d.JitterNs), span(d.TailNs), percent(d.TailPPM)))
		row("clocks", fmt.Sprintf("wall off by up to %v, drift up to %d ppm", span(s.Clock.WallSpreadNs), s.Clock.DriftPPM))
		l := s.Workload
		row("load", fmt.Sprintf("%d clients; a second %s produces, %s fetches, %s list-offsets; values of %d B",
			l.Clients, rate(l.ProducesPerMinute), rate(l.FetchesPerMinute), rate(l.ListsPerMinute), l.ValueBytes))
		row("time", fmt.Sprintf("%v of load and faults, then up to %v healed", span(s.DurationNs), span(s.HealNs)))
	})
}

// faults prints the timeline that the run kept, or else the plan.
func (p *page) faults(s *cluster.Schedule, o *Outcome) {
	if len(o.Notes) > 0 {
		p.section("What was done", func(row func(...string)) {
			for _, note := range o.Notes {
				row(strings.ReplaceAll(strings.TrimRight(note, "\n"), "\n", "\n  "))
			}
		})
		return
	}
	p.section("What was planned", func(row func(...string)) {
		for _, f := range s.Faults {
			row(span(f.AtNs).String(), f.Kind, target(&f), "for "+span(f.ForNs).String())
		}
		if len(s.Faults) == 0 {
			row("no faults")
		}
	})
}

func target(f *cluster.Fault) string {
	if len(f.Nodes) > 0 {
		return "nodes " + strings.Trim(fmt.Sprint(f.Nodes), "[]")
	}
	return f.Role
}

func (p *page) happened(o *Outcome) {
	p.section("What happened", func(row func(...string)) {
		row("operations", fmt.Sprintf("%d ok, %d failed, %d unknown", o.Ops.OK, o.Ops.Failed, o.Ops.Unknown))
		row("elections", fmt.Sprintf("%d; %s", o.Elections, QuantilesText(o.Metrics.ElectionMs)))
		row("failover", QuantilesText(o.Metrics.FailoverMs))
		row("data loss", fmt.Sprintf("%d records", o.Metrics.DataLoss))
		row("ISR accuracy", accuracy(o.Metrics.ISRAccuracyPct))
		row("faults", Counts(o.Faults))
		row("virtual time", fmt.Sprintf("%v in %v, %d events", span(o.VirtualNs), span(o.WallNs).Round(time.Millisecond), o.Events))
	})
	if len(o.Counters) == 0 {
		return
	}
	p.section("Counters", func(row func(...string)) {
		for _, name := range slices.Sorted(maps.Keys(o.Counters)) {
			row(name, fmt.Sprint(o.Counters[name]))
		}
	})
}

func (p *page) oracles(o *Outcome) {
	p.section("Oracles", func(row func(...string)) {
		for _, v := range o.Oracles {
			row(v.Name, verdict(v), fmt.Sprintf("%d checked", v.Checked))
		}
		if len(o.Oracles) == 0 {
			row("none ran")
		}
	})
}

func verdict(v Verdict) string {
	switch {
	case v.Violations > 0:
		return fmt.Sprintf("FAILED %d times", v.Violations)
	case v.Checked == 0:
		return "not exercised"
	default:
		return "ok"
	}
}

// shownViolations bounds what a person is shown; --json has the rest.
const shownViolations = 10

func (p *page) violations(o *Outcome) {
	if len(o.Violations) == 0 {
		return
	}
	p.section("Violations", func(row func(...string)) {
		for i, v := range o.Violations {
			if i == shownViolations {
				row(fmt.Sprintf("and %d more", len(o.Violations)-i))
				return
			}
			row(fmt.Sprintf("%s at %v: %s", v.Oracle, span(v.AtNs), v.Message))
		}
	})
}

func span(ns int64) time.Duration { return time.Duration(ns) }

func percent(ppm uint64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.4f", float64(ppm)/1e4), "0"), ".") + "%"
}

func rate(perMinute int64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", float64(perMinute)/60), "0"), ".")
}

// QuantilesText renders a metric that may have no samples.
func QuantilesText(q *Quantiles) string {
	if q == nil {
		return "no samples"
	}
	return fmt.Sprintf("p50 %.0f ms, p99 %.0f ms, longest %.0f ms, of %d", q.P50, q.P99, q.Max, q.Samples)
}

func accuracy(pct *float64) string {
	if pct == nil {
		return "no samples"
	}
	return fmt.Sprintf("%.3f%%", *pct)
}

// Counts renders "crash 3, partition 2".
func Counts[N int | uint64](m map[string]N) string {
	if len(m) == 0 {
		return "none"
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, m[name]))
	}
	return strings.Join(parts, ", ")
}
