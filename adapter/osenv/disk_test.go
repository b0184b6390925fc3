package osenv_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-log/lockstep/adapter/osenv"
	"github.com/lockstep-log/lockstep/engine/env"
)

// onDisk runs body as a task on a loop with a disk in dir, and closes both.
func onDisk(t testing.TB, dir string, body func(task *env.Task, d *osenv.Disk)) {
	t.Helper()
	loop := osenv.NewLoop(0)
	disk, err := osenv.OpenDisk(loop, dir)
	if err != nil {
		t.Fatal(err)
	}
	var tasks env.Tasks
	ended := make(chan struct{})
	loop.Post(func() {
		tasks.Go("test", func(task *env.Task) {
			body(task, disk)
			close(ended)
		})
	})
	loop.Start()
	<-ended
	loop.Stop()
	<-loop.Done()
	if err := disk.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestStatsCountByDirectory(t *testing.T) {
	onDisk(t, t.TempDir(), func(task *env.Task, d *osenv.Disk) {
		err := task.Mkdir(d, "a/b")
		f, openErr := task.Open(d, "a/b/file", env.OpenNew)
		if openErr != nil {
			t.Error(openErr)
			return
		}
		if err := errors.Join(err, task.WriteAt(f, []byte("hello"), 0), task.Sync(f), task.SyncDir(d, "a"), task.SyncDir(d, ".")); err != nil {
			t.Error(err)
		}
		all := d.Stats()
		s := all["a"]
		var inBuckets uint64
		for _, n := range s.SyncBuckets {
			inBuckets += n
		}
		if s.Writes != 1 || s.WriteBytes != 5 || s.Syncs != 2 || inBuckets != 2 || s.SyncTime <= 0 || s.Failed != 0 || all["."].Syncs != 1 {
			t.Errorf("%+v", all)
		}
		if err := task.WriteAt(f, nil, -1); err == nil {
			t.Error("a write before the file's begin was taken")
		}
		if s := d.Stats()["a"]; s.Failed != 1 {
			t.Errorf("after a failed write: %+v", s)
		}
	})
}

func TestFileKeepsWhatWasWritten(t *testing.T) {
	dir := t.TempDir()
	onDisk(t, dir, func(task *env.Task, d *osenv.Disk) {
		if err := task.Mkdir(d, "a/b"); err != nil {
			t.Error(err)
		}
		f, err := task.Open(d, "a/b/file", env.OpenNew)
		if err != nil {
			t.Error(err)
			return
		}
		check := func(err error) {
			if err != nil {
				t.Error(err)
			}
		}
		check(task.WriteAt(f, []byte("world"), 6))
		check(task.WriteAt(f, []byte("hello"), 0))
		check(task.Sync(f))
		check(task.SyncDir(d, "a/b"))
		check(task.SyncDir(d, "."))
		got, err := task.ReadFile(f)
		if err != nil || string(got) != "hello\x00world" {
			t.Errorf("read %q, %v", got, err)
		}
		if n, err := task.ReadAt(f, make([]byte, 8), 6); n != 5 || !errors.Is(err, io.EOF) {
			t.Errorf("short read: %d, %v", n, err)
		}
		check(task.Truncate(f, 3))
		if n, err := task.Size(f); n != 3 || err != nil {
			t.Errorf("size %d, %v", n, err)
		}
		f.Close()
	})
	got, err := os.ReadFile(filepath.Join(dir, "a/b/file"))
	if err != nil || string(got) != "hel" {
		t.Fatalf("on the disk: %q, %v", got, err)
	}
}

func TestErrorsAreThePorts(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("/etc", filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	onDisk(t, dir, func(task *env.Task, d *osenv.Disk) {
		open := func(name string, mode env.OpenMode) error {
			f, err := task.Open(d, name, mode)
			if err == nil {
				f.Close()
			}
			return err
		}
		expect := func(what string, got, want error) {
			if !errors.Is(got, want) {
				t.Errorf("%s: %v, want %v", what, got, want)
			}
		}
		expect("create", open("file", env.OpenNew), nil)
		expect("create again", open("file", env.OpenNew), env.ErrExist)
		expect("open or create", open("file", env.OpenCreate), nil)
		expect("open missing", open("missing", env.OpenExisting), env.ErrNotExist)
		expect("open a directory", open(".", env.OpenExisting), env.ErrIO)
		expect("climb", open("../x", env.OpenCreate), env.ErrIO)
		expect("absolute", open("/etc/passwd", env.OpenExisting), env.ErrIO)
		expect("through a link", open("out/passwd", env.OpenExisting), env.ErrIO)
		expect("rename out", task.Rename(d, "file", "../file"), env.ErrIO)
		expect("rename missing", task.Rename(d, "missing", "x"), env.ErrNotExist)
		expect("remove missing", task.Remove(d, "missing"), env.ErrNotExist)
		_, err := task.List(d, "missing")
		expect("list missing", err, env.ErrNotExist)
		expect("sync missing", task.SyncDir(d, "missing"), env.ErrNotExist)

		f, err := task.Open(d, "file", env.OpenExisting)
		expect("open", err, nil)
		expect("negative offset", task.WriteAt(f, []byte("x"), -1), env.ErrIO)
		if err := task.WriteAt(f, []byte("x"), -1); !strings.Contains(err.Error(), "write file: ") {
			t.Errorf("the error does not name the file: %v", err)
		}
		f.Close()
		expect("write after close", task.WriteAt(f, []byte("x"), 0), env.ErrClosed)
		expect("sync after close", task.Sync(f), env.ErrClosed)
	})
}

func TestDirectoryOperations(t *testing.T) {
	onDisk(t, t.TempDir(), func(task *env.Task, d *osenv.Disk) {
		var files []env.File
		for _, name := range []string{"b", "a"} {
			f, err := task.Open(d, name, env.OpenNew)
			if err != nil {
				t.Error(err)
				return
			}
			files = append(files, f)
		}
		if err := errors.Join(task.Mkdir(d, "c"), task.Mkdir(d, "c"), task.Rename(d, "b", "c/d"),
			task.Rename(d, "c", "e"), task.Remove(d, "a")); err != nil {
			t.Error(err)
		}
		if got := files[0].Name(); got != "e/d" {
			t.Errorf("the renamed file is called %q, want e/d", got)
		}
		if err := task.WriteAt(files[1], []byte("nameless"), 0); err != nil {
			t.Errorf("write to a removed file: %v", err)
		}
		if got, err := task.List(d, "."); err != nil || !slices.Equal(got, []string{"e"}) {
			t.Errorf("list: %v, %v", got, err)
		}
	})
}

// Completions come in order per file, and never inside the call.
func TestCompletionsAreFIFO(t *testing.T) {
	onDisk(t, t.TempDir(), func(task *env.Task, d *osenv.Disk) {
		const files, writes = 40, 50
		var got [files][]int
		var open []env.File
		for i := range files {
			f, err := task.Open(d, "f"+string(rune('A'+i)), env.OpenNew)
			if err != nil {
				t.Error(err)
				return
			}
			open = append(open, f)
		}
		task.Await(func(done func()) {
			left, inside := files*writes, true
			for w := range writes {
				for i, f := range open {
					complete := func(err error) {
						if err != nil || inside {
							t.Errorf("completion inside the call: %v, error %v", inside, err)
						}
						got[i] = append(got[i], w)
						if left--; left == 0 {
							done()
						}
					}
					if w%10 == 9 {
						f.Sync(complete)
					} else {
						f.WriteAt(bytes.Repeat([]byte{byte(w)}, 100), int64(w)*100, complete)
					}
				}
			}
			inside = false
		})
		for i := range got {
			if len(got[i]) != writes || !slices.IsSorted(got[i]) {
				t.Errorf("file %d completed %v", i, got[i])
			}
		}
	})
}

func TestDataDirectoryIsLocked(t *testing.T) {
	dir := t.TempDir()
	loop := osenv.NewLoop(0)
	first, err := osenv.OpenDisk(loop, dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := osenv.OpenDisk(loop, dir); !errors.Is(err, osenv.ErrLocked) || !strings.Contains(err.Error(), dir) {
		t.Fatalf("second open: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := osenv.OpenDisk(loop, dir)
	if err != nil {
		t.Fatalf("open after close: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := osenv.OpenDisk(loop, filepath.Join(dir, "missing")); !errors.Is(err, env.ErrNotExist) {
		t.Fatalf("missing directory: %v", err)
	}
}
