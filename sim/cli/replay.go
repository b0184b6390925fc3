package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/lockstep-log/lockstep/sim"
	"github.com/lockstep-log/lockstep/sim/explore"
)

// replayed is the answer of sim replay --json.
type replayed struct {
	Trace      string           `json:"trace"`
	Equal      bool             `json:"equal"`
	Events     uint64           `json:"events"`     // recorded
	Build      string           `json:"build"`      // that recorded it
	OtherBuild bool             `json:"otherBuild"` // and it was not this one
	Divergence *divergence      `json:"divergence,omitempty"`
	Outcome    *explore.Outcome `json:"outcome,omitempty"`
}

type divergence struct {
	Seq      uint64   `json:"seq"`
	Before   []string `json:"before"`
	Recorded string   `json:"recorded"` // empty: the recording had ended
	Replayed string   `json:"replayed"` // empty: the replay had ended
}

func newReplay(r *explore.Registry) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "replay TRACE",
		Short: "Run a recorded trace again and compare event by event",
		Long: "Run a recorded trace again and compare event by event. The first event that\n" +
			"differs is shown from both sides, and the exit code is 3.",
		Example: "  sim run --seed 42 --trace t.bin && sim replay t.bin",
		Args:    oneArg("the trace file that sim run --trace wrote"),
		RunE: func(c *cobra.Command, args []string) error {
			trace, err := explore.OpenTrace(args[0])
			if err != nil {
				return unreadable("replay", args[0], "sim run --seed N --trace FILE", err)
			}
			out, diverged, err := r.Replay(trace)
			if err != nil {
				return badInput("replay: %w", err)
			}
			answer := replayOf(args[0], trace, out, diverged)
			if asJSON {
				err = printJSON(c.OutOrStdout(), answer)
			} else {
				printReplay(c.OutOrStdout(), trace, answer)
			}
			if err != nil {
				return err
			}
			return exitWith(replayCode(answer))
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return c
}

func replayCode(a *replayed) int {
	switch {
	case !a.Equal:
		return Nondeterministic
	case !a.Outcome.Passed:
		return Violated
	default:
		return Passed
	}
}

func replayOf(path string, trace *explore.Recorded, out *explore.Outcome, d *explore.Divergence) *replayed {
	a := &replayed{Trace: path, Events: trace.Events, Build: trace.Build, Outcome: out, Equal: d == nil}
	if build, err := explore.Build(); err == nil {
		a.OtherBuild = build != trace.Build
	}
	if d == nil {
		return a
	}
	a.Divergence = &divergence{Seq: d.Seq, Recorded: side(d.Recorded), Replayed: side(d.Replayed), Before: []string{}}
	for _, e := range d.Before {
		a.Divergence.Before = append(a.Divergence.Before, explore.Describe(e))
	}
	return a
}

func side(e *sim.Event) string {
	if e == nil {
		return ""
	}
	return explore.Describe(*e)
}

func printReplay(w io.Writer, trace *explore.Recorded, a *replayed) {
	s := &trace.Schedule
	if a.Equal {
		fmt.Fprintf(w, "%d events, all equal to the recording\n", a.Events)
		fmt.Fprintln(w, explore.VerdictLine(a.Outcome))
		return
	}
	d := a.Divergence
	fmt.Fprintln(w, "Equal up to here")
	for _, line := range d.Before {
		fmt.Fprintf(w, "  %s\n", line)
	}
	if len(d.Before) == 0 {
		fmt.Fprintln(w, "  (the very first event differs)")
	}
	fmt.Fprintf(w, "\nrecorded  %s\nreplayed  %s\n\n", orEnded(d.Recorded), orEnded(d.Replayed))
	if a.OtherBuild {
		fmt.Fprintf(w, "It was recorded by another build, %s: other code makes other runs.\n", a.Build)
	}
	fmt.Fprintf(w, "DIVERGED seed=%d scenario=%s event=%d of %d\n", s.Seed, s.Scenario, d.Seq, a.Events)
}

func orEnded(side string) string {
	if side == "" {
		return "(no further event)"
	}
	return side
}
