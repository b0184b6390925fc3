package sim

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestEventsOfOneTimeRunInOrder(t *testing.T) {
	k := New(1)
	var order []int
	for i := range 100 {
		k.At(Time(5+i%2), func() { order = append(order, i) })
	}
	k.Run(5)
	if k.Now() != 5 || len(order) != 50 {
		t.Fatalf("at %d after %d events, not at 5 after 50", k.Now(), len(order))
	}
	k.Run(10)
	want := make([]int, 0, 100)
	for i := range 100 {
		want = append(want, i/50+i%50*2)
	}
	if !slices.Equal(order, want) || k.Now() != 10 || k.Events() != 100 || !k.Idle() {
		t.Errorf("at %d, %d events ran in the order %d", k.Now(), k.Events(), order)
	}
}

func TestPastMeansNowAndNeverInside(t *testing.T) {
	k := New(1)
	k.Run(100)
	ran := false
	k.At(7, func() { ran = true })
	k.After(-time.Second, func() {})
	if ran {
		t.Fatal("an event ran inside At")
	}
	if at, ok := k.Next(); at != 100 || !ok {
		t.Errorf("an event for a time that passed is due at %d", at)
	}
	if !k.Step() || !ran || k.Now() != 100 {
		t.Errorf("it ran: %v, at %d", ran, k.Now())
	}
}

func TestTimerStop(t *testing.T) {
	k := New(1)
	var zero Timer
	if zero.Stop() || zero.Pending() {
		t.Error("the zero timer was pending")
	}
	stopped := k.At(1, func() { t.Error("a stopped timer fired") })
	if !stopped.Pending() || !stopped.Stop() || stopped.Stop() || stopped.Pending() {
		t.Error("Stop of a pending timer is true once")
	}
	var own Timer
	own = k.At(2, func() {
		if own.Stop() {
			t.Error("a running timer was stopped")
		}
	})
	k.Run(3)
	reused := k.At(4, func() {})
	if own.Stop() || stopped.Stop() {
		t.Error("an old timer stopped one that took its slot")
	}
	if !reused.Pending() {
		t.Error("a new timer is not pending")
	}
}

// TestQueueAgainstModel draws pushes, cancels and steps, and compares with a
// sorted list.
func TestQueueAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := New(1)
		type pending struct {
			at    Time
			id    int
			timer Timer
		}
		var model []pending
		ran, next := -1, 0
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			switch rapid.IntRange(0, 5).Draw(t, "kind") {
			case 0, 1, 2:
				id, at := next, k.Now()+Time(rapid.IntRange(0, 9).Draw(t, "delay"))
				next++
				model = append(model, pending{at, id, k.At(at, func() { ran = id })})
				slices.SortStableFunc(model, func(a, b pending) int { return cmp.Compare(a.at, b.at) })
			case 3:
				if len(model) > 0 {
					i := rapid.IntRange(0, len(model)-1).Draw(t, "cancel")
					if !model[i].timer.Stop() {
						t.Fatalf("timer %d was not pending", model[i].id)
					}
					model = slices.Delete(model, i, i+1)
				}
			default:
				if stepped := k.Step(); stepped != (len(model) > 0) {
					t.Fatalf("Step reported %v with %d pending", stepped, len(model))
				}
				if len(model) > 0 {
					if ran != model[0].id || k.Now() != model[0].at {
						t.Fatalf("event %d ran at %d, not %d at %d", ran, k.Now(), model[0].id, model[0].at)
					}
					model = model[1:]
				}
			}
			if k.Pending() != len(model) {
				t.Fatalf("%d pending, not %d", k.Pending(), len(model))
			}
		}
	})
}

// TestCancelledAreBounded arms and stops a timer again and again, as every
// heartbeat does: what was stopped must not pile up.
func TestCancelledAreBounded(t *testing.T) {
	k := New(1)
	fired := 0
	for i := range 100 {
		k.At(Time(1_000_000+i), func() { fired++ })
	}
	for range 100_000 {
		k.After(time.Hour, func() {}).Stop()
	}
	if n := len(k.queue.heap); n > 1000 {
		t.Errorf("%d events in the queue, 100 of them live", n)
	}
	if n := len(k.queue.slots); n > 1000 {
		t.Errorf("%d slots for 100 live events", n)
	}
	k.Run(2_000_000)
	if fired != 100 {
		t.Errorf("%d of 100 events fired", fired)
	}
}

func TestKernelDoesNotAllocate(t *testing.T) {
	k := New(1)
	f := func() {}
	for range 100 {
		k.After(time.Second, f)
	}
	if n := testing.AllocsPerRun(1000, func() {
		k.After(time.Millisecond, f)
		k.After(time.Hour, f).Stop()
		k.Record(KindDisk, 1, 2, 3, nil)
		k.Step()
	}); n > 0 {
		t.Errorf("%v allocations an event", n)
	}
}

// BenchmarkKernel is one event in a queue of a hundred, with one timer armed and
// stopped beside it.
func BenchmarkKernel(b *testing.B) {
	k := New(1)
	r := k.Rand("bench", 1)
	var f func()
	f = func() {
		k.After(time.Duration(r.Below(1_000_000)), f)
	}
	for range 100 {
		k.After(0, f)
	}
	idle := func() {}
	b.ReportAllocs()
	for b.Loop() {
		k.After(50*time.Millisecond, idle).Stop()
		k.Step()
	}
}
