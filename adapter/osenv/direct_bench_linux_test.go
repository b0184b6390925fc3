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
	"github.com/lockstep-log/lockstep/engine/direct"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/record"
	"github.com/lockstep-log/lockstep/engine/wal"
)

// BenchmarkDirect produces batches of 64 KiB to an unreplicated log, with 1 or 16
// in flight, against a plain loop of write and fdatasync into a zeroed file. The
// ratio is of bytes a second, of the median block of many taken in turn: above 1 the log is faster.
func BenchmarkDirect(b *testing.B) {
	builder := record.NewBuilder(1000)
	builder.Add(1000, nil, make([]byte, 64<<10))
	batch := builder.Build()
	for _, inFlight := range []int{1, 16} {
		b.Run(fmt.Sprintf("64KiB/%dinflight", inFlight), func(b *testing.B) {
			loop, log := openDirect(b)
			plain := openZeroed(b, 64<<20)
			b.SetBytes(int64(len(batch)))
			const block = 32
			var took [2][]time.Duration
			at := int64(0)
			for range (b.N + block - 1) / block {
				begun := time.Now()
				produceDirect(b, loop, log, batch, block, inFlight)
				took[0] = append(took[0], time.Since(begun))
				begun = time.Now()
				for range block {
					if at+int64(len(batch)) > 64<<20 {
						at = 0
					}
					if _, err := plain.WriteAt(batch, at); err != nil {
						b.Fatal(err)
					}
					if err := unix.Fdatasync(int(plain.Fd())); err != nil {
						b.Fatal(err)
					}
					at += int64(len(batch))
				}
				took[1] = append(took[1], time.Since(begun))
			}
			median := func(d []time.Duration) float64 {
				slices.Sort(d)
				return float64(d[len(d)/2])
			}
			b.ReportMetric(median(took[1])/median(took[0]), "ratio")
		})
	}
}

// openZeroed makes a file of zeros.
func openZeroed(b *testing.B, size int) *os.File {
	f, err := os.Create(filepath.Join(b.TempDir(), "plain"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = f.Close() })
	if _, err := f.Write(make([]byte, size)); err != nil {
		b.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		b.Fatal(err)
	}
	return f
}

func openDirect(b *testing.B) (*osenv.Loop, *direct.Log) {
	loop := osenv.NewLoop(0)
	disk, err := osenv.OpenDisk(loop, b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	loop.Start()
	tasks := &env.Tasks{}
	b.Cleanup(func() {
		loop.Call(tasks.Stop)
		loop.Stop()
		<-loop.Done()
		_ = disk.Close()
	})
	e := env.Env{Clock: loop, Disk: disk, Tracer: env.Discard, Entropy: osenv.Entropy{}}
	cfg := direct.Config{Log: wal.Config{
		Dir: "groups/1", TailBytes: 4 << 20, ZeroBytes: 4 << 20,
		Genesis: wal.Settings{SegmentBytes: 64 << 20, IndexIntervalBytes: 4 << 10, MaxBatchBytes: 1 << 20},
	}}
	var log *direct.Log
	opened := make(chan error, 1)
	loop.Submit(func() {
		fail := func(err error) { b.Error(err) }
		tasks.Go("open", func(t *env.Task) {
			err := direct.New(e, tasks, cfg, fail).Format(t)
			if err == nil {
				log = direct.New(e, tasks, cfg, fail)
				err = log.Open(t)
			}
			opened <- err
		})
	})
	if err := <-opened; err != nil {
		b.Fatal(err)
	}
	return loop, log
}

// produceDirect produces n batches with so many in flight.
func produceDirect(b *testing.B, loop *osenv.Loop, log *direct.Log, batch []byte, n, inFlight int) {
	ended := make(chan struct{})
	asked, left := 0, n
	var next func()
	next = func() {
		if asked == n {
			return
		}
		asked++
		log.Produce(batch, 1<<62, func(_ int64, _ bool, err error) {
			if err != nil {
				b.Error(err)
			}
			if left--; left == 0 {
				close(ended)
				return
			}
			next()
		})
	}
	loop.Submit(func() {
		for range inFlight {
			next()
		}
	})
	<-ended
}
