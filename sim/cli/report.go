package cli

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/lockstep-log/lockstep/sim/explore"
)

func newReport(r *explore.Registry) *cobra.Command {
	var f sweepOutput
	c := &cobra.Command{
		Use:   "report REPORT",
		Short: "Show the report that a sweep or merge has saved",
		Long: "Show the report that a sweep or merge has saved, of another build, too. The output\n" +
			"and the exit code are those of the sweep.",
		Example: "  sim report docs/ledger/2026-11-23.json --markdown out/2026-11-23.md",
		Args:    oneArg("the report that sim sweep --report saved"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			report, err := loadReport("report", args[0])
			if err != nil {
				return err
			}
			return f.end(c, r, report)
		},
	}
	f.flags(c)
	return c
}

// loadReport reads the report at a path; what is how the command line names it.
func loadReport(what, path string) (*explore.Report, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, unreadable(what, path, "sim sweep --report", err)
	}
	report, err := explore.ParseReport(b)
	if err != nil {
		return nil, unreadable(what, path, "sim sweep --report", err)
	}
	return report, nil
}
