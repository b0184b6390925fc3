package explore

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/lockstep-log/lockstep/sim/cluster"
)

// crew is a few workers that run schedules beside each other, each at hand for
// the next ones. A schedule that kills its worker costs a new one.
type crew struct {
	pool  Pool
	procs []*process
}

func newCrew(p Pool) *crew { return &crew{p, make([]*process, p.Workers)} }

// hurry gives the runs from now on less time.
func (c *crew) hurry(wall time.Duration) {
	c.pool.Budget.Wall = min(c.pool.Budget.Wall, wall)
	for _, p := range c.procs {
		if p != nil {
			p.budget = c.pool.Budget
		}
	}
}

// run runs as many schedules as there are workers, or fewer, and gives their
// outcomes in order. The error is no run's fault, or ctx's.
func (c *crew) run(ctx context.Context, schedules []cluster.Schedule) ([]*Outcome, error) {
	outs, errs := make([]*Outcome, len(schedules)), make([]error, len(schedules))
	var all sync.WaitGroup
	for i := range schedules {
		all.Go(func() { outs[i], errs[i] = c.one(ctx, i, &schedules[i]) })
	}
	all.Wait()
	return outs, errors.Join(errs...)
}

func (c *crew) one(ctx context.Context, worker int, s *cluster.Schedule) (*Outcome, error) {
	if c.procs[worker] == nil {
		p, err := c.pool.start()
		if err != nil {
			return nil, err
		}
		c.procs[worker] = p
	}
	p := c.procs[worker]
	out, alive, err := p.ask(ctx, request{Job: Job{s.Scenario, s.Seed}, Schedule: s})
	switch {
	case !alive:
		c.procs[worker] = nil
	case p.peak > c.pool.Budget.recycleBytes():
		p.retire()
		c.procs[worker] = nil
	}
	return out, err
}

// retire ends all workers; the crew can be used again.
func (c *crew) retire() {
	for i, p := range c.procs {
		if p != nil {
			p.retire()
			c.procs[i] = nil
		}
	}
}
