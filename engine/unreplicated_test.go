package engine_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/diskmodel"
	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/record"
)

// alone is a node with a raft partition 0 and an unreplicated one, 1, group 2.
func alone(t *testing.T) (*world, *host) {
	t.Helper()
	w := newWorld(t, 1, func(c *engine.Config) {
		p := c.Topology.Partitions[0]
		p.Group, p.Partition, p.Unreplicated = 2, 1, true
		c.Topology.Partitions = append(c.Topology.Partitions, p)
		c.Log.SegmentBytes = 64 << 10
		c.RetentionEvery = time.Second
	})
	w.formatAndStart()
	h := w.nodes[0]
	w.until(func() bool { return h.node.Ready() }, "ready")
	return w, h
}

func (h *host) produceAlone(t *testing.T, b []byte) engine.ProduceResponse {
	t.Helper()
	return ask(t, h, func(done func(engine.ProduceResponse)) {
		h.node.Produce(engine.ProduceRequest{Topic: "t", Partition: 1, Batch: b, LeaderEpoch: -1, Timeout: time.Second}, done)
	})
}

func (h *host) fetchAlone(t *testing.T, r engine.FetchRequest) engine.FetchResponse {
	t.Helper()
	r.Topic, r.Partition, r.LeaderEpoch = "t", 1, -1
	return ask(t, h, func(done func(engine.FetchResponse)) { h.node.Fetch(r, done) })
}

func (h *host) statusAlone() engine.PartitionStatus { return h.node.Metadata(nil).Partitions[1] }

func TestUnreplicated(t *testing.T) {
	w, h := alone(t)
	for i := range 5 {
		r := h.produceAlone(t, batch("a", "b"))
		if r.Err != engine.None || r.BaseOffset != int64(2*i) || r.Leader != 1 || r.LeaderEpoch != 0 {
			t.Fatalf("produce %d: %+v", i, r)
		}
	}
	if f := h.fetchAlone(t, engine.FetchRequest{Offset: 4, Linearizable: true}); f.Err != engine.None || f.HighWatermark != 10 || endOf(f.Batches) != 10 {
		t.Errorf("fetch: %+v", f)
	}
	latest := func(at int64) engine.ListOffsetsResponse {
		return ask(t, h, func(done func(engine.ListOffsetsResponse)) {
			h.node.ListOffsets(engine.ListOffsetsRequest{Topic: "t", Partition: 1, Timestamp: at, LeaderEpoch: 0}, done)
		})
	}
	if r := latest(engine.Latest); r.Err != engine.None || r.Offset != 10 {
		t.Errorf("latest: %+v", r)
	}
	trimmed := ask(t, h, func(done func(engine.DeleteRecordsResponse)) {
		h.node.DeleteRecords(engine.DeleteRecordsRequest{Topic: "t", Partition: 1, Offset: 3, LeaderEpoch: -1}, done)
	})
	if trimmed.Err != engine.None || trimmed.LogStart != 3 {
		t.Errorf("delete records: %+v", trimmed)
	}
	if f := h.fetchAlone(t, engine.FetchRequest{Offset: 2}); f.Err != engine.OffsetOutOfRange || f.LogStart != 3 {
		t.Errorf("fetch below the start: %+v", f)
	}
	s := h.statusAlone()
	if s.Err != engine.None || s.Leader != 1 || len(s.ISR) != 1 || s.HighWatermark != 10 || s.LogStart != 3 || s.State != engine.StateServing {
		t.Errorf("status: %+v", s)
	}
	h.crash()
	h.disk.PowerLoss(diskmodel.LoseAll)
	h.start()
	w.until(func() bool { return h.node.Ready() }, "ready again")
	if r := latest(engine.Earliest); r.Offset != 3 {
		t.Errorf("earliest after power loss: %+v", r)
	}
	if r := latest(engine.Latest); r.Offset != 10 {
		t.Errorf("latest after power loss: %+v", r)
	}
}

func TestUnreplicatedLongPoll(t *testing.T) {
	_, h := alone(t)
	var got *engine.FetchResponse
	h.do(func() {
		r := engine.FetchRequest{Topic: "t", Partition: 1, LeaderEpoch: -1, MinBytes: 1, MaxWait: 10 * time.Second}
		h.node.Fetch(r, func(f engine.FetchResponse) { got = &f })
	})
	h.produceAlone(t, batch("x"))
	h.w.until(func() bool { return got != nil }, "the poll's answer")
	if endOf(got.Batches) != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestUnreplicatedDamageFencesItAlone(t *testing.T) {
	w, h := alone(t)
	for range 5 {
		h.produceAlone(t, batch("a"))
	}
	w.sleep(100 * time.Millisecond) // noted
	h.crash()
	h.disk.PowerLoss(diskmodel.LoseAll)
	if !h.disk.Rot("groups/2/00000000000000000000.log", 65, 1) {
		t.Fatal("nothing to rot")
	}
	h.start()
	w.until(func() bool { return h.node.Ready() }, "ready again")
	s := h.statusAlone()
	want := engine.DamagedRange{Base: 0, End: 5, Everywhere: true}
	if s.Err != engine.KafkaStorageError || s.State != engine.StateFenced || len(s.Damaged) != 1 || s.Damaged[0] != want ||
		!strings.Contains(s.Fenced, "offsets 0 to 4 are lost") {
		t.Errorf("status: %+v", s)
	}
	if r := h.produceAlone(t, batch("a")); r.Err != engine.KafkaStorageError || r.Unknown {
		t.Errorf("produce: %+v", r)
	}
	if f := h.fetchAlone(t, engine.FetchRequest{}); f.Err != engine.KafkaStorageError {
		t.Errorf("fetch: %+v", f)
	}
	if h.traced(env.EventFenced) != 1 {
		t.Errorf("%d fences traced", h.traced(env.EventFenced))
	}
	w.until(func() bool { return h.produce(t, batch("a")).Err == engine.None }, "the other partition")
}

func TestUnreplicatedOnAFullDisk(t *testing.T) {
	w, h := alone(t)
	big := batch(string(bytes.Repeat([]byte{'x'}, 30<<10)))
	h.disk.SetFull(true)
	refused := 0
	for i := 0; i < 50 && refused == 0; i++ {
		if r := h.produceAlone(t, big); r.Err == engine.KafkaStorageError {
			refused++
		}
	}
	if refused == 0 {
		t.Fatal("never refused")
	}
	h.disk.SetFull(false)
	w.until(func() bool { return h.produceAlone(t, big).Err == engine.None }, "room")
	if h.failed != nil {
		t.Error(h.failed)
	}
}

func TestUnreplicatedStopsCleanly(t *testing.T) {
	w, h := alone(t)
	h.produceAlone(t, batch("a"))
	stopped := false
	h.do(func() { h.node.Stop(func(err error) { stopped = err == nil }) })
	w.until(func() bool { return stopped }, "the stop")
	h.crash()
	h.start()
	w.until(func() bool { return h.node.Ready() }, "ready again")
	if s := h.statusAlone(); s.HighWatermark != 1 {
		t.Errorf("status: %+v", s)
	}
}

func TestUnreplicatedNeedsOneReplica(t *testing.T) {
	w := newWorld(t, 3, func(c *engine.Config) { c.Topology.Partitions[0].Unreplicated = true })
	if err := w.nodes[0].format(); err == nil || !strings.Contains(err.Error(), "unreplicated with 3 replicas; need 1") {
		t.Errorf("got %v", err)
	}
}

// endOf is the offset after the last record of whole batches.
func endOf(batches []byte) (end int64) {
	for b, err := range record.Batches(batches) {
		if err != nil {
			return -1
		}
		h, err := record.ParseHeader(b)
		if err != nil {
			return -1
		}
		end = h.NextOffset()
	}
	return end
}
