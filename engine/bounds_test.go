package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/netmodel"
)

// tight makes every memory of a node small, over several partitions.
func tight(c *engine.Config) {
	smallFiles(c)
	partitions(c, 4)
	c.MaxUncommitted, c.MaxBatchBytes = 1<<20, 64<<10
	c.Log.SegmentBytes, c.CheckpointBytes = 256<<10, 256<<10
	c.Journal.WindowBytes, c.Journal.ReadBackBytes = 2<<20, 64<<10
	c.Journal.FileBytes, c.Journal.RetainBytes, c.Journal.MaxBytes = 1<<20, 2<<20, 64<<20
	c.Journal.MaxBatchBytes = 128 << 10
	c.LogTailBytes, c.LogTailsBytes = 256<<10, 512<<10
	c.FetchBytes, c.MaxFetchBytes, c.BacklogBytes = 1<<20, 256<<10, 2<<20
	c.OutboxBytes = 4 << 20
}

// slackOf is by how much a bound may be passed: by one unit of what it counts.
func slackOf(c *engine.Config, name string) int64 {
	switch name {
	case "Journal.WindowBytes": // by what was taken before the pressure was seen: one turn's
		return int64(c.MaxUncommitted)
	case "LogTailsBytes":
		return int64(c.LogTailBytes)
	case "BacklogBytes": // it is looked at once a tick
		return 1 << 20
	}
	return 0
}

// flood keeps produces under way in all partitions of the leader, and counts what
// becomes of them.
type flood struct {
	h                       *host
	underWay                int
	acked, throttled, other int
	unknown                 int
}

func (f *flood) keep(batch []byte, most int) {
	led := f.h.led()
	for i := 0; f.underWay < most && i < most && len(led) > 0; i++ {
		p := int32(led[i%len(led)] - 1)
		f.underWay++
		f.h.do(func() {
			f.h.node.Produce(engine.ProduceRequest{Topic: "t", Partition: p, Batch: batch, LeaderEpoch: -1}, func(r engine.ProduceResponse) {
				f.underWay--
				switch {
				case r.Err == engine.None:
					f.acked++
				case r.Unknown:
					f.unknown++
				case r.Err == engine.ThrottlingQuotaExceeded || r.Err == engine.KafkaStorageError:
					f.throttled++
				default:
					f.other++
				}
			})
		})
	}
}

// watch compares every bound of a node with its limit and notes the greatest use.
func watch(t *testing.T, h *host, c *engine.Config, most map[string]int64) {
	t.Helper()
	for _, b := range h.node.Bounds() {
		most[b.Name] = max(most[b.Name], b.Used)
		if b.Limit <= 0 || b.Used > b.Limit+slackOf(c, b.Name) {
			t.Fatalf("%s: %d %s used, the limit is %d", b.Name, b.Used, b.Unit, b.Limit)
		}
	}
}

// TestTheSlowCostTheLeaderNothing: one follower takes nothing and a consumer reads
// from the log's beginning on and never hurries, under continuous load. The leader's
// memory stays within its bounds, and produces go on.
func TestTheSlowCostTheLeaderNothing(t *testing.T) {
	w := newWorld(t, 3, tight)
	w.formatAndStart()
	leader := w.leader()
	cfg := w.config(leader.id)
	var stalled *host
	w.eachOther(leader, func(h *host) { stalled = h })
	w.net.Cut(netmodel.Addr(leader.id), netmodel.Addr(stalled.id))
	f, most := &flood{h: leader}, map[string]int64{}
	b := batch(strings.Repeat("x", 16<<10))
	for range 60 {
		f.keep(b, 100)
		leader.do(func() {
			for _, g := range leader.led() {
				leader.node.Fetch(engine.FetchRequest{Topic: "t", Partition: int32(g) - 1, MaxBytes: 256 << 10, MaxWait: time.Second, LeaderEpoch: -1}, func(engine.FetchResponse) {})
			}
		})
		w.sleep(5 * time.Millisecond)
		watch(t, leader, &cfg, most)
	}
	if f.acked < 1000 || f.other > 0 || f.unknown > 0 {
		t.Errorf("%d acknowledged, %d refused for now, %d unknown, %d others: %v", f.acked, f.throttled, f.unknown, f.other, most)
	}
	t.Logf("%d acknowledged, %d throttled; greatest use: %v", f.acked, f.throttled, most)
}

// TestProduceIsRefusedBeforeMemoryGrows: nothing is committed any more. What the
// leader takes stays within its bounds, and all else is refused with an error that says
// that nothing was written; then it goes on.
func TestProduceIsRefusedBeforeMemoryGrows(t *testing.T) {
	w := newWorld(t, 3, tight)
	w.formatAndStart()
	leader := w.leader()
	cfg := w.config(leader.id)
	w.eachOther(leader, func(h *host) { h.disk.Stall(w.k.Now() + int64(2*time.Second)) })
	f, most := &flood{h: leader}, map[string]int64{}
	b := batch(strings.Repeat("x", 16<<10))
	for range 50 {
		f.keep(b, f.underWay+40)
		w.sleep(5 * time.Millisecond)
		watch(t, leader, &cfg, most)
	}
	if f.throttled < 500 {
		t.Errorf("%d were refused for now, %d are under way: %v", f.throttled, f.underWay, most)
	}
	w.sleep(8 * time.Second)
	if r := w.leader().produce(t, b); r.Err != engine.None {
		t.Errorf("after the stall: %v", r.Err)
	}
	t.Logf("%d acknowledged, %d throttled; greatest use: %v", f.acked, f.throttled, most)
}
