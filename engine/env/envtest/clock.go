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
		{"Wall goes on", clockWall},
		{"AfterFunc is not early, nor inside the call", clockNotEarly},
		{"timers fire in the order of their deadlines", clockOrder},
		{"a timer made later with an earlier deadline fires first", clockOvertaking},
		{"a timer far away keeps nobody waiting", clockFar},
		{"Stop prevents the callback", clockStop},
		{"Stop after the callback reports false", clockStopLate},
		{"a timer stopped by another callback does not fire", clockStopByOther},
		{"of many timers those fire that nobody stopped", clockStopMany},
		{"Stop tells whether the callback runs", clockStopDue},
		{"Post runs after the callback, in order", clockPost},
		{"Post from a posted function runs after those that wait", clockPostNested},
		{"Post from a timer runs after it", clockPostFromTimer},
		{"no callback runs inside another", clockOneAtATime},
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
			for range 1000 {
				last, now = now, c.Monotonic()
				s.check(now >= last, "from %v back to %v", last, now)
			}
			last = now
		}
	})
}

// clockWall asks for less than a wall clock promises to be right: it may jump,
// but hardly here and now, and further than the test sleeps.
func clockWall(t *testing.T, w ClockWorld) {
	run(t, w, func(s *script) {
		before := w.Clock().Wall()
		s.Sleep(w.Clock(), 20*time.Millisecond)
		after := w.Clock().Wall()
		s.check(after > before, "the wall clock went from %d to %d in 20ms", before, after)
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

func clockOvertaking(t *testing.T, w ClockWorld) {
	var fired []int
	late := false // a loop that was kept busy for so long proves nothing
	w.Do(func() {
		c := w.Clock()
		begun := c.Monotonic()
		c.AfterFunc(40*time.Millisecond, func() { fired = append(fired, 3) })
		c.AfterFunc(5*time.Millisecond, func() {
			fired = append(fired, 1)
			c.AfterFunc(10*time.Millisecond, func() { fired = append(fired, 2) })
			late = c.Monotonic() >= begun+30*time.Millisecond
		})
	})
	if !w.Until(func() bool { return len(fired) == 3 }) || !late && !slices.IsSorted(fired) {
		t.Errorf("timers fired in the order %d", fired)
	}
}

func clockFar(t *testing.T, w ClockWorld) {
	near := false
	var far env.Timer
	w.Do(func() {
		far = w.Clock().AfterFunc(100*365*24*time.Hour, func() { t.Error("a timer of a century fired") })
		w.Clock().AfterFunc(2*time.Millisecond, func() { near = true })
	})
	if !w.Until(func() bool { return near }) {
		t.Error("a timer beside one of a century never fired")
	}
	w.Do(func() {
		if !far.Stop() {
			t.Error("the timer of a century was not pending")
		}
	})
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

// clockStopMany makes timers in no order, and lets callbacks stop some of them.
func clockStopMany(t *testing.T, w ClockWorld) {
	const count = 300
	timers := make([]env.Timer, count)
	delay := func(i int) time.Duration { return time.Duration(i*7919%count) * 100 * time.Microsecond }
	var earliest, latest [count]time.Duration // that each can be due
	var fired []int
	stopped, late, over := map[int]bool{}, 0, false
	w.Do(func() {
		c := w.Clock()
		for i := range timers {
			earliest[i] = c.Monotonic() + delay(i)
			timers[i] = c.AfterFunc(delay(i), func() {
				fired = append(fired, i)
				if c.Monotonic() < earliest[i] {
					t.Errorf("timer %d fired early", i)
				}
				if j := i * 31 % count; j%3 == 0 {
					if timers[j].Stop() {
						stopped[j] = true
					} else {
						late++
					}
				}
			})
			latest[i] = c.Monotonic() + delay(i)
		}
		for i := range timers {
			if i%5 == 0 {
				stopped[i] = timers[i].Stop()
			}
		}
		c.AfterFunc(100*time.Millisecond, func() { over = true })
	})
	if !w.Until(func() bool { return over }) {
		t.Fatal("the last timer never fired")
	}
	for _, i := range fired {
		if stopped[i] {
			t.Errorf("timer %d fired, and was stopped", i)
		}
	}
	if len(fired)+len(stopped) != count || late == 0 {
		t.Errorf("of %d timers %d fired and %d were stopped; %d were asked to stop too late", count, len(fired), len(stopped), late)
	}
	var before time.Duration
	for _, i := range fired {
		if before > latest[i] {
			t.Errorf("timer %d fired after one of a later deadline", i)
		}
		before = max(before, earliest[i])
	}
}

// clockStopDue stops a timer that is due: either it has run, or it never will.
func clockStopDue(t *testing.T, w ClockWorld) {
	var fired, stopped, over bool
	w.Do(func() {
		c := w.Clock()
		timer := c.AfterFunc(0, func() {
			fired = true
			if stopped {
				t.Error("a timer fired after its Stop reported true")
			}
		})
		c.Post(func() {
			before := fired
			if stopped = timer.Stop(); stopped == before {
				t.Errorf("Stop of a timer that had fired (%v) reported %v", before, stopped)
			}
			c.AfterFunc(time.Millisecond, func() { over = true })
		})
	})
	if !w.Until(func() bool { return over }) || fired == stopped {
		t.Errorf("fired %v, stopped %v", fired, stopped)
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

func clockPostFromTimer(t *testing.T, w ClockWorld) {
	var order []int
	w.Do(func() {
		c := w.Clock()
		c.AfterFunc(time.Millisecond, func() {
			c.Post(func() { order = append(order, 1) })
			c.Post(func() {
				order = append(order, 2)
				c.AfterFunc(0, func() { order = append(order, 3) })
			})
			order = append(order, 0)
		})
	})
	if !w.Until(func() bool { return len(order) == 4 }) || !slices.IsSorted(order) {
		t.Errorf("a timer and what it posted ran in the order %d", order)
	}
}

// clockOneAtATime lets timers and posted functions make more of each other.
func clockOneAtATime(t *testing.T, w ClockWorld) {
	ran, inside := 0, false
	var next func(depth int) func()
	next = func(depth int) func() {
		return func() {
			if inside {
				t.Error("a callback ran inside another")
			}
			inside = true
			defer func() { inside = false }()
			ran++
			if depth == 0 {
				return
			}
			c := w.Clock()
			c.Post(next(depth - 1))
			c.AfterFunc(0, next(depth-1))
			c.AfterFunc(time.Duration(depth)*time.Microsecond, next(depth-1))
		}
	}
	w.Do(next(4))
	const all = 1 + 3 + 9 + 27 + 81
	if !w.Until(func() bool { return ran == all }) {
		t.Errorf("%d of %d callbacks ran", ran, all)
	}
}
