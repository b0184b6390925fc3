package explore

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/lockstep-log/lockstep/sim"
)

// AuditAll is the Sweep.Audit of every run.
const AuditAll = 1_000_000

// audited tells whether a run that passed is run a second time. The choice is
// the job's own, whatever the sweep around it.
func (s *Sweep) audited(job Job) bool {
	return sim.Mix(job.Seed, sim.Sum([]byte(job.Scenario)), sim.Sum([]byte("audit")))%AuditAll < s.Audit
}

// audit runs a passed job again in its worker, and makes a failure of it if it
// was another run.
func (s *Sweep) audit(ctx context.Context, p *process, f *finished) (alive bool) {
	again, alive, err := p.ask(ctx, request{Job: f.job})
	if err != nil {
		return alive
	}
	f.audited = true
	dir := s.folder(f.job)
	switch {
	case !alive:
		differs(f, "it was run again: "+again.Violations[0].Message)
		f.extra = s.keepSchedule(dir, f)
		return false
	case again.Hash == f.out.Hash:
		return true
	}
	differs(f, fmt.Sprintf("%v when it was run again", again.Hash))
	if s.kept.Add(1) > int64(s.Keep) {
		f.extra = s.keepSchedule(dir, f)
		return true
	}
	if _, alive, err = p.ask(ctx, request{Job: f.job, Dir: dir}); err != nil || !alive {
		f.extra = s.keepSchedule(dir, f)
		return alive
	}
	return s.diverges(ctx, p, f)
}

// differs makes nondeterminism the first finding of a run.
func differs(f *finished, how string) {
	f.out.Passed = false
	f.out.Violations = append([]Violation{{
		Oracle: Nondeterminism, Message: fmt.Sprintf("hash %v, and %s", f.out.Hash, how),
	}}, f.out.Violations...)
}

// Nondeterministic counts the runs that were another run the second time.
func (r *Report) Nondeterministic() (n int) {
	for _, f := range r.Failures {
		if f.Oracle == Nondeterminism {
			n++
		}
	}
	return n
}

// diverges adds the first event in which a replay leaves the recorded trace, if
// it does. The worker is of no use after it: see Registry.Replay.
func (s *Sweep) diverges(ctx context.Context, p *process, f *finished) (alive bool) {
	out, alive, err := p.ask(ctx, request{Job: f.job, Replay: filepath.Join(s.folder(f.job), traceName)})
	if err == nil && alive && out.Oracle() == Nondeterminism {
		f.out.Violations[0].Message += "; " + out.Violations[0].Message
	}
	if alive {
		p.retire()
	}
	return false
}

// replayed compares a trace's run with another one.
func (r *Registry) replayed(job Job, path string) (*Outcome, error) {
	trace, err := OpenTrace(path)
	if err != nil {
		return nil, err
	}
	out, d, err := r.Replay(trace)
	if d == nil || err != nil {
		return out, err
	}
	message := fmt.Sprintf("the first event that differs is %d, recorded: %s, replayed: %s", d.Seq, eventText(d.Recorded), eventText(d.Replayed))
	return died(job, Nondeterminism, message), nil
}

func eventText(e *sim.Event) string {
	if e == nil {
		return "none"
	}
	return Describe(*e)
}
