package cluster

import (
	"testing"
	"time"
)

// servesBefore tells whether a node began to serve between a time and the second
// phase.
func servesBefore(r *Result, node uint64, fromNs int64) bool {
	serves := false
	for _, m := range r.Timeline {
		switch {
		case m.Kind == MarkHealed:
			return serves
		case m.Kind == MarkServes && m.Node == node && m.AtNs > fromNs:
			serves = true
		}
	}
	return serves
}

// TestALostDiskIsFormattedAtOnce cuts the formatting short at many moments, too.
func TestALostDiskIsFormattedAtOnce(t *testing.T) {
	at, back := int64(time.Second), int64(100*time.Millisecond)
	lost := Fault{AtNs: at, ForNs: back, Kind: LostDisk, Nodes: []uint64{2}, Formatted: true}
	s := Defaults(1)
	s.DurationNs = int64(4 * time.Second)
	for cut := time.Duration(0); cut < 8*time.Millisecond; cut += 400 * time.Microsecond {
		s.Faults = []Fault{lost, {AtNs: at + back + int64(cut), ForNs: int64(20 * time.Millisecond), Kind: Crash, Nodes: []uint64{2}}}
		r := run(t, s, Options{})
		mustPass(t, r)
		if !servesBefore(r, 2, at) || r.Probes[probes[diskReplaced].Name] == 0 {
			t.Errorf("crashed %v later: the node did not come back under a fresh id before the second phase", cut)
		}
	}
	lost.Formatted = false
	s.Faults = []Fault{lost}
	r := run(t, s, Options{})
	mustPass(t, r)
	if servesBefore(r, 2, at) {
		t.Error("a node took an empty disk for its own")
	}
}

// TestRotStrikesWhatIsSealed: an idle journal holds a few batches, which nothing
// but the seal behind them proves to have been durable. The node finds out.
func TestRotStrikesWhatIsSealed(t *testing.T) {
	at := int64(2 * time.Second)
	fenced := uint64(0)
	for seed := range uint64(5) {
		s := Defaults(seed)
		s.DurationNs = int64(4 * time.Second)
		s.Workload.ProducesPerMinute = 120 // not as many as bury each other
		s.Faults = []Fault{
			{AtNs: at, Kind: Rot, Nodes: []uint64{2}, Area: AreaJournal, Sectors: maxSectors},
			{AtNs: at + 1, ForNs: int64(50 * time.Millisecond), Kind: PowerLoss, Nodes: []uint64{2}, Mode: "all"},
		}
		r := run(t, s, Options{})
		mustPass(t, r)
		if r.Counters["damages"] == 0 {
			t.Errorf("seed %d: nothing was damaged", seed)
		}
		fenced += r.Counters["fencedReplicas"]
	}
	if fenced == 0 {
		t.Error("no node found out")
	}
}
