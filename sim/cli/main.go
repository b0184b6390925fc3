package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/lockstep-log/lockstep/sim/explore"
)

// Exit codes; see the package comment.
const (
	Passed           = 0
	Violated         = 1
	BadInput         = 2
	Nondeterministic = 3
	NothingProven    = 4
	Interrupted      = 130

	bisectSkip = 125
)

// exit is an error that carries an exit code. Without a cause nothing is
// printed: the command has said what there is to say.
type exit struct {
	code  int
	cause error
}

func (e *exit) Error() string {
	if e.cause == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.cause.Error()
}

func (e *exit) Unwrap() error { return e.cause }

// exitWith ends a command with a code, 0 included, without an error message.
func exitWith(code int) error {
	if code == Passed {
		return nil
	}
	return &exit{code: code}
}

// badInput is an error of usage or input.
func badInput(format string, args ...any) error {
	return &exit{BadInput, fmt.Errorf(format, args...)}
}

// Main runs the command line of this process and returns its exit code.
func Main(r explore.Registry) int {
	return Run(context.Background(), r, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
}

// interruptible lets a command that saves what it has end cleanly on the first
// signal; the second one ends it at once, as the first ends all other commands.
func interruptible(c *cobra.Command) (stop func()) {
	ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	c.SetContext(ctx)
	return stop
}

// Run runs a command line and returns its exit code.
func Run(ctx context.Context, r explore.Registry, args []string, in io.Reader, out, errs io.Writer) int {
	root := newRoot(&r)
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return Passed
	}
	e, coded := errors.AsType[*exit](err)
	if !coded {
		e = &exit{BadInput, err} // cobra's own: an unknown flag or command
	}
	if e.cause != nil {
		fmt.Fprintf(errs, "sim: %v\n", e.cause)
	}
	return e.code
}

func newRoot(r *explore.Registry) *cobra.Command {
	root := &cobra.Command{
		Use:   "sim",
		Short: "Run the engine in the deterministic simulator",
		Long: "Run the engine in the deterministic simulator.\n\n" +
			"A seed makes a schedule, a schedule makes a run, and the same schedule makes\n" +
			"the same run, bit for bit. Every run ends with the judgement of all oracles.\n\n" +
			"Exit codes: 0 passed, 1 an oracle failed, 2 bad usage or unreadable input,\n" +
			"3 not deterministic, 4 nothing was proven, 130 interrupted.",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(badFlag)
	root.AddCommand(newRun(r), newSweep(r), newMerge(r), newReport(r), newShrink(r), newReplay(r), newCheck(), newMutants(r), newCrashPoints(r), newList(r), newBench(r), newWorker(r))
	return root
}

// program is what to type to start this binary again.
func program() string {
	if info, ok := debug.ReadBuildInfo(); ok && strings.Contains(os.Args[0], string(filepath.Separator)+"go-build") {
		if rest, inside := strings.CutPrefix(info.Path, info.Main.Path+"/"); inside {
			return "go run ./" + rest
		}
	}
	return quote(os.Args[0])
}

// commandLine is what to type to have the command's work done again; it has no
// arguments.
func commandLine(c *cobra.Command) string {
	words := []string{program(), c.Name()}
	c.Flags().Visit(func(flag *pflag.Flag) {
		words = append(words, "--"+flag.Name)
		if flag.Value.Type() != "bool" {
			words = append(words, quote(flag.Value.String()))
		}
	})
	return strings.Join(words, " ")
}

// quote makes one word of a shell command line.
func quote(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/=:,+@%") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
