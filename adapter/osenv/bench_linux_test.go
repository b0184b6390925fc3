package osenv_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lockstep-log/lockstep/adapter/osenv"
	"github.com/lockstep-log/lockstep/engine/env"
)

// zeroedBytes is the file that the benchmarks write round and round in, zeroed
// before: the journal's way, for then a sync has no metadata to write.
const zeroedBytes = 16 << 20

// appender writes p and syncs, n times, one after the other.
type appender func(b *testing.B, p []byte, n int)

// BenchmarkAppendSync appends through the loop and the workers, and in a plain
// loop of system calls. What the hand-over costs is the ratio: it is taken of
// short blocks in turn, for a disk's speed changes from one second to the next.
func BenchmarkAppendSync(b *testing.B) {
	throughOsenv, plainly := openOsenv(b), openPlain(b)
	for _, size := range []int{4 << 10, 64 << 10} {
		p := make([]byte, size)
		for i := range p {
			p[i] = byte(i)
		}
		one := func(appendTo appender) func(b *testing.B) {
			return func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(size))
				appendTo(b, p, b.N)
			}
		}
		b.Run(fmt.Sprintf("osenv/%dKiB", size>>10), one(throughOsenv))
		b.Run(fmt.Sprintf("plain/%dKiB", size>>10), one(plainly))
		b.Run(fmt.Sprintf("ratio/%dKiB", size>>10), func(b *testing.B) { compare(b, p, throughOsenv, plainly) })
	}
}

// compare reports the ratio of the median times of blocks.
func compare(b *testing.B, p []byte, a, c appender) {
	const block = 32
	var took [2][]time.Duration
	for range (b.N + block - 1) / block {
		for i, appendTo := range []appender{a, c} {
			begun := time.Now()
			appendTo(b, p, block)
			took[i] = append(took[i], time.Since(begun))
		}
	}
	median := func(d []time.Duration) float64 {
		slices.Sort(d)
		return float64(d[len(d)/2])
	}
	b.ReportMetric(median(took[0])/median(took[1]), "osenv/plain")
	b.ReportMetric(0, "ns/op") // of both together: it says nothing
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

// openOsenv leaves a loop and a disk running until the benchmark ends.
func openOsenv(b *testing.B) appender {
	dir := b.TempDir()
	zeroed(b, dir)
	loop := osenv.NewLoop(0)
	disk, err := osenv.OpenDisk(loop, dir)
	if err != nil {
		b.Fatal(err)
	}
	loop.Start()
	b.Cleanup(func() {
		loop.Stop()
		<-loop.Done()
		_ = disk.Close()
	})
	opened := make(chan env.File)
	loop.Submit(func() { disk.Open("file", env.OpenExisting, func(f env.File, _ error) { opened <- f }) })
	f := <-opened
	if f == nil {
		b.Fatal("the file cannot be opened")
	}
	var off int64
	return func(b *testing.B, p []byte, n int) {
		ended := make(chan struct{})
		written := func(err error) {
			if err != nil {
				b.Error(err)
			}
		}
		var step func(error)
		step = func(err error) {
			written(err)
			if n--; n < 0 {
				close(ended)
				return
			}
			off = (off + int64(len(p))) % zeroedBytes
			f.WriteAt(p, off, written)
			f.Sync(step)
		}
		loop.Submit(func() { step(nil) })
		<-ended
	}
}

func openPlain(b *testing.B) appender {
	dir := b.TempDir()
	zeroed(b, dir)
	f, err := os.OpenFile(filepath.Join(dir, "file"), os.O_RDWR, 0)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = f.Close() })
	var off int64
	return func(b *testing.B, p []byte, n int) {
		for range n {
			off = (off + int64(len(p))) % zeroedBytes
			if _, err := f.WriteAt(p, off); err != nil {
				b.Fatal(err)
			}
			if err := unix.Fdatasync(int(f.Fd())); err != nil {
				b.Fatal(err)
			}
		}
	}
}
