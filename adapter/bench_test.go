package adapter_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/adapter"
	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/record"
)

// BenchmarkLiveProduce produces batches of one record of 1 KiB to a cluster of
// three nodes in this process, over loopback and real files, with so many
// requests in flight. All share this machine's processors and disk.
func BenchmarkLiveProduce(b *testing.B) {
	for _, inFlight := range []int{1, 16, 256} {
		b.Run(fmt.Sprint(inFlight), func(b *testing.B) {
			all := configs(b, 3)
			for i := range all {
				all[i].Tuning = adapter.TuningConfig{}
			}
			formatAll(b, all)
			start(b, all)
			c := connect(b, all[0])
			produce(b, c, "there is a leader")
			took := produceMany(b, c, inFlight)
			slices.Sort(took)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "acked/s")
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
		})
	}
}

// produceMany gives the time that each of b.N produces took.
func produceMany(b *testing.B, c *adapter.Client, inFlight int) []time.Duration {
	builder := record.NewBuilder(time.Now().UnixMilli())
	builder.Add(0, nil, make([]byte, 1<<10))
	batch := builder.Build()
	took := make([]time.Duration, b.N)
	var next atomic.Int64
	var senders sync.WaitGroup
	b.SetBytes(1 << 10)
	b.ResetTimer()
	for range inFlight {
		senders.Go(func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				begun := time.Now()
				r, err := c.Produce(context.Background(), "demo", 0, batch, time.Minute)
				if err != nil || r.Err != engine.None {
					b.Errorf("produce: %+v, %v", r, err)
					return
				}
				took[i-1] = time.Since(begun)
			}
		})
	}
	senders.Wait()
	b.StopTimer()
	return took
}
