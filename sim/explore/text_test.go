package explore

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/sim/cluster"
)

// told gives a page's text for a run with a long timeline, a note a second.
func told(t *testing.T, s cluster.Schedule, o *Outcome, all bool) string {
	t.Helper()
	o.Timeline = nil
	for i := range 100 {
		sign := []string{"", "!", "<"}[i%3]
		o.Timeline = append(o.Timeline, cluster.Note{AtNs: int64(i+1) * 1e9, Sign: sign, Text: fmt.Sprintf("note %d.", i)})
	}
	var b strings.Builder
	if err := Text(&b, s, o, all); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func order(t *testing.T, text string, words ...string) {
	t.Helper()
	from := 0
	for _, w := range words {
		at := strings.Index(text[from:], w)
		if at < 0 {
			t.Errorf("no %q, or not in its place, in\n%s", w, text)
			return
		}
		from += at + len(w)
	}
}

func TestThePageOfARunThatPassed(t *testing.T) {
	s := cluster.Defaults(5)
	s.Network.LossPPM, s.Disk.TailPPM, s.Clock.WallSpreadNs = 0, 0, 0
	text := told(t, s, passed(5), false)
	order(t, text, "Cluster\n", "Timeline", "\n    1.000s    note 0.", "\n    2.000s !  note 1.", "\n    3.000s <  note 2.",
		"... 79 more, --verbose", "note 99.", "What happened\n", "Counters", "Oracles\n", "PASS seed=5 hash=")
	for _, off := range []string{"% lost", "some 1ms late", "wall off", "Violations", "note 50."} {
		if strings.Contains(text, off) {
			t.Errorf("%q is told of in\n%s", off, text)
		}
	}
	if all := told(t, s, passed(5), true); !strings.Contains(all, "note 50.") || strings.Contains(all, "...") {
		t.Errorf("not all is told in\n%s", all)
	}
}

func TestThePageOfARunThatFailed(t *testing.T) {
	o := failing(5)
	o.Violations = []Violation{
		{Oracle: "lost-write", Message: fmt.Sprintf("%q is missing", strings.Repeat("v", 700)), AtNs: 60_500_000_000},
		{Oracle: "durability", Message: "gone", AtNs: 50_500_000_000},
		{Oracle: "isr-accuracy", Message: "without an instant"},
	}
	o.Oracles = append(o.Oracles, Verdict{Name: "gapless-offsets", Checked: 9, InHistory: 4})
	text := told(t, cluster.Defaults(5), o, false)
	order(t, text, "Violations, the first at 50.500s\n", `lost-write at 60.500s: "vvvvvvvvvvvvvvvvvvvvvvvv..." is missing`, "isr-accuracy: without",
		"Timeline", "... 34 more", "note 34.", "note 49.", "50.500s >> the first violation", "note 50.", "... 45 more",
		"What happened\n", "Counters", "Oracles\n", "FAILED, 1 of 5", "9 checked, 4 of them in the history", "FAIL seed=5 oracle=lost-write\n")
}

func TestBriefCutsLongValuesOnly(t *testing.T) {
	for message, want := range map[string]string{
		`no value`:                                  `no value`,
		`"short" and "twenty-four bytes long."`:     `"short" and "twenty-four bytes long."`,
		`got "` + strings.Repeat("x", 23) + `\"yz"`: `got "` + strings.Repeat("x", 23) + `..."`,
		`"` + strings.Repeat("ä", 20) + `"`:         `"` + strings.Repeat("ä", 12) + `..."`,
		`an open " quote`:                           `an open " quote`,
	} {
		if got := Brief(message); got != want {
			t.Errorf("%s became %s, want %s", message, got, want)
		}
	}
}

func TestThePageTellsOfLimitsAndOfWhatIsHealed(t *testing.T) {
	s := cluster.Defaults(5)
	for _, off := range []string{"B/s", "queues of", "damage", "quorum of each group"} {
		if text := told(t, s, passed(5), false); strings.Contains(text, off) {
			t.Errorf("%q is told of in\n%s", off, text)
		}
	}
	s.Network.BytesPerSecond, s.Network.QueueBytes, s.Heal, s.Beyond = 1_250_000, 256<<10, cluster.HealQuorum, true
	order(t, told(t, s, passed(5), false), "1.25 MB/s, queues of 256 KiB\n", "with a quorum of each group healed and the rest broken\n",
		"damage ", "may go beyond what the protocol promises to survive\n")
}
