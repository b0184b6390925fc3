package diskmodel

import (
	"errors"
	"slices"
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
)

func TestObserve(t *testing.T) {
	s := newStory(t, 1)
	var steps []Step
	told := 0
	s.Observe(func(step Step) {
		if steps = append(steps, step); len(steps) != told+1 {
			t.Errorf("the process heard of step %d too early", len(steps))
		}
	})
	hear := func(error) { told++ }
	var f env.File
	s.mount.Open("a", env.OpenCreate, func(got env.File, err error) { f = got; hear(err) })
	s.settle()
	f.WriteAt([]byte("aaaa"), 3, hear)
	f.ReadAt(make([]byte, 9), 1, func(_ int, err error) { hear(err) })
	f.Truncate(5, hear)
	f.Sync(hear)
	f.Size(func(_ int64, err error) { hear(err) })
	s.settle()
	s.mount.Rename("a", "b", hear)
	s.mount.Mkdir("d", hear)
	s.mount.Remove("x", hear)
	s.mount.SyncDir(".", hear)
	s.settle()
	want := []Step{
		{Kind: StepOpen, Name: "a", Made: true},
		{Kind: StepWrite, Name: "a", Off: 3, Bytes: 4},
		{Kind: StepRead, Name: "a", Off: 1, Bytes: 6},
		{Kind: StepTruncate, Name: "a", Off: 5},
		{Kind: StepSync, Name: "a", Bytes: 4},
		{Kind: StepSize, Name: "a"},
		{Kind: StepRename, Name: "a", To: "b"},
		{Kind: StepMkdir, Name: "d"},
		{Kind: StepRemove, Name: "x"},
		{Kind: StepSyncDir, Name: ""},
	}
	failed := slices.Clone(steps)
	for i := range steps {
		steps[i].Err = nil
	}
	if !slices.Equal(steps, want) {
		t.Errorf("steps %v, not %v", steps, want)
	}
	if !errors.Is(failed[8].Err, env.ErrNotExist) || failed[1].Err != nil {
		t.Errorf("errors %v and %v", failed[8].Err, failed[1].Err)
	}
	f.Close()
	f.Sync(hear)
	s.settle()
	if len(steps) != len(want) {
		t.Error("a call of a closed file was observed")
	}
}

// TestDeathAtAStep ends the process at each step of a story, in each way that
// it can end: it never hears of that step, and the disk goes on with the next
// process, even one that mounts it there and then.
func TestDeathAtAStep(t *testing.T) {
	ends := map[string]func(s *story){
		"crash":      func(s *story) { s.Crash() },
		"power loss": func(s *story) { s.PowerLoss(LoseAll) },
		"replace":    func(s *story) { s.Replace() },
		"mount":      func(s *story) { s.boot() },
		"busy mount": func(s *story) { s.boot(); s.mount.Mkdir("d", s.must); s.mount.SyncDir(".", s.must) },
	}
	for name, end := range ends {
		for at := 1; at <= 6; at++ {
			s := newStory(t, uint64(at))
			steps, told, dead := 0, 0, false
			s.Observe(func(Step) {
				if steps++; steps == at {
					dead = true
					end(s)
				}
			})
			hear := func(error) {
				if told++; dead {
					t.Errorf("%s at step %d: the dead were told", name, at)
				}
			}
			s.mount.SyncDir(".", hear)
			s.mount.Open("a", env.OpenCreate, func(f env.File, err error) {
				hear(err)
				f.WriteAt([]byte("a"), 0, hear)
				f.WriteAt([]byte("b"), 1, hear)
				f.Sync(hear)
				f.WriteAt([]byte("c"), 2, hear)
			})
			s.settle()
			s.Observe(nil)
			if told != at-1 || !dead {
				t.Errorf("%s at step %d: %d heard", name, at, told)
			}
			s.boot()
			s.durableFile("b", "after")
			s.holds("b", "after")
			if err := s.invariants(); err != nil {
				t.Errorf("%s at step %d: %v", name, at, err)
			}
		}
	}
}
