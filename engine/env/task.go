package env

import (
	"iter"
	"slices"
)

// Task is straight-line work of several asynchronous steps: a coroutine made
// with iter.Pull, switched to directly on the node's loop and so outside
// goroutine scheduling. A task that dies with its node unwinds its stack:
// deferred functions run, nothing after the pending Await does.
type Task struct {
	name    string
	group   *Tasks
	next    func() (struct{}, bool)
	stop    func()
	yield   func(struct{}) bool
	running bool
	stopped bool
}

// Tasks owns the tasks of one node process, so that they stop with it. A
// dropped coroutine would stay parked for ever.
//
// The zero value is ready to use. Not safe for concurrent use: one loop.
type Tasks struct {
	live    []*Task
	stopped bool
}

// stopTask unwinds a stopped task's stack; it never leaves this package.
type stopTask struct{}

// Go runs body as a task, at once, up to its first Await. After Stop it does
// nothing. A panic in body comes out of Go, or of the callback that resumed it.
func (ts *Tasks) Go(name string, body func(t *Task)) {
	if ts.stopped {
		return
	}
	t := &Task{name: name, group: ts}
	t.next, t.stop = iter.Pull(func(yield func(struct{}) bool) {
		t.yield = yield
		defer func() {
			if r := recover(); r != nil {
				if _, unwound := r.(stopTask); !unwound {
					panic(r)
				}
			}
		}()
		body(t)
	})
	ts.live = append(ts.live, t)
	t.resume()
}

// Stop unwinds all tasks and refuses new ones. The task that calls it, if one
// does, unwinds at its next Await.
func (ts *Tasks) Stop() {
	ts.stopped = true
	for _, t := range slices.Clone(ts.live) {
		t.stopped = true
		if !t.running {
			t.running = true
			t.stop()
			t.running = false
			ts.drop(t)
		}
	}
}

// Live tells how many tasks have begun and not ended.
func (ts *Tasks) Live() int { return len(ts.live) }

func (ts *Tasks) drop(t *Task) {
	if i := slices.Index(ts.live, t); i >= 0 {
		ts.live = slices.Delete(ts.live, i, i+1)
	}
}

// resume switches to the task until its next Await or its end.
func (t *Task) resume() {
	if t.stopped && !t.running {
		return
	}
	t.running = true
	ended := true
	defer func() {
		t.running = false
		if ended {
			t.stopped = true
			t.group.drop(t)
		}
	}()
	_, more := t.next()
	ended = !more
}

// Await calls start, which begins something asynchronous, and waits until done
// has been called. done may be called inside start, and at most once.
func (t *Task) Await(start func(done func())) {
	if t.stopped {
		panic(stopTask{})
	}
	called, parked := false, false
	start(func() {
		if called {
			panic("env: task " + t.name + ": a completion was reported twice")
		}
		called = true
		if parked && !t.stopped {
			t.resume()
		}
	})
	if called && !t.stopped {
		return
	}
	parked = true
	if t.stopped || !t.yield(struct{}{}) {
		panic(stopTask{})
	}
}
