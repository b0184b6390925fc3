package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lockstep-log/lockstep/adapter"
)

func inspectCommand() *cobra.Command {
	var quiet bool
	cmd := &cobra.Command{
		Use:   "inspect FILE...",
		Short: "Print and verify files of a data directory",
		Long: `Print and verify files of a data directory: journal files and the journal's
witness, its spares, segments and their indexes, checkpoints, staged snapshots, and the
durable end of an unreplicated partition.

Each line gives an offset, a length and what stands there, in bytes. A file
that does not verify is exit code 1, and says where and what. Nothing is
changed; the node may run, but then the end of what it writes may look torn.`,
		Args: withUse(cobra.MinimumNArgs(1)),
		RunE: working(func(cmd *cobra.Command, files []string) error {
			var bad []error
			for _, file := range files {
				items := 0
				fmt.Fprintf(cmd.OutOrStdout(), "%s\n", file)
				err := adapter.Inspect(file, func(i adapter.InspectedItem) {
					items++
					if !quiet || i.Err != nil {
						fmt.Fprintln(cmd.OutOrStdout(), i)
					}
				})
				switch {
				case errors.Is(err, adapter.ErrInput):
					return err
				case err != nil:
					bad = append(bad, fmt.Errorf("%s: %w", file, err))
				default:
					fmt.Fprintf(cmd.OutOrStdout(), "intact, items: %d\n", items)
				}
			}
			return errors.Join(bad...)
		}),
	}
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "print only what does not verify")
	return cmd
}
