package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-log/lockstep/sim/explore"
)

type mutantFlags struct {
	only    []string
	dir     string
	keep    string
	budget  uint64
	workers int
	json    bool
}

func newMutants(r *explore.Registry) *cobra.Command {
	var f mutantFlags
	c := &cobra.Command{
		Use:   "mutants",
		Short: "Plant known bugs and have the oracles find them",
		Long: "Plant known bugs and have the oracles find them. Each patch of the mutants'\n" +
			"folder is built beside the tree, which is not touched, and swept until the\n" +
			"oracle that its header names fires. A mutant that is not found within the\n" +
			"budget, or by other oracles only, makes the exit code 1.",
		Example: "  sim mutants --only B01,B34 --budget 500\n" +
			"  sim mutants --only B34 --keep out && out/B34 shrink --seed 3",
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c, r) },
	}
	flags := c.Flags()
	flags.StringSliceVar(&f.only, "only", nil, "only these mutants, by id")
	flags.StringVar(&f.dir, "dir", "scenarios/mutants", "`FOLDER` of patches, relative to the module")
	flags.StringVar(&f.keep, "keep", "", "leave each mutant's binary in this `FOLDER`, under its id: a whole sim")
	flags.Uint64Var(&f.budget, "budget", 500, "how many `SEEDS` each one gets")
	flags.IntVar(&f.workers, "workers", runtime.NumCPU(), "worker processes")
	flags.BoolVar(&f.json, "json", false, "print one JSON object")
	return c
}

func (f *mutantFlags) run(c *cobra.Command, r *explore.Registry) error {
	if f.budget < 1 || f.budget > maxSeeds || f.workers < 1 || f.workers > 1024 {
		return badInput("--budget %d, --workers %d: at least 1 of each, at most %d and 1024", f.budget, f.workers, uint64(maxSeeds))
	}
	defer interruptible(c)()
	module, err := explore.FindModule(c.Context())
	if err != nil {
		return badInput("mutants: %w", err)
	}
	mutants, err := f.load(r, module)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "sim-mutants-")
	if err != nil {
		return badInput("mutants: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	hunt := &explore.Hunt{
		Module: module, Seeds: f.budget, Keep: f.keep,
		Pool: explore.Pool{Workers: f.workers, Budget: explore.DefaultBudget()},
	}
	out := c.OutOrStdout()
	if f.json {
		out = io.Discard
	}
	catches, err := huntAll(c.Context(), out, hunt, mutants, dir)
	if f.json && err == nil {
		err = printJSON(c.OutOrStdout(), map[string]any{"mutants": catches})
	}
	if err != nil {
		return err
	}
	return exitWith(mutantsCode(catches))
}

// load reads the patches that are asked for.
func (f *mutantFlags) load(r *explore.Registry, module *explore.Module) ([]explore.Mutant, error) {
	dir := f.dir
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(module.Dir, dir)
	}
	mutants, err := explore.LoadMutants(dir)
	if err != nil {
		return nil, badInput("mutants: %w", err)
	}
	known := make([]string, len(mutants))
	for i, m := range mutants {
		known[i] = m.ID
		if _, err := r.Lookup(m.Scenario); err != nil {
			return nil, badInput("mutants: %s: %w", m.File, err)
		}
	}
	for _, id := range f.only {
		if !slices.Contains(known, id) {
			return nil, badInput("--only: no mutant %q; known: %s", id, strings.Join(known, ", "))
		}
	}
	return slices.DeleteFunc(mutants, func(m explore.Mutant) bool {
		return len(f.only) > 0 && !slices.Contains(f.only, m.ID)
	}), nil
}

// huntAll hunts one mutant after the other and prints a row as each ends.
func huntAll(ctx context.Context, w io.Writer, hunt *explore.Hunt, mutants []explore.Mutant, dir string) ([]*explore.Catch, error) {
	id, oracle := len("mutant"), len("expected")
	for _, m := range mutants {
		id, oracle = max(id, len(m.ID)), max(oracle, len(m.Oracle))
	}
	format := fmt.Sprintf("%%-%ds   %%-%ds   %%-%ds   %%5s   %%6s   %%s\n", id, oracle, oracle)
	fmt.Fprintf(w, format, "mutant", "expected", "found by", "seeds", "time", "what")
	catches := make([]*explore.Catch, 0, len(mutants))
	for i := range mutants {
		c, err := hunt.Run(ctx, &mutants[i], dir)
		switch {
		case ctx.Err() != nil:
			return catches, exitWith(Interrupted)
		case errors.Is(err, explore.ErrMutant): // the others may still be found
			c = &explore.Catch{ID: mutants[i].ID, About: mutants[i].About, Oracle: mutants[i].Oracle, Unusable: err.Error()}
		case err != nil:
			return catches, badInput("mutants: %w", err)
		}
		catches = append(catches, c)
		by, seeds := "NOT FOUND", c.Seeds
		switch {
		case c.Found:
			by, seeds = c.Oracle, c.Seed
		case c.Unusable != "":
			by = "UNUSABLE"
		}
		fmt.Fprintf(w, format, c.ID, c.Oracle, by, fmt.Sprint(seeds),
			time.Duration(c.WallNs).Round(time.Second), c.About+others(c))
	}
	found := len(catches)
	for _, c := range catches {
		if !c.Found {
			found--
		}
	}
	if hunt.Keep != "" {
		printKept(w, hunt.Keep, catches)
	}
	fmt.Fprintf(w, "\n%s found=%d of %d\n", map[bool]string{true: "PASS", false: "FAIL"}[found == len(catches)], found, len(catches))
	return catches, nil
}

// printKept says what to type to make what was found small.
func printKept(w io.Writer, dir string, catches []*explore.Catch) {
	fmt.Fprintln(w)
	for _, c := range catches {
		if !c.Found {
			continue
		}
		// With its separator the shell does not look for the program in its path.
		program := filepath.Join(dir, c.ID)
		if !filepath.IsAbs(program) {
			program = "." + string(filepath.Separator) + program
		}
		fmt.Fprintf(w, "%s shrink --seed %d --scenario %s --oracle %s\n", quote(program), c.Seed, c.Scenario, c.Oracle)
	}
}

// others names the oracles that fired although another one was wanted.
func others(c *explore.Catch) string {
	switch {
	case c.Unusable != "":
		return " (" + c.Unusable + ")"
	case c.Found || len(c.Fired) == 0:
		return ""
	}
	return " (fired instead: " + explore.Counts(c.Fired) + ")"
}

func mutantsCode(catches []*explore.Catch) int {
	for _, c := range catches {
		if !c.Found {
			return Violated
		}
	}
	return Passed
}
