package explore

import (
	"context"
	"iter"
	"os"
	"os/exec"
	"sync"
)

// Pool runs jobs in worker processes, several at a time.
type Pool struct {
	// Command makes a worker process, not yet started.
	Command func() (*exec.Cmd, error)
	Workers int
	Budget  Budget
}

// SelfCommand starts this very binary again as a worker.
func SelfCommand() (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return exec.Command(self, WorkerCommand), nil
}

// WorkerCommand is the command line argument that makes a binary a worker.
const WorkerCommand = "worker"

// finished is a job that has ended.
type finished struct {
	job   Job
	out   *Outcome
	extra string // what follow left behind
	peak  int64
	// audited: it was run a second time.
	audited bool
}

// followUp may use the worker again after a job, before the next one. It gets
// nil if the worker is gone.
type followUp func(ctx context.Context, p *process, f *finished) (alive bool)

// each runs the jobs and hands over their ends in the order they come, on the
// caller's goroutine. It stops early when done returns false, when ctx ends, or
// on an error that is no run's fault. Runs under way are then abandoned.
func (p *Pool) each(ctx context.Context, jobs iter.Seq[Job], follow followUp, done func(finished) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	queue := make(chan Job)
	ends := make(chan finished)
	failure := make(chan error, p.Workers)
	var workers sync.WaitGroup
	for range p.Workers {
		workers.Go(func() {
			if err := p.work(ctx, queue, ends, follow); err != nil {
				failure <- err
				cancel()
			}
		})
	}
	go func() {
		defer close(queue)
		for job := range jobs {
			select {
			case queue <- job:
			case <-ctx.Done():
				return
			}
		}
	}()
	go func() {
		workers.Wait()
		close(ends)
	}()
	for f := range ends {
		if ctx.Err() == nil && !done(f) {
			cancel()
		}
	}
	select {
	case err := <-failure:
		return err
	default:
		return nil
	}
}

// work is one worker's life, over as many processes as it takes.
func (p *Pool) work(ctx context.Context, queue <-chan Job, ends chan<- finished, follow followUp) error {
	var proc *process
	defer func() {
		if proc != nil {
			proc.retire()
		}
	}()
	for job := range queue {
		if proc == nil {
			var err error
			if proc, err = p.start(); err != nil {
				return err
			}
		}
		out, alive, err := proc.ask(ctx, request{Job: job})
		f := finished{job: job, out: out, peak: proc.peak}
		if !alive {
			proc = nil
		}
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if follow != nil && !follow(ctx, proc, &f) {
			proc = nil
		}
		if proc != nil && proc.peak > p.Budget.recycleBytes() {
			proc.retire()
			proc = nil
		}
		ends <- f
	}
	return nil
}

func (p *Pool) start() (*process, error) {
	cmd, err := p.Command()
	if err != nil {
		return nil, err
	}
	return startProcess(cmd, p.Budget)
}
