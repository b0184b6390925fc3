package cli

import (
	"github.com/spf13/cobra"

	"github.com/lockstep-log/lockstep/sim/explore"
)

func newMerge(r *explore.Registry) *cobra.Command {
	var f sweepOutput
	var file string
	c := &cobra.Command{
		Use:   "merge REPORT... [-o FILE]",
		Short: "Make one report of those of several shards",
		Long: "Make one report of those of several shards.\n\n" +
			"The reports must be of one build, of the same scenarios, and of other seeds each.\n" +
			"Everything that a sweep counts is added up, the time too; the output and the exit\n" +
			"code are those of a sweep over all their seeds.",
		Example: "  sim merge out/shard-*.json -o out/sweep.json",
		RunE: func(c *cobra.Command, paths []string) error {
			if len(paths) == 0 {
				return badInput("%s takes the reports to merge; sim sweep --report FILE writes one", c.CommandPath())
			}
			if err := f.check(); err != nil {
				return err
			}
			if err := mayReplace("-o", file); err != nil {
				return err
			}
			report, err := mergeFiles(paths)
			if err != nil {
				return err
			}
			if file != "" {
				if err := explore.WriteFile(file, report.Write); err != nil {
					return badInput("-o: %w", err)
				}
			}
			return f.end(c, r, report)
		},
	}
	c.Flags().StringVarP(&file, "output", "o", "", "save the JSON report in this `FILE`")
	f.flags(c)
	return c
}

func mergeFiles(paths []string) (*explore.Report, error) {
	reports := make([]*explore.Report, len(paths))
	for i, path := range paths {
		var err error
		if reports[i], err = loadReport("merge", path); err != nil {
			return nil, err
		}
	}
	report, err := explore.Merge(reports...)
	if err != nil {
		return nil, badInput("merge: %w", err)
	}
	return report, nil
}
