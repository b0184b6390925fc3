package engine_test

import (
	"slices"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/engine/machine"
	"github.com/lockstep-log/lockstep/engine/membership"
	"github.com/lockstep-log/lockstep/engine/replica"
)

func (h *host) produceTo(t *testing.T, partition int32, b []byte) engine.ProduceResponse {
	t.Helper()
	return ask(t, h, func(done func(engine.ProduceResponse)) {
		h.node.Produce(engine.ProduceRequest{Topic: "t", Partition: partition, Batch: b, LeaderEpoch: -1, Timeout: time.Second}, done)
	})
}

// fencedGroups are those out of service, as the metadata tells.
func (h *host) fencedGroups() []env.GroupID {
	var out []env.GroupID
	for _, p := range h.node.Metadata(nil).Partitions {
		if p.Fenced != "" {
			out = append(out, p.Group)
		}
	}
	return out
}

// While the node serves, and again when it replays what was committed.
func TestAPanicOfAMachineFencesOneGroup(t *testing.T) {
	w := newWorld(t, 1, func(c *engine.Config) { partitions(c, 2); withPoison(c) })
	w.formatAndStart()
	h := w.nodes[0]
	w.leaderOf(2)
	if r := h.produceTo(t, 0, batch("poison")); r.Err != engine.KafkaStorageError || !r.Unknown {
		t.Fatalf("poison: %v, unknown %v", r.Err, r.Unknown)
	}
	// One commit more, elsewhere, makes the commit index of the poison durable.
	if r := h.produceTo(t, 1, batch("fine")); r.Err != engine.None {
		t.Fatal(r.Err)
	}
	w.sleep(time.Second)
	if got := h.fencedGroups(); !slices.Equal(got, []env.GroupID{1}) {
		t.Fatalf("serving: fenced %v, want group 1", got)
	}
	h.crash()
	h.start()
	w.leaderOf(2)
	if got := h.fencedGroups(); !slices.Equal(got, []env.GroupID{1}) || h.failed != nil || h.ready != 1 {
		t.Fatalf("restarted: fenced %v, failed %v, ready %d times", got, h.failed, h.ready)
	}
	if n := h.traced(env.EventFenced); n != 2 {
		t.Fatalf("fenced %d times in two lives", n)
	}
	if r := h.produceTo(t, 1, batch("still fine")); r.Err != engine.None || r.BaseOffset != 1 {
		t.Fatalf("the other group: %+v", r)
	}
	if r := h.produceTo(t, 0, batch("x")); r.Err != engine.KafkaStorageError || r.Unknown {
		t.Fatalf("the fenced group: %v, unknown %v", r.Err, r.Unknown)
	}
}

// A machine's checkpoint is asked for outside of raft's turns too, such as at a
// clean stop.
func TestAPanicOfACheckpointFencesOneGroup(t *testing.T) {
	members := replica.GenesisMeta([]membership.Member{{ID: 101, Node: 1}})
	w := newWorld(t, 1, func(c *engine.Config) {
		c.NewMachine = func(engine.MachineSpec) machine.StateMachine { return &sum{meta: members} }
	})
	w.formatAndStart()
	h := w.leader()
	stopped := 0
	var err error
	h.do(func() { h.node.Stop(func(e error) { err = e; stopped++ }) })
	w.until(func() bool { return stopped > 0 }, "end of the stop")
	if stopped != 1 || err == nil || h.traced(env.EventFenced) != 1 {
		t.Fatalf("stopped %d times with %v, fenced %d times", stopped, err, h.traced(env.EventFenced))
	}
}
