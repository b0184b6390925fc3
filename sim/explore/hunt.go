package explore

import (
	"context"
	"fmt"
	"os/exec"
	"sync/atomic"
	"time"
)

// Hunt sweeps a mutant until its oracle names it.
type Hunt struct {
	Module *Module
	Pool   Pool   // its Command is not used
	Seeds  uint64 // budget: seeds 1 to this
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
	pool := h.Pool
	pool.Command = func() (*exec.Cmd, error) { return exec.Command(binary, WorkerCommand), nil }
	// Seeds below the one that found it are still waited for, so that the lowest
	// is reported whatever the number of workers.
	var found atomic.Bool
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
		return true
	})
	c.WallNs = time.Since(began).Nanoseconds()
	if err == nil {
		err = ctx.Err()
	}
	return c, err
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
