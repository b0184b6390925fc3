package cli

import (
	"os"
	"os/signal"

	"github.com/spf13/cobra"

	"github.com/lockstep-log/lockstep/sim/explore"
)

// newWorker is the command that a sweep starts this binary with.
func newWorker(r *explore.Registry) *cobra.Command {
	return &cobra.Command{
		Use:    explore.WorkerCommand,
		Short:  "Serve runs to a sweep over stdin and stdout",
		Hidden: true,
		Args:   noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			// Ctrl-C reaches the whole process group; the sweep decides.
			signal.Ignore(os.Interrupt)
			out := c.OutOrStdout()
			// The talk goes over stdout: what a run prints must not get into it.
			os.Stdout = os.Stderr
			return r.Worker(c.InOrStdin(), out)
		},
	}
}
