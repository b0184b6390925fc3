package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/sim/explore"
)

// checked is the answer of sim check --json.
type checked struct {
	History string         `json:"history"`
	Source  string         `json:"source"`
	Ops     int            `json:"ops"`
	Passed  bool           `json:"passed"`
	Report  checker.Report `json:"report"`
}

func newCheck() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "check HISTORY",
		Short: "Judge a recorded history with the same oracles",
		Long: "Judge a recorded history with the same oracles: one that sim run --history\n" +
			"wrote, or one recorded from a live cluster.",
		Example: "  sim run --seed 42 --history h.jsonl && sim check h.jsonl",
		Args:    oneArg("the history file"),
		RunE: func(c *cobra.Command, args []string) error {
			h, err := readHistory(args[0])
			if err != nil {
				return unreadable("check", args[0], "sim run --seed N --history FILE", err)
			}
			a := &checked{History: args[0], Source: h.Meta.Source, Ops: len(h.Ops), Report: checker.Check(h, checker.Options{Porcupine: true})}
			a.Passed = a.Report.Passed()
			if a.Report.Violations == nil {
				a.Report.Violations = []checker.Violation{} // a list in JSON, too
			}
			if asJSON {
				err = printJSON(c.OutOrStdout(), a)
			} else {
				printCheck(c.OutOrStdout(), h, a)
			}
			if err != nil {
				return err
			}
			return exitWith(checkCode(h, a))
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return c
}

func readHistory(path string) (*checker.History, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return checker.ReadHistory(bytes.NewReader(b))
}

func checkCode(h *checker.History, a *checked) int {
	if !a.Passed {
		return Violated
	}
	for i := range h.Ops {
		if h.Ops[i].Outcome == checker.OK {
			return Passed
		}
	}
	return NothingProven
}

func printCheck(w io.Writer, h *checker.History, a *checked) {
	records := 0
	for _, l := range h.Logs {
		records += len(l.Records)
	}
	t := newTable(w, "History")
	t.row("source", a.Source)
	t.row("operations", fmt.Sprint(a.Ops))
	t.row("records", fmt.Sprintf("%d; partitions %d", records, len(h.Logs)))
	t.end()
	if len(a.Report.Violations) > 0 {
		t = newTable(w, "Violations")
		for _, v := range a.Report.Violations {
			t.row(explore.Brief(v.String()))
		}
		t.end()
	}
	t = newTable(w, "Oracles")
	for _, v := range a.Report.Verdicts {
		said := explore.Verdict{Checked: v.Checked, InHistory: v.Checked, Violations: v.Violations}
		t.row(v.Oracle, said.Text(), said.CheckedText())
	}
	t.end()
	if a.Passed {
		fmt.Fprintf(w, "PASS history=%s\n", a.History)
		return
	}
	oracle := "unknown"
	if len(a.Report.Violations) > 0 {
		oracle = a.Report.Violations[0].Oracle
	}
	fmt.Fprintf(w, "FAIL history=%s oracle=%s\n", a.History, oracle)
}
