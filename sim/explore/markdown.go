package explore

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// WriteMarkdown renders the report as a page for docs/ledger. It is a function
// of the report alone, whatever the binary that renders it declares.
func (r *Report) WriteMarkdown(w io.Writer) error {
	p := &markdown{}
	p.line("# Sweep of %s: %s", orUnknown(r.Origin.Began.Format(time.DateOnly), r.Origin.Began.IsZero()), r.headline())
	p.line("")
	p.figures(r)
	p.failures(r)
	p.excuses(&r.Unrecoverable)
	p.table("Faults", []string{"kind", "times"}, countRows(r.Faults))
	p.oracles(r)
	p.probes(r)
	p.again(r)
	_, err := io.WriteString(w, p.text.String())
	return err
}

func orUnknown(s string, unknown bool) string {
	if unknown {
		return "an unknown day"
	}
	return s
}

// headline says in a few words what the sweep came to.
func (r *Report) headline() string {
	switch {
	case r.Failed > 0:
		return thousands(r.Failed) + " of " + thousands(r.Seeds) + " runs failed"
	case !r.Complete:
		return fmt.Sprintf("%s of %s runs, then stopped", thousands(r.Seeds), thousands(r.total()))
	default:
		return thousands(r.Seeds) + " runs, all passed"
	}
}

type markdown struct{ text strings.Builder }

func (p *markdown) line(format string, args ...any) { fmt.Fprintf(&p.text, format+"\n", args...) }

// row prints cells; a bar in one would end it.
func (p *markdown) row(cells ...string) {
	for i, c := range cells {
		cells[i] = strings.NewReplacer("|", "\\|", "\n", " ").Replace(c)
	}
	p.line("| %s |", strings.Join(cells, " | "))
}

// table prints nothing for no rows.
func (p *markdown) table(title string, head []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	p.line("\n## %s\n", title)
	p.row(head...)
	p.line("|%s", strings.Repeat("---|", len(head)))
	for _, cells := range rows {
		p.row(cells...)
	}
}

func (p *markdown) figures(r *Report) {
	p.row("what", "figure")
	p.line("|---|---|")
	o := &r.Origin
	if !o.Began.IsZero() {
		p.row("begun", o.Began.Format("2006-01-02 15:04 MST"))
		p.row("version", o.version())
		p.row("built with", fmt.Sprintf("%s for %s, %d cores; binary %s", o.Go, o.Platform, o.Cores, r.Build))
	}
	for _, command := range o.Commands {
		p.row("command", "`"+command+"`")
	}
	for _, part := range r.Parts {
		p.row("part", part.String())
	}
	shard := ""
	if r.Shard != (Shard{}) {
		shard = fmt.Sprintf(", shard %v", r.Shard)
	}
	p.row("seeds", fmt.Sprintf("%d to %d%s, each over %s", r.From, r.To, shard, strings.Join(r.Scenarios, ", ")))
	p.row("runs", r.RunsText())
	virtual := time.Duration(r.VirtualNs).Round(time.Second)
	p.row("virtual time", fmt.Sprintf("%v of cluster life, %s events recorded", virtual, thousands(r.Events)))
	p.row("real time", fmt.Sprintf("%v: %.1f runs and %.0f virtual seconds a second",
		time.Duration(r.ElapsedNs).Round(time.Second), r.SeedsPerSecond, r.VirtualPerReal))
	p.row("operations", OpsText(r.Ops))
	p.row("elections", fmt.Sprintf("%d; %s", r.Elections, DistributionText(r.Metrics.ElectionMs)))
	p.row("failover", DistributionText(r.Metrics.FailoverMs))
	p.row("data loss", fmt.Sprintf("%d acknowledged records", r.Metrics.DataLoss))
	p.row("audit of determinism", fmt.Sprintf("%s runs made a second time, %d were another run", thousands(r.Audited), r.Nondeterministic()))
	if r.PeakWorkerBytes > 0 {
		p.row("memory", fmt.Sprintf("a worker held at most %d MiB", r.PeakWorkerBytes>>20))
	}
	p.row("hashes", r.Hashes.String())
}

// shownKinds bounds the page, shownText a cell of it; the report has all.
const (
	shownKinds = 50
	shownText  = 400
)

func (p *markdown) failures(r *Report) {
	var rows [][]string
	for i, k := range r.KindsByCount() {
		if i == shownKinds {
			rows = append(rows, []string{"", "", "", fmt.Sprintf("and %d kinds more", len(r.Kinds)-i)})
			break
		}
		rows = append(rows, []string{fmt.Sprint(k.Count), k.Oracle, fmt.Sprintf("%s %d", k.First[0].Scenario, k.First[0].Seed), clipped(k.Message)})
	}
	p.table("Failures by signature", []string{"times", "oracle", "first", "message"}, rows)
}

func (p *markdown) excuses(u *Excuses) {
	var rows [][]string
	for _, e := range u.First {
		rows = append(rows, []string{fmt.Sprintf("%s %d", e.Scenario, e.Seed), clipped(e.Proof)})
	}
	if more := u.Count - uint64(len(u.First)); more > 0 {
		rows = append(rows, []string{"", fmt.Sprintf("and %d more", more)})
	}
	p.table("Unrecoverable: proven from the disks, no correct system could have gone on", []string{"run", "proof"}, rows)
}

func clipped(s string) string {
	if r := []rune(s); len(r) > shownText {
		return string(r[:shownText]) + "..."
	}
	return s
}

func (p *markdown) oracles(r *Report) {
	var rows [][]string
	for _, v := range r.Oracles {
		rows = append(rows, []string{v.Name, thousands(v.Checked), fmt.Sprint(v.Violations)})
	}
	p.table("Oracles", []string{"oracle", "looked at", "violations"}, rows)
}

func (p *markdown) probes(r *Report) {
	var rows [][]string
	var reached, rare, never int
	order := func(a, b string) int {
		return cmp.Or(cmp.Compare(r.Probes[a].Runs, r.Probes[b].Runs), cmp.Compare(a, b))
	}
	for _, name := range slices.SortedFunc(maps.Keys(r.Probes), order) {
		n, word := r.Probes[name], ""
		switch {
		case n.Runs == 0:
			never, word = never+1, "never"
		case r.Rare(name):
			rare, word = rare+1, "rare"
		default:
			reached++
		}
		rows = append(rows, []string{name, thousands(n.Runs), thousands(n.Times), word})
	}
	p.table(fmt.Sprintf("Probes: %d reached, %d rare, %d never", reached, rare, never), []string{"probe", "runs", "times", ""}, rows)
}

// again says how anyone makes the same sweep.
func (p *markdown) again(r *Report) {
	if r.Origin.Commit == "" || len(r.Origin.Commands) == 0 {
		return
	}
	p.line("\n## The same again\n\n```")
	p.line("git checkout %s", r.Origin.Commit)
	p.line("go build -buildvcs=true -o out/sim ./cmd/sim")
	for _, command := range r.Origin.Commands {
		p.line("%s", command)
	}
	p.line("```\n\nThe line `hashes` digests every run: it comes out the same on any machine, with any number of workers.")
}

func countRows[N int | uint64](counts map[string]N) [][]string {
	var rows [][]string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		rows = append(rows, []string{name, thousands(uint64(counts[name]))})
	}
	return rows
}

// thousands writes 1234567 as 1,234,567.
func thousands(n uint64) string {
	s := fmt.Sprint(n)
	for at := len(s) - 3; at > 0; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	return s
}
