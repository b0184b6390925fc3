package explore

import (
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/lockstep-log/lockstep/sim/cluster"
)

// WriteText writes all of Text into a file.
func WriteText(path string, s cluster.Schedule, o *Outcome) error {
	return WriteFile(path, func(w io.Writer) error { return Text(w, s, o, true) })
}

// Text tells a run to a person: what the cluster was, what was done to it and
// what came of it, and what each oracle says. What went wrong comes before the
// numbers, the verdict is the last line. Unless it is to tell all, the timeline
// is a part of itself: see excerpt.
func Text(w io.Writer, s cluster.Schedule, o *Outcome, all bool) error {
	t := &page{}
	t.cluster(&s)
	t.violations(o, all)
	t.unrecoverable(o)
	t.timeline(o, all)
	t.happened(o)
	t.counters(o)
	t.oracles(o)
	t.line("%s", VerdictLine(o))
	_, err := io.WriteString(w, t.text.String())
	return err
}

// VerdictLine is the one line that says how a run ended.
func VerdictLine(o *Outcome) string {
	switch {
	case o.Passed && o.Unrecoverable != "":
		return fmt.Sprintf("PASS seed=%d hash=%v unrecoverable: no correct system could have gone on", o.Seed, o.Hash)
	case o.Passed:
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

func (p *page) happened(o *Outcome) {
	p.section("What happened", func(row func(...string)) {
		row("operations", OpsText(o.Ops))
		row("elections", fmt.Sprintf("%d; %s", o.Elections, QuantilesText(o.Metrics.ElectionMs)))
		row("failovers", QuantilesText(o.Metrics.FailoverMs))
		row("data loss", fmt.Sprintf("%d acknowledged records", o.Metrics.DataLoss))
		row("ISR accuracy", accuracy(o.Metrics.ISRAccuracyPct))
		row("faults", Counts(o.Faults))
		row("time", fmt.Sprintf("%v virtual, %v real, %d events recorded", cluster.Rounded(o.VirtualNs), cluster.Rounded(o.WallNs), o.Events))
	})
}

// countersInARow is how many counters share a line.
const countersInARow = 4

func (p *page) counters(o *Outcome) {
	var cells []string
	for _, name := range slices.Sorted(maps.Keys(o.Counters)) {
		if n := o.Counters[name]; n != 0 {
			cells = append(cells, fmt.Sprintf("%d %s", n, spaced(name)))
		}
	}
	if len(cells) == 0 {
		return
	}
	p.section("Counters, those that are not 0", func(row func(...string)) {
		for line := range slices.Chunk(cells, countersInARow) {
			row(line...)
		}
	})
}

// spaced writes a counter's name in words: "lost unsynced writes".
func spaced(name string) string {
	var b strings.Builder
	for _, r := range name {
		if unicode.IsUpper(r) {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return strings.Replace(b.String(), "isr ", "ISR ", 1)
}

func (p *page) oracles(o *Outcome) {
	p.section("Oracles", func(row func(...string)) {
		for _, v := range o.Oracles {
			row(v.Name, v.Text(), v.CheckedText())
		}
		if len(o.Oracles) == 0 {
			row("none ran")
		}
	})
}

// Text is the verdict itself.
func (v Verdict) Text() string {
	switch {
	case v.Violations > 0:
		return fmt.Sprintf("FAILED, %d of %d", v.Violations, v.Checked)
	case v.Checked == 0:
		return "not exercised"
	default:
		return "ok"
	}
}

// CheckedText says how much the verdict rests on: what was looked at while the
// run went on, and afterwards in its history.
func (v Verdict) CheckedText() string {
	switch v.InHistory {
	case 0:
		return fmt.Sprintf("%d checked", v.Checked)
	case v.Checked:
		return fmt.Sprintf("%d checked in the history", v.Checked)
	default:
		return fmt.Sprintf("%d checked, %d of them in the history", v.Checked, v.InHistory)
	}
}

// shownViolations bounds what a person is shown; --json has the rest.
const shownViolations = 10

func (p *page) violations(o *Outcome, all bool) {
	if len(o.Violations) == 0 {
		return
	}
	title := "Violations"
	if at, ok := firstViolation(o); ok {
		title += ", the first at " + instant(at)
	}
	p.section(title, func(row func(...string)) {
		for i, v := range o.Violations {
			if i == shownViolations && !all {
				row(fmt.Sprintf("and %d more", len(o.Violations)-i))
				return
			}
			at := ""
			if v.AtNs != 0 {
				at = " at " + instant(v.AtNs)
			}
			row(v.Oracle + at + ": " + indented(Brief(v.Message)))
		}
	})
}

// unrecoverable tells why nobody could have demanded progress.
func (p *page) unrecoverable(o *Outcome) {
	if o.Unrecoverable == "" {
		return
	}
	p.section("Unrecoverable: proven from the disks, no correct system could have gone on", func(row func(...string)) {
		row(indented(o.Unrecoverable))
	})
}

// firstViolation is the earliest instant that a violation names.
func firstViolation(o *Outcome) (atNs int64, ok bool) {
	for _, v := range o.Violations {
		if v.AtNs != 0 && (!ok || v.AtNs < atNs) {
			atNs, ok = v.AtNs, true
		}
	}
	return atNs, ok
}

// shownValue is how much of a quoted value a person is shown.
const shownValue = 24

var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// Brief cuts the long quoted values in a message.
func Brief(message string) string {
	return quoted.ReplaceAllStringFunc(message, func(s string) string {
		if len(s) <= shownValue+2 {
			return s
		}
		cut := shownValue + 1
		if at := strings.LastIndexByte(s[:cut], '\\'); at >= cut-4 && at > 0 {
			cut = at // an escape is not torn
		}
		return strings.ToValidUTF8(s[:cut], "") + `..."`
	})
}

// instant renders a moment of a run, in milliseconds.
func instant(ns int64) string { return fmt.Sprintf("%.3fs", float64(ns)/1e9) }

func span(ns int64) time.Duration { return time.Duration(ns) }

// OpsText counts operations by what became of them.
func OpsText(o Ops) string {
	return fmt.Sprintf("%d asked, %d answered: %d ok, %d failed, %d unknown",
		o.Total(), o.Total()-o.Unanswered, o.OK, o.Failed, o.Unknown-o.Unanswered)
}

// QuantilesText renders a metric that may have no samples.
func QuantilesText(q *Quantiles) string {
	if q == nil {
		return "none measured"
	}
	ms := func(v float64) time.Duration { return cluster.Rounded(int64(v * 1e6)) }
	return fmt.Sprintf("%d measured: p50 %v, p99 %v, longest %v", q.Samples, ms(q.P50), ms(q.P99), ms(q.Max))
}

// DistributionText is QuantilesText, and where to look for the longest.
func DistributionText(d *Distribution) string {
	if d == nil {
		return QuantilesText(nil)
	}
	return fmt.Sprintf("%s (%s, seed %d)", QuantilesText(&d.Quantiles), d.Longest.Scenario, d.Longest.Seed)
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
