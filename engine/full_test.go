package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/engine/env"
)

// TestDeleteRecordsIsTakenOnAFullDisk: it is what an operator does about it. Only
// so often: each takes of the room kept for small entries.
func TestDeleteRecordsIsTakenOnAFullDisk(t *testing.T) {
	w := newWorld(t, 1, func(c *engine.Config) {
		smallFiles(c)
		c.Journal.FileBytes, c.Journal.MaxBatchBytes = 256<<10, 128<<10
	})
	w.formatAndStart()
	w.fill(t, 0, 200)
	l := w.leader()
	l.disk.SetFull(true)
	for i := 0; l.traced(env.EventFull) == 0; i++ {
		if i == 3000 {
			t.Fatal("the disk is full and nobody says so")
		}
		l.produce(t, batch(strings.Repeat("x", 1000)))
		w.sleep(10 * time.Millisecond)
	}
	trim := func(offset int64) engine.DeleteRecordsResponse {
		return ask(t, l, func(done func(engine.DeleteRecordsResponse)) {
			l.node.DeleteRecords(engine.DeleteRecordsRequest{Topic: "t", Offset: offset, LeaderEpoch: -1}, done)
		})
	}
	if r := trim(100); r.Err != engine.None || r.LogStart != 100 {
		t.Fatalf("delete-records on a full disk: %+v", r)
	}
	if r := trim(110); r.Err != engine.KafkaStorageError || r.Unknown {
		t.Errorf("another one at once: %+v", r)
	}
	w.sleep(3 * time.Second)
	if r := trim(110); r.Err != engine.None || r.LogStart != 110 {
		t.Errorf("another one later: %+v", r)
	}
}
