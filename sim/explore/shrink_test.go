package explore

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/sim/cluster"
)

// scriptedRun is what the scripted worker makes of a schedule: it fails with a
// crash in it, in words that depend on how many faults there are. Without one it
// passes, dies of a pause that stands alone, and hangs with one client.
func scriptedRun(s *cluster.Schedule) *Outcome {
	crashes := 0
	for _, f := range s.Faults {
		if f.Kind == cluster.Crash {
			crashes++
		}
	}
	o := passed(s.Seed)
	o.Hash = Hash(len(s.JSON()))
	if len(s.Faults) > 0 && s.Faults[0].Kind == cluster.LostDisk {
		o.Unrecoverable = fmt.Sprintf("offset %d is gone", len(s.Faults))
	}
	switch {
	case s.Seed == 9:
		o = failing(9)
		o.Hash = Hash(time.Now().UnixNano())
	case crashes > 0:
		o = failing(s.Seed)
		o.Hash = Hash(len(s.JSON()))
		o.Violations = append([]Violation{{"other", "x", 0}}, Violation{"lost-write", "record 5 is missing", int64(crashes)})
	case len(s.Faults) == 1 && s.Faults[0].Kind == cluster.Pause:
		panic("a pause alone")
	}
	if s.Workload.Clients == 1 {
		hang()
	}
	return o
}

func scriptedShrink() *Shrink {
	return &Shrink{Pool: Pool{Command: scriptedCommand("yes"), Workers: 2, Budget: Budget{Wall: 300 * time.Millisecond, MemoryBytes: 1 << 30}}}
}

func scriptedFaults(seed uint64, kinds ...string) cluster.Schedule {
	s := cluster.Defaults(seed)
	for i, kind := range kinds {
		s.Faults = append(s.Faults, cluster.Fault{AtNs: int64(time.Duration(i) * time.Second), Kind: kind, Nodes: []uint64{1}})
	}
	return s
}

func TestShrinkSurvivesWhatKillsWorkers(t *testing.T) {
	s := scriptedShrink()
	s.Oracle = "lost-write"
	progress := 0
	s.Progress = func(ShrinkProgress) { progress++ }
	found, err := s.Run(t.Context(), scriptedFaults(1, cluster.Pause, cluster.Crash, cluster.Stop, cluster.Pause))
	if err != nil {
		t.Fatal(err)
	}
	if len(found.Schedule.Faults) != 1 || found.Schedule.Faults[0].Kind != cluster.Crash || found.Schedule.Workload.Clients != 0 && found.Schedule.Workload.Clients != 2 {
		t.Errorf("%s", found.Schedule.JSON())
	}
	want := Signature{"lost-write", "record # is missing"}
	if found.Signature != want || found.Message != "record 5 is missing" || found.Before.Faults != 4 || found.After.Faults != 1 ||
		found.Ended != EndedSmallest || found.Runs == 0 || progress == 0 {
		t.Errorf("%d progress, %+v", progress, found)
	}
}

func TestShrinkRefusesWhatPassesOrVaries(t *testing.T) {
	if _, err := scriptedShrink().Run(t.Context(), scriptedFaults(1, cluster.Stop)); !errors.Is(err, ErrPasses) {
		t.Errorf("a schedule that passes: %v", err)
	}
	s := scriptedShrink()
	s.Oracle = "nonsense"
	if _, err := s.Run(t.Context(), scriptedFaults(1, cluster.Crash)); !errors.Is(err, ErrPasses) {
		t.Errorf("an oracle that does not object: %v", err)
	}
	s = scriptedShrink()
	s.Runs = 4
	if _, err := s.Run(t.Context(), scriptedFaults(9, cluster.Crash)); !errors.Is(err, ErrVaries) {
		t.Errorf("a run that differs each time: %v", err)
	}
}

func TestShrinkKeepsAProof(t *testing.T) {
	schedule := scriptedFaults(1, cluster.LostDisk, cluster.Stop, cluster.LostDisk)
	if _, err := scriptedShrink().Run(t.Context(), schedule); !errors.Is(err, ErrPasses) {
		t.Errorf("a run that passes because it is unrecoverable: %v", err)
	}
	s := scriptedShrink()
	s.Oracle = Unrecoverable
	found, err := s.Run(t.Context(), schedule)
	if err != nil || len(found.Schedule.Faults) != 1 || found.Schedule.Faults[0].Kind != cluster.LostDisk ||
		found.Signature != (Signature{Unrecoverable, "offset # is gone"}) || found.Message != "offset 1 is gone" {
		t.Errorf("%+v, %v", found, err)
	}
}

// An hour for the given schedule is not an hour for each candidate that hangs.
func TestShrinkDoesNotWaitForWhatHangs(t *testing.T) {
	s := scriptedShrink()
	s.Pool.Budget.Wall = time.Hour
	search := &search{Shrink: s, crew: newCrew(s.Pool)}
	defer search.crew.retire()
	if err := search.first(t.Context(), scriptedFaults(1, cluster.Crash)); err != nil {
		t.Fatal(err)
	}
	if got := search.crew.procs[0].budget.Wall; got < leastPatience || got == time.Hour {
		t.Errorf("a candidate may take %v", got)
	}
	c := newCrew(Pool{Workers: 1, Budget: Budget{Wall: time.Second}})
	c.procs[0] = &process{budget: c.pool.Budget}
	if c.hurry(time.Minute); c.procs[0].budget.Wall != time.Second {
		t.Errorf("more time than there was: %v", c.procs[0].budget.Wall)
	}
	if c.hurry(time.Millisecond); c.procs[0].budget.Wall != time.Millisecond || c.pool.Budget.Wall != time.Millisecond {
		t.Errorf("%v for the worker that runs, %v for the next", c.procs[0].budget.Wall, c.pool.Budget.Wall)
	}
}

func TestShrinkEndsInTime(t *testing.T) {
	schedule := scriptedFaults(1, cluster.Crash, cluster.Stop, cluster.Crash)
	s := scriptedShrink()
	s.Runs = 2
	if found, err := s.Run(t.Context(), schedule); err != nil || found.Ended != EndedRuns || found.Runs != 2 {
		t.Errorf("with two runs: %+v, %v", found, err)
	}
	s = scriptedShrink()
	s.Time = time.Millisecond
	if found, err := s.Run(t.Context(), schedule); err != nil || found.Ended != EndedTime {
		t.Errorf("with a millisecond: %+v, %v", found, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s = scriptedShrink()
	s.Progress = func(ShrinkProgress) { cancel() }
	found, err := s.Run(ctx, schedule)
	if err != nil || found.Ended != EndedInterrupted || found.Hash == 0 {
		t.Errorf("interrupted: %+v, %v", found, err)
	}
}
