package explore

import (
	"bytes"
	"testing"

	"github.com/lockstep-log/lockstep/sim"
)

// recording makes a trace of n events and the kernel's events as they were.
func recording(t *testing.T, n int) ([]byte, []sim.Event) {
	t.Helper()
	var b bytes.Buffer
	w, err := sim.NewTraceWriter(&b, []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	var events []sim.Event
	k := sim.New(1)
	k.SetSink(func(e sim.Event) {
		events = append(events, e)
		if err := w.Write(e); err != nil {
			t.Fatal(err)
		}
	})
	for i := range uint64(n) {
		k.Record(sim.KindFault, i, 0, 0, []byte("x"))
	}
	if err := w.Close(k.Hash()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), events
}

// compared feeds events to a comparison and gives its divergence, if any.
func compared(t *testing.T, file []byte, events []sim.Event) *Divergence {
	t.Helper()
	r, err := sim.NewTraceReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	c := &comparison{reader: r, diverged: make(chan *Divergence)}
	ended := make(chan *Divergence, 1)
	go func() {
		for _, e := range events {
			c.compare(e)
		}
		ended <- c.rest()
	}()
	select {
	case d := <-c.diverged:
		return d
	case d := <-ended:
		return d
	}
}

func TestReplayComparesEventByEvent(t *testing.T) {
	file, events := recording(t, 20)
	if d := compared(t, file, events); d != nil {
		t.Errorf("equal events diverged at %d", d.Seq)
	}
	changed := append([]sim.Event(nil), events...)
	changed[9].Sum++
	d := compared(t, file, changed)
	if d == nil || d.Seq != 10 || d.Recorded == nil || *d.Recorded != events[9] || *d.Replayed != changed[9] || len(d.Before) != shownBefore {
		t.Errorf("one changed digest: %+v", d)
	}
	if d := compared(t, file, events[:15]); d == nil || d.Seq != 16 || d.Replayed != nil || *d.Recorded != events[15] {
		t.Errorf("a replay that ended early: %+v", d)
	}
	more := append(append([]sim.Event(nil), events...), sim.Event{Seq: 21, Kind: sim.KindFault})
	if d := compared(t, file, more); d == nil || d.Seq != 21 || d.Recorded != nil || d.Replayed.Seq != 21 {
		t.Errorf("a replay that went on: %+v", d)
	}
}

func TestTheFirstEventCanDiffer(t *testing.T) {
	file, events := recording(t, 3)
	events[0].A = 99
	if d := compared(t, file, events); d == nil || d.Seq != 1 || len(d.Before) != 0 {
		t.Errorf("got %+v", d)
	}
}

func TestEveryEventIsDescribed(t *testing.T) {
	for kind := sim.KindMessage; kind <= sim.KindFault; kind++ {
		if text := Describe(sim.Event{Seq: 7, Kind: kind, A: 1, B: 2, C: 3}); len(text) < len("#7 at 0s  ")+5 {
			t.Errorf("%v: %q says nothing", kind, text)
		}
	}
}
