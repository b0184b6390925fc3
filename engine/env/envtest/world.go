package envtest

import (
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
)

// Loop is an event loop that a test drives from outside.
type Loop interface {
	// Do runs f on the loop and returns after it.
	Do(f func())
	// Until lets the loop run until cond, which is asked on the loop, holds. It
	// reports false if that did not come to pass: a model has nothing left to
	// do, a real loop has been waiting for longer than is reasonable.
	Until(cond func() bool) bool
}

// ClockWorld has one process' clock.
type ClockWorld interface {
	Loop
	Clock() env.Clock
}

// DiskWorld has one data directory, empty at first.
type DiskWorld interface {
	Loop
	// Disk opens the directory as a new process does. What an earlier call gave
	// is not used any more; nothing of it is under way.
	Disk() env.Disk
}

// NetworkWorld has the nodes 1, 2 and 3, that know each other's addresses. The
// callbacks of all run on one loop.
type NetworkWorld interface {
	ClockWorld
	// Start starts a node's process, again after a Stop, and gives its port. No
	// receiver is attached yet.
	Start(node env.NodeID) env.Network
	// Stop ends the process: its connections close, its receiver is not called
	// any more.
	Stop(node env.NodeID)
}

// script is a test as straight code on a loop.
type script struct {
	*env.Task
	t *testing.T
}

// abandoned unwinds a script that failed.
type abandoned struct{}

// run runs body as a task on the loop and waits for its end.
func run(t *testing.T, loop Loop, body func(s *script)) {
	t.Helper()
	var tasks env.Tasks
	ended := false
	loop.Do(func() {
		tasks.Go("test", func(task *env.Task) {
			defer func() {
				ended = true
				if r := recover(); r != nil {
					if _, expected := r.(abandoned); !expected {
						panic(r)
					}
				}
			}()
			body(&script{task, t})
		})
	})
	done := loop.Until(func() bool { return ended })
	loop.Do(tasks.Stop)
	if !done {
		t.Fatal("the loop came to rest, or took too long, while an operation had not completed")
	}
}

// check ends the script unless ok.
func (s *script) check(ok bool, format string, args ...any) {
	s.t.Helper()
	if !ok {
		s.t.Errorf(format, args...)
		panic(abandoned{})
	}
}

// expect notes an error, for callbacks: outside the script nothing unwinds.
func (s *script) expect(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Errorf("unexpected error: %v", err)
	}
}

// must ends the script on an error.
func (s *script) must(err error) {
	s.t.Helper()
	s.check(err == nil, "unexpected error: %v", err)
}
