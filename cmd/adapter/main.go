package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/lockstep-log/lockstep/adapter"
)

func main() {
	// The first signal ends ctx, and with it whatever runs cleanly. Then signals
	// have their usual effect again: a second one kills.
	ctx, restore := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, restore)
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the whole command; it returns the exit code.
func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	root := command()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintln(errs, "adapter:", strings.ReplaceAll(err.Error(), "\n", "; "))
	var failed failure
	if !errors.As(err, &failed) || errors.Is(err, adapter.ErrInput) {
		return 2
	}
	return 1
}

// failure is an error of a command's work. Every other error comes from its
// flags and arguments.
type failure struct{ error }

// Unwrap gives the cause.
func (f failure) Unwrap() error { return f.error }

// working marks the errors of a command's work.
func working(work func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if err := work(cmd, args); err != nil {
			return failure{err}
		}
		return nil
	}
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:   "adapter",
		Short: "Lockstep nodes and clients on a real machine",
		Long: `Lockstep nodes and clients on a real machine.

Try it: "adapter dev --dir D" runs a cluster of three nodes; in another shell
"adapter produce demo" takes lines, and "adapter consume demo --from-beginning"
gives them back.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs, // an unknown command is an error, and bare use shows the help
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(formatCommand(), serveCommand(), devCommand(), produceCommand(), consumeCommand(), statusCommand(),
		deleteRecordsCommand(), inspectCommand(), benchCommand())
	return root
}
