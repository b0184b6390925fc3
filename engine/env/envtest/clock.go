package envtest

import (
	"slices"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
)

// Clock tests an env.Clock. Each part gets a world of its own.
func Clock(t *testing.T, world func(t *testing.T) ClockWorld) {
	for _, part := range []struct {
		name string
		body func(t *testing.T, w ClockWorld)
	}{
		{"monotonic never goes back", clockMonotonic},
		{"AfterFunc is not early, nor inside the call", clockNotEarly},
		{"timers fire in the order of their deadlines", clockOrder},
		{"Stop prevents the callback", clockStop},
		{"Stop after the callback reports false", clockStopLate},
		{"a timer stopped by another callback does not fire", clockStopByOther},
		{"Post runs after the callback, in order", clockPost},
		{"Post from a posted function runs after those that wait", clockPostNested},
	} {
		t.Run(part.name, func(t *testing.T) { part.body(t, world(t)) })
	}
}

func clockMonotonic(t *testing.T, w ClockWorld) {
	run(t, w, func(s *script) {
		c := w.Clock()
		last := c.Monotonic()
		for range 10 {
			s.Sleep(c, time.Millisecond)
			now := c.Monotonic()
			s.check(now >= last+time.Millisecond, "slept 1ms from %v to %v", last, now)
			last = now
		}
	})
}

func clockNotEarly(t *testing.T, w ClockWorld) {
	for _, d := range []time.Duration{-time.Second, 0, 1, 3 * time.Millisecond} {
		var inside, fired bool
		w.Do(func() {
			c := w.Clock()
			begun := c.Monotonic()
			inside = true
			c.AfterFunc(d, func() {
				if inside {
					t.Errorf("AfterFunc(%v) called back inside the call", d)
				}
				if now := c.Monotonic(); now < begun+d {
					t.Errorf("AfterFunc(%v) fired after %v", d, now-begun)
				}
				fired = true
			})
			inside = false
		})
		if !w.Until(func() bool { return fired }) {
			t.Errorf("AfterFunc(%v) never fired", d)
		}
	}
}

func clockOrder(t *testing.T, w ClockWorld) {
	delays := []time.Duration{30, 10, 20, 50, 40}
	var fired []time.Duration
	w.Do(func() {
		for _, d := range delays {
			w.Clock().AfterFunc(d*time.Millisecond, func() { fired = append(fired, d) })
		}
	})
	if !w.Until(func() bool { return len(fired) == len(delays) }) || !slices.IsSorted(fired) {
		t.Errorf("timers fired in the order %d", fired)
	}
}

func clockStop(t *testing.T, w ClockWorld) {
	later := false
	w.Do(func() {
		timer := w.Clock().AfterFunc(time.Millisecond, func() { t.Error("a stopped timer fired") })
		if !timer.Stop() {
			t.Error("Stop of a pending timer reported false")
		}
		if timer.Stop() {
			t.Error("a second Stop reported true")
		}
		w.Clock().AfterFunc(5*time.Millisecond, func() { later = true })
	})
	if !w.Until(func() bool { return later }) {
		t.Error("a timer behind the stopped one never fired")
	}
}

func clockStopLate(t *testing.T, w ClockWorld) {
	fired := false
	var timer env.Timer
	w.Do(func() {
		timer = w.Clock().AfterFunc(time.Millisecond, func() {
			fired = true
			if timer.Stop() {
				t.Error("Stop inside its own callback reported true")
			}
		})
	})
	if !w.Until(func() bool { return fired }) {
		t.Fatal("the timer never fired")
	}
	w.Do(func() {
		if timer.Stop() {
			t.Error("Stop after the callback reported true")
		}
	})
}

// clockStopByOther has two timers of one deadline, each of which stops the
// other: exactly one may fire.
func clockStopByOther(t *testing.T, w ClockWorld) {
	var first, second env.Timer
	fired, later := 0, false
	w.Do(func() {
		first = w.Clock().AfterFunc(time.Millisecond, func() { fired++; second.Stop() })
		second = w.Clock().AfterFunc(time.Millisecond, func() { fired++; first.Stop() })
		w.Clock().AfterFunc(10*time.Millisecond, func() { later = true })
	})
	if !w.Until(func() bool { return later }) || fired != 1 {
		t.Errorf("%d of two timers fired that stop each other", fired)
	}
}

func clockPost(t *testing.T, w ClockWorld) {
	var order []int
	w.Do(func() {
		for i := range 5 {
			w.Clock().Post(func() { order = append(order, i) })
		}
		if len(order) > 0 {
			t.Error("Post called back inside the call")
		}
	})
	if !w.Until(func() bool { return len(order) == 5 }) || !slices.IsSorted(order) {
		t.Errorf("posted functions ran in the order %d", order)
	}
}

func clockPostNested(t *testing.T, w ClockWorld) {
	var order []int
	w.Do(func() {
		c := w.Clock()
		c.Post(func() {
			order = append(order, 0)
			c.Post(func() { order = append(order, 2) })
		})
		c.Post(func() { order = append(order, 1) })
	})
	if !w.Until(func() bool { return len(order) == 3 }) || !slices.IsSorted(order) {
		t.Errorf("posted functions ran in the order %d", order)
	}
}
