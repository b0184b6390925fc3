package explore

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"time"
)

// Hunt sweeps a mutant until its oracle names it.
type Hunt struct {
	Module *Module
	Pool   Pool   // its Command is not used
	Seeds  uint64 // budget: seeds 1 to this
	// Keep is the folder that each mutant's binary is left in, under its id; empty:
	// none is kept.
	Keep string
}

// Catch is how a hunt ended.
type Catch struct {
	ID       string `json:"id"`
	About    string `json:"about"`
	Oracle   string `json:"oracle"`
	Scenario string `json:"scenario"`
	Found    bool   `json:"found"`
	// Seed is the lowest that its oracle found it with; since seeds count from 1
	// it is also how many were needed. 0: not found.
	Seed    uint64         `json:"seed"`
	Message string         `json:"message,omitempty"`
	Seeds   uint64         `json:"seeds"` // how many were run
	Fired   map[string]int `json:"fired"` // oracle -> in how many runs it fired
	WallNs  int64          `json:"wallNs"`
	// Unusable says why the mutant could not be built; empty: it was.
	Unusable string `json:"unusable,omitempty"`
}

// Run builds the mutant in dir and hunts it. An error means that the mutant
// could not be tried; one that was not found is no error here.
func (h *Hunt) Run(ctx context.Context, mutant *Mutant, dir string) (*Catch, error) {
	began := time.Now()
	c := &Catch{
		ID: mutant.ID, About: mutant.About, Oracle: mutant.Oracle, Scenario: mutant.Scenario,
		Fired: map[string]int{},
	}
	binary, err := h.Module.Build(ctx, mutant, dir, fmt.Sprintf("sim-%s", mutant.ID))
	if err != nil {
		return nil, err
	}
	if h.Keep != "" {
		if err := keepBinary(binary, filepath.Join(h.Keep, mutant.ID)); err != nil {
			return nil, fmt.Errorf("keeping the binary of %s: %w", mutant.ID, err)
		}
	}
	pool := h.Pool
	pool.Command = func() (*exec.Cmd, error) { return exec.Command(binary, WorkerCommand), nil }
	// Seeds below the one that found it are still waited for, so that the lowest
	// is reported whatever the number of workers; those above it are abandoned: a
	// planted bug can make a run last minutes.
	var found atomic.Bool
	var ended []uint64
	jobs := func(yield func(Job) bool) {
		for seed := uint64(1); seed <= h.Seeds && !found.Load(); seed++ {
			if !yield(Job{mutant.Scenario, seed}) {
				return
			}
		}
	}
	err = pool.each(ctx, jobs, nil, func(f finished) bool {
		c.add(f)
		found.Store(c.Found)
		ended = append(ended, f.job.Seed)
		below := 0
		for _, seed := range ended {
			if seed < c.Seed {
				below++
			}
		}
		return !c.Found || uint64(below) < c.Seed-1
	})
	c.WallNs = time.Since(began).Nanoseconds()
	if err == nil {
		err = ctx.Err()
	}
	return c, err
}

// keepBinary copies a program.
func keepBinary(from, to string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	err = WriteFile(to, func(w io.Writer) error {
		_, err := io.Copy(w, f)
		return err
	})
	if err != nil {
		return err
	}
	return os.Chmod(to, 0o755)
}

func (c *Catch) add(f finished) {
	c.Seeds++
	seen := map[string]bool{}
	for _, v := range f.out.Violations {
		if !seen[v.Oracle] {
			seen[v.Oracle] = true
			c.Fired[v.Oracle]++
		}
		if v.Oracle == c.Oracle && (!c.Found || f.job.Seed < c.Seed) {
			c.Found, c.Seed, c.Message = true, f.job.Seed, v.Message
		}
	}
}
