package osenv_test

import (
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/adapter/osenv"
)

// startLoop makes a running loop that ends with the test.
func startLoop(t testing.TB, limit int) *osenv.Loop {
	t.Helper()
	l := osenv.NewLoop(limit)
	l.Start()
	t.Cleanup(func() { l.Stop(); <-l.Done() })
	return l
}

func TestPostRunsAfterTheEventsThatWait(t *testing.T) {
	l := osenv.NewLoop(0)
	var got []string
	done := make(chan struct{})
	l.Submit(func() {
		l.Post(func() { got = append(got, "posted"); close(done) })
		got = append(got, "first")
	})
	l.Submit(func() { got = append(got, "second") })
	l.Start()
	<-done
	l.Stop()
	<-l.Done()
	if want := []string{"first", "second", "posted"}; !slices.Equal(got, want) {
		t.Fatalf("ran %v, want %v", got, want)
	}
}

func TestPostedFunctionsKeepTheirOrderOverTurns(t *testing.T) {
	l := startLoop(t, 0)
	var got []int
	done := make(chan struct{})
	l.Submit(func() {
		l.Post(func() {
			got = append(got, 1)
			l.Post(func() { got = append(got, 3); close(done) })
		})
		l.Post(func() { got = append(got, 2) })
	})
	<-done
	if want := []int{1, 2, 3}; !slices.Equal(got, want) {
		t.Fatalf("ran %v, want %v", got, want)
	}
}

func TestTimersFireInOrderAndStopMeansStop(t *testing.T) {
	l := startLoop(t, 0)
	var got []string
	done := make(chan struct{})
	l.Submit(func() {
		l.AfterFunc(3*time.Millisecond, func() { got = append(got, "3ms"); close(done) })
		stopped := l.AfterFunc(2*time.Millisecond, func() { got = append(got, "stopped") })
		l.AfterFunc(time.Millisecond, func() {
			got = append(got, "1ms")
			if !stopped.Stop() || stopped.Stop() {
				got = append(got, "Stop does not tell whether it stopped")
			}
		})
		l.AfterFunc(-time.Second, func() { got = append(got, "now") })
		got = append(got, "caller")
	})
	<-done
	if want := []string{"caller", "now", "1ms", "3ms"}; !slices.Equal(got, want) {
		t.Fatalf("ran %v, want %v", got, want)
	}
}

// The longest duration there is must not come round to the past.
func TestATimerThatNeverFires(t *testing.T) {
	l := startLoop(t, 0)
	done := make(chan struct{})
	l.Submit(func() {
		l.AfterFunc(math.MaxInt64, func() { t.Error("a timer of the longest duration fired") })
		l.AfterFunc(2*time.Millisecond, func() { close(done) })
	})
	<-done
}

func TestSubmitWaitsForRoom(t *testing.T) {
	l := osenv.NewLoop(2)
	var ran int
	for range 2 {
		l.Submit(func() { ran++ })
	}
	entered := make(chan struct{})
	handed := make(chan bool)
	go func() {
		close(entered)
		handed <- l.Submit(func() { ran++ })
	}()
	<-entered
	select {
	case <-handed:
		t.Fatal("Submit did not wait although the queue is full")
	case <-time.After(10 * time.Millisecond):
	}
	l.Start()
	if !<-handed {
		t.Fatal("Submit was refused by a running loop")
	}
	var got int
	if !l.Call(func() { got = ran }) || got != 3 {
		t.Fatalf("%d events ran, want 3", got)
	}
	l.Stop()
	<-l.Done()
}

func TestStopReleasesWaitersAndRefusesEvents(t *testing.T) {
	l := osenv.NewLoop(1)
	l.Submit(func() { t.Error("an event ran after Stop") })
	refused := make(chan bool)
	go func() { refused <- !l.Submit(func() {}) }()
	l.Stop()
	if !<-refused {
		t.Fatal("a stopped loop accepted an event")
	}
	l.Start()
	<-l.Done()
	if l.Call(func() {}) {
		t.Fatal("Call on a stopped loop claims to have run")
	}
}

func TestEventsOfOneGoroutineKeepTheirOrder(t *testing.T) {
	l := startLoop(t, 8)
	const each = 500
	var got [4][]int
	var group sync.WaitGroup
	for g := range got {
		group.Go(func() {
			for i := range each {
				l.Submit(func() { got[g] = append(got[g], i) })
			}
		})
	}
	group.Wait()
	l.Call(func() {})
	for g := range got {
		if len(got[g]) != each || !slices.IsSorted(got[g]) {
			t.Fatalf("goroutine %d: %d events, in order: %v", g, len(got[g]), slices.IsSorted(got[g]))
		}
	}
}

func TestEntropyIsNotConstant(t *testing.T) {
	var e osenv.Entropy
	if a, b := e.Uint64(), e.Uint64(); a == b {
		t.Fatalf("drew %x twice", a)
	}
}

func BenchmarkSubmit(b *testing.B) {
	l := startLoop(b, 0)
	b.ReportAllocs()
	f := func() {}
	for b.Loop() {
		l.Submit(f)
	}
	l.Call(f)
}
