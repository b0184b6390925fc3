package osenv

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/lockstep-log/lockstep/engine/env"
)

// A device that is always full stands in for a full disk.
func TestFullDiskIsNoSpace(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	f := &File{os: full, opened: "journal/1"}
	var d Disk
	op := operation{verb: verbWrite, file: f, p: []byte("x")}
	d.carryOut(&op)
	if !errors.Is(op.err, env.ErrNoSpace) || errors.Is(op.err, env.ErrIO) {
		t.Fatalf("write to a full device: %v", op.err)
	}
	if err := full.Close(); err != nil {
		t.Fatal(err)
	}
}

// The kernel reports a failed write-back once. A pipe cannot be synced, so it
// fails the first time for real; then the file below it is exchanged for one
// that can.
func TestAFailedSyncStaysFailed(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	good, err := os.Create(filepath.Join(t.TempDir(), "good"))
	if err != nil {
		t.Fatal(err)
	}
	defer good.Close()
	f := &File{os: w, opened: "x"}
	first := f.sync()
	f.os = good
	if second := f.sync(); first == nil || !errors.Is(second, first) {
		t.Fatalf("first sync %v, then %v", first, second)
	}
}

// Handles of one file share its queue, by whatever name; files do not.
func TestHandlesOfAFileShareItsQueue(t *testing.T) {
	loop := NewLoop(0)
	d, err := OpenDisk(loop, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var tasks env.Tasks
	ended := make(chan struct{})
	loop.Post(func() {
		tasks.Go("test", func(task *env.Task) {
			defer close(ended)
			open := func(name string) *File {
				f, err := task.Open(d, name, env.OpenCreate)
				if err != nil {
					t.Error(err)
				}
				return f.(*File)
			}
			a, other := open("a"), open("other")
			if err := task.Rename(d, "a", "b"); err != nil {
				t.Error(err)
			}
			again := open("b")
			if a.queue != again.queue || a.queue == other.queue {
				t.Errorf("queues %p and %p of one file, %p of another", a.queue, again.queue, other.queue)
			}
			for _, f := range []*File{a, other, again} {
				f.Close()
				if _, err := task.Size(f); !errors.Is(err, env.ErrClosed) {
					t.Errorf("size of a closed file: %v", err)
				}
			}
			if len(d.open) != 0 {
				t.Errorf("%d files are open after all were closed", len(d.open))
			}
		})
	})
	loop.Start()
	<-ended
	loop.Stop()
	<-loop.Done()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}
