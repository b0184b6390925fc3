package env

import (
	"errors"
	"io"
	"runtime"
	"slices"
	"testing"
	"time"
)

// later collects completions; a test runs them as a loop would.
type later []func()

func (l *later) add(done func()) { *l = append(*l, done) }

func (l *later) run() {
	for len(*l) > 0 {
		next := (*l)[0]
		*l = (*l)[1:]
		next()
	}
}

func TestTasksInterleaveAtAwaits(t *testing.T) {
	var ts Tasks
	var queue later
	var order []string
	for _, name := range []string{"a", "b"} {
		ts.Go(name, func(task *Task) {
			for _, step := range []string{"1", "2", "3"} {
				order = append(order, name+step)
				task.Await(queue.add)
			}
			order = append(order, name+"end")
		})
	}
	if want := []string{"a1", "b1"}; !slices.Equal(order, want) || ts.Live() != 2 {
		t.Fatalf("before any completion: %q, %d live", order, ts.Live())
	}
	queue.run()
	want := []string{"a1", "b1", "a2", "b2", "a3", "b3", "aend", "bend"}
	if !slices.Equal(order, want) || ts.Live() != 0 {
		t.Errorf("%q, %d live", order, ts.Live())
	}
}

func TestAwaitOfASynchronousCompletion(t *testing.T) {
	var ts Tasks
	ended := false
	ts.Go("synchronous", func(task *Task) {
		for range 100_000 {
			task.Await(func(done func()) { done() })
		}
		ended = true
	})
	if !ended || ts.Live() != 0 {
		t.Errorf("ended: %v, %d live", ended, ts.Live())
	}
}

func TestStopUnwindsWithDefers(t *testing.T) {
	var ts Tasks
	var queue later
	var order []string
	ts.Go("outer", func(task *Task) {
		defer func() { order = append(order, "outer") }()
		func() {
			defer func() { order = append(order, "inner") }()
			task.Await(queue.add)
			t.Error("the task went on after Stop")
		}()
		t.Error("the task's caller went on after Stop")
	})
	ts.Stop()
	if !slices.Equal(order, []string{"inner", "outer"}) || ts.Live() != 0 {
		t.Errorf("unwound %q, %d live", order, ts.Live())
	}
	queue.run() // a completion that comes late is dropped
	ts.Go("refused", func(*Task) { t.Error("a task began after Stop") })
	ts.Stop()
}

func TestAwaitInADeferWhileUnwinding(t *testing.T) {
	var ts Tasks
	var queue later
	started := false
	ts.Go("closing", func(task *Task) {
		defer task.Await(func(func()) { started = true })
		task.Await(queue.add)
	})
	ts.Stop()
	if started || ts.Live() != 0 {
		t.Errorf("an operation began while unwinding: %v, %d live", started, ts.Live())
	}
}

func TestStopFromInsideATask(t *testing.T) {
	var ts Tasks
	var queue later
	var order []string
	ts.Go("waiting", func(task *Task) {
		defer func() { order = append(order, "waiting unwound") }()
		task.Await(queue.add)
	})
	ts.Go("stopping", func(task *Task) {
		defer func() { order = append(order, "stopping unwound") }()
		task.Await(queue.add)
		ts.Stop()
		order = append(order, "goes on to its next Await")
		task.Await(func(func()) { t.Error("an operation began after Stop") })
		t.Error("the stopping task went on after its next Await")
	})
	queue = queue[1:]
	queue.run()
	want := []string{"waiting unwound", "goes on to its next Await", "stopping unwound"}
	if !slices.Equal(order, want) || ts.Live() != 0 {
		t.Errorf("%q, %d live", order, ts.Live())
	}
}

// TestStopInsideStart is a node that dies of the very operation it asks for.
func TestStopInsideStart(t *testing.T) {
	for name, completes := range map[string]bool{"completing": true, "not completing": false} {
		var ts Tasks
		unwound := false
		ts.Go(name, func(task *Task) {
			defer func() { unwound = true }()
			task.Await(func(done func()) {
				ts.Stop()
				if completes {
					done()
				}
			})
			t.Errorf("%s: the task went on", name)
		})
		if !unwound || ts.Live() != 0 {
			t.Errorf("%s: unwound %v, %d live", name, unwound, ts.Live())
		}
	}
}

func TestNestedTasks(t *testing.T) {
	var ts Tasks
	var queue later
	var order []string
	ts.Go("parent", func(parent *Task) {
		order = append(order, "parent begins")
		parent.Await(func(done func()) {
			ts.Go("child", func(child *Task) {
				order = append(order, "child begins")
				child.Await(queue.add)
				order = append(order, "child ends")
				done()
				order = append(order, "child after done")
			})
		})
		order = append(order, "parent ends")
	})
	queue.run()
	want := []string{"parent begins", "child begins", "child ends", "parent ends", "child after done"}
	if !slices.Equal(order, want) || ts.Live() != 0 {
		t.Errorf("%q, %d live", order, ts.Live())
	}
}

func TestStopFromANestedTask(t *testing.T) {
	var ts Tasks
	var queue later
	unwound := 0
	ts.Go("parent", func(parent *Task) {
		defer func() { unwound++ }()
		ts.Go("child", func(child *Task) {
			defer func() { unwound++ }()
			ts.Stop()
			child.Await(queue.add)
		})
		parent.Await(queue.add)
	})
	if unwound != 2 || ts.Live() != 0 || len(queue) != 0 {
		t.Errorf("%d of 2 unwound, %d live, %d operations begun", unwound, ts.Live(), len(queue))
	}
}

// caught gives what f panics with.
func caught(f func()) (value any) {
	defer func() { value = recover() }()
	f()
	return nil
}

func TestPanicComesOutAtTheResumer(t *testing.T) {
	var ts Tasks
	var queue later
	if v := caught(func() { ts.Go("at once", func(*Task) { panic("first") }) }); v != "first" {
		t.Errorf("out of Go came %v", v)
	}
	ts.Go("later", func(task *Task) {
		task.Await(queue.add)
		panic("second")
	})
	if v := caught(queue.run); v != "second" {
		t.Errorf("out of the callback came %v", v)
	}
	if ts.Live() != 0 {
		t.Errorf("%d live after panics", ts.Live())
	}
	ended := false
	ts.Go("another", func(*Task) { ended = true })
	if !ended {
		t.Error("the group is of no use after a panic")
	}
}

func TestCompletionReportedTwicePanics(t *testing.T) {
	var ts Tasks
	var queue later
	ts.Go("twice", func(task *Task) {
		task.Await(func(done func()) { queue.add(done); queue.add(done) })
		task.Await(func(func()) {})
	})
	if v := caught(queue.run); v == nil {
		t.Error("a completion was reported twice without a word")
	}
	ts.Stop()
}

func TestStoppedTasksLeaveNoGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	var ts Tasks
	var queue later
	for range 1000 {
		ts.Go("parked", func(task *Task) { task.Await(queue.add) })
	}
	if ts.Live() != 1000 {
		t.Fatalf("%d live", ts.Live())
	}
	ts.Stop()
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines before 1000 tasks, %d after", before, after)
	}
}

// memory is a file, a disk and a clock of which each call completes at once or
// when the queue runs.
type memory struct {
	later
	bytes []byte
	err   error
}

func (m *memory) complete(done func(error)) { m.add(func() { done(m.err) }) }

func (m *memory) Name() string                                      { return "memory" }
func (m *memory) Close()                                            {}
func (m *memory) Truncate(_ int64, done func(error))                { m.complete(done) }
func (m *memory) Sync(done func(error))                             { m.complete(done) }
func (m *memory) Rename(_, _ string, done func(error))              { m.complete(done) }
func (m *memory) Remove(_ string, done func(error))                 { m.complete(done) }
func (m *memory) Mkdir(_ string, done func(error))                  { m.complete(done) }
func (m *memory) SyncDir(_ string, done func(error))                { m.complete(done) }
func (m *memory) Open(_ string, _ OpenMode, done func(File, error)) { m.add(func() { done(m, m.err) }) }

func (m *memory) List(_ string, done func([]string, error)) {
	m.add(func() { done([]string{"x"}, m.err) })
}

func (m *memory) Size(done func(int64, error)) { m.add(func() { done(int64(len(m.bytes))+3, m.err) }) }

func (m *memory) WriteAt(p []byte, _ int64, done func(error)) {
	m.add(func() { m.bytes = p; done(m.err) })
}

func (m *memory) ReadAt(p []byte, _ int64, done func(int, error)) {
	m.add(func() {
		if n := copy(p, m.bytes); n < len(p) && m.err == nil {
			done(n, io.EOF)
		} else {
			done(n, m.err)
		}
	})
}

func (m *memory) Monotonic() time.Duration { return 0 }
func (m *memory) Wall() int64              { return 0 }
func (m *memory) Post(f func())            { m.add(f) }

func (m *memory) AfterFunc(_ time.Duration, f func()) Timer {
	m.add(f)
	return nil
}

func TestStraightCodeCallsThePorts(t *testing.T) {
	m := &memory{}
	var ts Tasks
	var got []byte
	ts.Go("ports", func(task *Task) {
		task.Sleep(m, time.Second)
		f, err := task.Open(m, "a", OpenCreate)
		errs := []error{
			err, task.WriteAt(f, []byte("data"), 0), task.Sync(f), task.Truncate(f, 1), task.Rename(m, "a", "b"),
			task.Remove(m, "b"), task.Mkdir(m, "d"), task.SyncDir(m, "d"),
		}
		names, err := task.List(m, "d")
		errs = append(errs, err)
		got, err = task.ReadFile(f) // the file is shorter than its size said
		if err := errors.Join(append(errs, err)...); err != nil || len(names) != 1 {
			t.Errorf("%v, names %q", err, names)
		}
		m.err = ErrIO
		_, err = task.ReadFile(f)
		for i, err := range []error{err, task.WriteAt(f, nil, 0), task.Sync(f), task.SyncDir(m, "d")} {
			if !errors.Is(err, ErrIO) {
				t.Errorf("failing call %d: %v", i, err)
			}
		}
	})
	m.run()
	if string(got) != "data" || ts.Live() != 0 {
		t.Errorf("read %q, %d live", got, ts.Live())
	}
}

func TestNames(t *testing.T) {
	for want, got := range map[string]string{
		"urgent": Urgent.String(), "append": Append.String(), "bulk": Bulk.String(), "lane?": Lanes.String(),
		"follower": Follower.String(), "pre-candidate": PreCandidate.String(), "candidate": Candidate.String(), "leader": Leader.String(),
	} {
		if got != want {
			t.Errorf("%q is named %q", want, got)
		}
	}
}

func BenchmarkAwait(b *testing.B) {
	var ts Tasks
	var resume func()
	ts.Go("bench", func(task *Task) {
		for {
			task.Await(func(done func()) { resume = done })
		}
	})
	b.ReportAllocs()
	for b.Loop() {
		resume()
	}
	ts.Stop()
}
