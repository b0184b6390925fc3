package explore

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func written(t *testing.T, r *Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.WriteMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTheMarkdownPage(t *testing.T) {
	r := sampleReport()
	r.Origin = Origin{
		Began: time.Date(2026, 11, 24, 10, 3, 0, 0, time.UTC), Commit: "c0ffee", Go: "go1.26.8", Platform: "linux/amd64", Cores: 2,
		Commands: []string{"out/sim sweep --seeds 5..9"},
	}
	r.Probes = map[string]ProbeCount{"a/never": {}, "a/often": {Runs: 7, Times: 12345}, "a/once": {Runs: 1, Times: 1}}
	r.Failures[0].Message, r.Kinds = "a | b", nil
	r.addKind(&r.Failures[0])
	text := written(t, r)
	order(t, text, "# Sweep of 2026-11-24: 2 of 7 runs failed\n", "| version | c0ffee |", "| built with | go1.26.8 for linux/amd64, 2 cores; binary build |",
		"| command | `out/sim sweep --seeds 5..9` |", "| seeds | 5 to 9, each over mixed, other |", "| runs | 7 of 10: 5 passed, 2 failed |",
		"| virtual time | 7m0s of cluster life, 7,000 events recorded |", "| elections | 14; 7 measured", "| failover | none measured |",
		"| audit of determinism | 0 runs", "| hashes | ", "## Failures by signature", "| 1 | lost-write | other 6 | a \\| b |",
		"## Faults\n", "| crash | 7 |", "## Oracles", "| lost-write | 35 | 2 |", "## Probes: 2 reached, 0 rare, 1 never",
		"| a/never | 0 | 0 | never |", "| a/once | 1 | 1 |  |", "| a/often | 7 | 12,345 |  |",
		"git checkout c0ffee\n", "\nout/sim sweep --seeds 5..9\n")
	read, err := ParseReport(encode(t, r))
	if err != nil {
		t.Fatal(err)
	}
	read.Kinds = r.Kinds
	if again := written(t, read); again != text {
		t.Errorf("of its file:\n%s\nof the report:\n%s", again, text)
	}
	whole := lostReport(Shard{}, numbers(60))
	order(t, written(t, whole), "# Sweep of an unknown day: 60 runs, all passed\n", "| runs | 60 of 60: 60 passed, of them 30 proven unrecoverable, 0 failed |",
		"## Unrecoverable", "| beyond 2 | group 1: offset 2 is on no disk |", "|  | and 20 more |")
	whole.Origin = Origin{Began: r.Origin.Began, Commit: "c0ffee", Modified: true}
	order(t, written(t, whole), "| version | c0ffee, with changes |")
	whole.Origin.Commit = ""
	if text := written(t, whole); !strings.Contains(text, "unknown: it was built without -buildvcs=true") || strings.Contains(text, "git checkout") {
		t.Errorf("a build that knows no version:\n%s", text)
	}
}

// Each page of the ledger is what its report says, and nobody's prose.
func TestTheLedgersPagesAreTheirReports(t *testing.T) {
	reports, err := filepath.Glob("../../docs/ledger/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range reports {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) > 200_000 {
			t.Errorf("%s has %d bytes: too many for a repository", path, len(b))
		}
		r, err := ParseReport(b)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		beside := strings.TrimSuffix(path, ".json") + ".md"
		want, err := os.ReadFile(beside)
		if err != nil || written(t, r) != string(want) {
			t.Errorf("%s is not what go run ./cmd/sim report %s --markdown %s writes (%v)", beside, path, beside, err)
		}
		if r.Origin.Commit == "" || r.Origin.Modified {
			t.Errorf("%s: made by no commit that anyone could check out: %+v", path, r.Origin)
		}
	}
}

func TestMergedReportsComeFromAllCommands(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 11, n, 0, 0, 0, 0, time.UTC) }
	a := Origin{Began: day(3), Commit: "c0ffee", Cores: 2, Commands: []string{"a"}}
	b := Origin{Began: day(2), Commit: "c0ffee", Cores: 4, Commands: []string{"b", "a"}}
	got := Origin{}.and(a).and(b).and(Origin{})
	if !got.Began.Equal(day(2)) || got.Commit != "c0ffee" || got.Cores != 4 || strings.Join(got.Commands, " ") != "a b" {
		t.Errorf("%+v", got)
	}
	if len(a.Commands) != 1 {
		t.Errorf("the first one has become %+v", a)
	}
}
