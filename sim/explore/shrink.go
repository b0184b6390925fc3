package explore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lockstep-log/lockstep/sim/cluster"
)

// Errors of Shrink.Run.
var (
	// ErrPasses says that there is nothing to shrink: the schedule does not fail.
	ErrPasses = errors.New("the schedule passes")
	// ErrVaries says that a schedule does not give the same run twice, or the
	// same failure: no smaller one could be trusted.
	ErrVaries = errors.New("the same schedule runs differently")
)

// Shrink makes a failing schedule small: a search for the least that still fails
// with the same signature.
type Shrink struct {
	// Pool's budget is for the schedule that is given; a smaller one that takes far
	// longer than that is not waited for.
	Pool Pool
	// Oracle picks the failure to keep where a run has several; empty is the
	// first. Unrecoverable keeps the proof of a run that passes.
	Oracle string
	Time   time.Duration // on the wall clock, for the search; 0: no bound
	Runs   int           // of candidates; 0: no bound
	// Progress is called after each round of runs.
	Progress func(ShrinkProgress)
}

// ShrinkProgress says how far a search is.
type ShrinkProgress struct {
	Pass     string // what it tries at the moment
	Runs     int
	Accepted int // candidates that became the best schedule
	Before   Size
	Now      Size
}

// Size is what a person has to read and wait for.
type Size struct {
	Faults     int    `json:"faults"`
	Nodes      int    `json:"nodes"`
	Partitions int    `json:"partitions"`
	Clients    int    `json:"clients"`
	DurationNs int64  `json:"durationNs"` // of the first phase
	Events     uint64 `json:"events"`
	Operations int    `json:"operations"`
}

func sizeOf(s *cluster.Schedule, o *Outcome) Size {
	return Size{
		Faults: len(s.Faults), Nodes: s.Nodes, Partitions: s.Partitions, Clients: s.Workload.Clients,
		DurationNs: s.DurationNs, Events: o.Events, Operations: o.Ops.OK + o.Ops.Failed + o.Ops.Unknown,
	}
}

// Shrunk is what a search came to.
type Shrunk struct {
	Schedule  cluster.Schedule `json:"schedule"`
	Signature Signature        `json:"signature"`
	Message   string           `json:"message"` // of the small schedule's failure
	Hash      Hash             `json:"hash"`
	Before    Size             `json:"before"`
	After     Size             `json:"after"`
	Runs      int              `json:"runs"`
	WallNs    int64            `json:"wallNs"`
	Ended     string           `json:"ended"` // why the search did
}

// Why a search ended.
const (
	EndedSmallest    = "nothing smaller that was tried fails the same way"
	EndedTime        = "the time is used up"
	EndedRuns        = "the runs are used up"
	EndedInterrupted = "interrupted"
)

// Run searches. When ctx ends, the search does, with the best so far.
func (s *Shrink) Run(ctx context.Context, schedule cluster.Schedule) (*Shrunk, error) {
	search := &search{Shrink: s, crew: newCrew(s.Pool), began: time.Now()}
	defer search.crew.retire()
	if err := search.first(ctx, schedule); err != nil {
		return nil, err
	}
	bounded := ctx
	if s.Time > 0 {
		var cancel context.CancelFunc
		bounded, cancel = context.WithDeadline(ctx, search.began.Add(s.Time))
		defer cancel()
	}
	search.found.Ended = EndedSmallest
	search.reducer = &reducer{best: schedule, width: s.Pool.Workers, try: func(candidates []cluster.Schedule) ([]bool, bool) {
		return search.try(bounded, candidates)
	}}
	search.reducer.reduce(func(pass string) { search.progress.Pass = pass })
	if search.err != nil {
		return nil, search.err
	}
	if ctx.Err() != nil {
		search.found.Ended = EndedInterrupted
	}
	// What was found is worth proving, even if the search was cut short.
	return search.verify(context.WithoutCancel(ctx))
}

// search is a Shrink under way.
type search struct {
	*Shrink
	crew     *crew
	reducer  *reducer
	began    time.Time
	found    Shrunk
	progress ShrinkProgress
	err      error // that ended it and is no run's fault
}

// A candidate is smaller than the schedule that was given: one that takes so much
// longer hangs. A planted bug can make many of them do so.
const (
	patience      = 20 // times what the given schedule took
	leastPatience = 2 * time.Second
)

// first runs the schedule as it was given, and takes the failure to keep.
func (s *search) first(ctx context.Context, schedule cluster.Schedule) error {
	began := time.Now()
	outs, err := s.crew.run(ctx, []cluster.Schedule{schedule})
	if err != nil {
		return err
	}
	o := outs[0]
	if o.Passed && (s.Oracle != Unrecoverable || o.Unrecoverable == "") {
		return ErrPasses
	}
	for _, v := range o.findings() {
		if s.Oracle == "" || v.Oracle == s.Oracle {
			s.found.Signature = SignatureOf(v)
			break
		}
	}
	if s.found.Signature.Oracle == "" {
		return fmt.Errorf("%w the oracle %s; it fails %s", ErrPasses, s.Oracle, o.Oracle())
	}
	if s.found.Signature.Oracle != Hang {
		s.crew.hurry(max(patience*time.Since(began), leastPatience))
	}
	s.found.Before = sizeOf(&schedule, o)
	s.progress.Before, s.progress.Now = s.found.Before, s.found.Before
	return nil
}

// try is the reducer's.
func (s *search) try(ctx context.Context, candidates []cluster.Schedule) ([]bool, bool) {
	if s.Runs > 0 && s.progress.Runs >= s.Runs {
		s.found.Ended = EndedRuns
		return nil, false
	}
	outs, err := s.crew.run(ctx, candidates)
	if ctx.Err() != nil {
		s.found.Ended = EndedTime
		return nil, false
	}
	if err != nil {
		s.err = err
		return nil, false
	}
	fails := make([]bool, len(outs))
	adopted := -1
	for i, o := range outs {
		fails[i] = s.found.Signature.fails(o)
		if fails[i] && adopted < 0 {
			adopted = i
		}
	}
	s.progress.Runs += len(outs)
	if adopted >= 0 {
		s.progress.Accepted++
		s.progress.Now = sizeOf(&candidates[adopted], outs[adopted])
	}
	if s.Progress != nil {
		s.Progress(s.progress)
	}
	return fails, true
}

// verify runs the best schedule twice more, each in a process of its own that
// has run nothing before.
func (s *search) verify(ctx context.Context) (*Shrunk, error) {
	best := s.reducer.best
	var hash Hash
	for i := range 2 {
		s.crew.retire()
		outs, err := s.crew.run(ctx, []cluster.Schedule{best})
		if err != nil {
			return nil, err
		}
		o := outs[0]
		switch {
		case !s.found.Signature.fails(o):
			return nil, fmt.Errorf("%w: the smallest schedule does not fail again with %q", ErrVaries, s.found.Signature)
		case i > 0 && o.Hash != hash:
			return nil, fmt.Errorf("%w: hashes %v and %v", ErrVaries, hash, o.Hash)
		}
		hash = o.Hash
		s.found.After = sizeOf(&best, o)
		for _, v := range o.findings() {
			if SignatureOf(v) == s.found.Signature {
				s.found.Message = v.Message
				break
			}
		}
	}
	s.found.Schedule, s.found.Hash, s.found.Runs = best, hash, s.progress.Runs
	s.found.WallNs = time.Since(s.began).Nanoseconds()
	return &s.found, nil
}
