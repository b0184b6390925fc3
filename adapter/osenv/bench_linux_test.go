package osenv_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lockstep-log/lockstep/adapter/osenv"
	"github.com/lockstep-log/lockstep/engine/env"
)

// zeroedBytes is the file that the benchmarks write round and round in, zeroed
// before: the journal's way, for then a sync has no metadata to write.
const zeroedBytes = 16 << 20

// BenchmarkAppendSync writes and syncs, one at a time, through the loop and the
// workers, and in a plain loop of system calls. The difference is what the
// hand-over costs.
func BenchmarkAppendSync(b *testing.B) {
	for _, size := range []int{4 << 10, 64 << 10} {
		p := make([]byte, size)
		for i := range p {
			p[i] = byte(i)
		}
		b.Run(fmt.Sprintf("osenv/%dKiB", size>>10), func(b *testing.B) { benchOsenv(b, p) })
		b.Run(fmt.Sprintf("plain/%dKiB", size>>10), func(b *testing.B) { benchPlain(b, p) })
	}
}

func zeroed(b *testing.B, dir string) {
	b.Helper()
	f, err := os.Create(filepath.Join(dir, "file"))
	if err != nil {
		b.Fatal(err)
	}
	if _, err := f.Write(make([]byte, zeroedBytes)); err != nil {
		b.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
}

func benchOsenv(b *testing.B, p []byte) {
	dir := b.TempDir()
	zeroed(b, dir)
	onDisk(b, dir, func(task *env.Task, d *osenv.Disk) {
		f, err := task.Open(d, "file", env.OpenExisting)
		if err != nil {
			b.Error(err)
			return
		}
		b.ReportAllocs()
		b.SetBytes(int64(len(p)))
		var off int64
		task.Await(func(done func()) {
			n := 0
			written := func(err error) {
				if err != nil {
					b.Error(err)
				}
			}
			var step func(error)
			step = func(err error) {
				written(err)
				if n++; n > b.N {
					done()
					return
				}
				f.WriteAt(p, off, written)
				f.Sync(step)
				off = (off + int64(len(p))) % zeroedBytes
			}
			b.ResetTimer()
			step(nil)
		})
		b.StopTimer()
	})
}

func benchPlain(b *testing.B, p []byte) {
	dir := b.TempDir()
	zeroed(b, dir)
	f, err := os.OpenFile(filepath.Join(dir, "file"), os.O_RDWR, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	b.SetBytes(int64(len(p)))
	var off int64
	b.ResetTimer()
	for range b.N {
		if _, err := f.WriteAt(p, off); err != nil {
			b.Fatal(err)
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			b.Fatal(err)
		}
		off = (off + int64(len(p))) % zeroedBytes
	}
}
