package checker_test

import (
	"testing"

	"github.com/lockstep-log/lockstep/checker"
)

func TestJournalBounded(t *testing.T) {
	m := checker.NewMonitor(checker.Config{}, nil)
	for _, bytes := range []int64{0, 99, 100} {
		m.ObserveJournal(checker.JournalSize{AtNs: 7, Node: 2, Bytes: bytes, Bound: 100})
	}
	wantClean(t, m.Finish())
	m.ObserveJournal(checker.JournalSize{AtNs: 8, Node: 2, Bytes: 101, Bound: 100})
	report := m.Finish()
	v, _ := report.Verdict(checker.JournalBounded)
	if v.Checked != 4 || v.Violations != 1 {
		t.Errorf("%+v", v)
	}
	if got := report.Violations[0]; got.AtNs != 8 || got.Message != "node 2: its journal takes 101 bytes of the disk, 100 are allowed" {
		t.Errorf("%+v", got)
	}
}
