package osenv_test

import (
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/adapter/osenv"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/env/envtest"
)

// world is a real loop with a data directory.
type world struct {
	t    *testing.T
	loop *osenv.Loop
	dir  string
	disk *osenv.Disk
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, loop: startLoop(t, 0), dir: t.TempDir()}
	t.Cleanup(func() {
		w.loop.Stop()
		<-w.loop.Done()
		if w.disk != nil {
			_ = w.disk.Close()
		}
	})
	return w
}

func (w *world) Do(f func()) { w.loop.Call(f) }

// Until asks every millisecond; whoever waits longer than a minute waits for
// nothing.
func (w *world) Until(cond func() bool) bool {
	result := make(chan bool, 1)
	begun := time.Now()
	var ask func()
	ask = func() {
		switch {
		case cond():
			result <- true
		case time.Since(begun) > time.Minute:
			result <- false
		default:
			w.loop.AfterFunc(time.Millisecond, ask)
		}
	}
	w.loop.Submit(ask)
	return <-result
}

func (w *world) Clock() env.Clock { return w.loop }

func (w *world) Disk() env.Disk {
	if w.disk != nil {
		if err := w.disk.Close(); err != nil {
			w.t.Error(err)
		}
	}
	disk, err := osenv.OpenDisk(w.loop, w.dir)
	if err != nil {
		w.t.Fatal(err)
	}
	w.disk = disk
	return disk
}

func TestClockConforms(t *testing.T) {
	envtest.Clock(t, func(t *testing.T) envtest.ClockWorld { return newWorld(t) })
}

func TestDiskConforms(t *testing.T) {
	envtest.Disk(t, func(t *testing.T) envtest.DiskWorld { return newWorld(t) })
}
