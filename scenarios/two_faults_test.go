package scenarios

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/sim/cluster"
)

// TestAHandWrittenScheduleDoesWhatItSays runs the example of docs/schedule.md: a
// leader is cut off, and a node loses power a millisecond after a write.
func TestAHandWrittenScheduleDoesWhatItSays(t *testing.T) {
	b, err := os.ReadFile("testdata/two-faults.json")
	if err != nil {
		t.Fatal(err)
	}
	s, err := cluster.ParseSchedule(b)
	if err != nil {
		t.Fatal(err)
	}
	sc, err := Lookup(s.Scenario)
	if err != nil {
		t.Fatal(err)
	}
	var written []int64 // by node 2
	r, err := Run(sc, s, cluster.Options{OnEvent: func(e checker.Event) {
		if e.Kind == checker.EventWritten && e.Node == 2 {
			written = append(written, e.AtNs)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range r.Violations {
		t.Errorf("at %v: %v", time.Duration(v.AtNs), v)
	}
	begun, over := marks(r, cluster.MarkFault), marks(r, cluster.MarkOver)
	if len(begun) != 2 || len(over) != 2 {
		t.Fatalf("faults began %+v and ended %+v, want two each", begun, over)
	}
	for i, f := range s.Faults {
		if lasted := over[i].AtNs - begun[i].AtNs; lasted != f.ForNs {
			t.Errorf("the %s lasted %v, the schedule says %v", f.Kind, time.Duration(lasted), time.Duration(f.ForNs))
		}
	}

	cut, loss := begun[0], begun[1]
	if at := cut.AtNs - r.LoadedNs; at != s.Faults[0].AtNs || !strings.HasPrefix(cut.Text, "partition of node") {
		t.Errorf("%q at %v of the load", cut.Text, time.Duration(at))
	}
	if lead := leaderAt(r, 1, cut.AtNs); !slices.Equal(cut.Nodes, []uint64{lead}) {
		t.Errorf("nodes %v were cut off, the leader was %d", cut.Nodes, lead)
	}
	if lead := leaderAt(r, 1, over[0].AtNs); slices.Contains(cut.Nodes, lead) {
		t.Errorf("node %d leads at the end of its partition", lead)
	}

	armed := r.LoadedNs + s.Faults[1].AtNs
	i, _ := slices.BinarySearch(written, armed)
	if i == len(written) || loss.AtNs != written[i]+s.Faults[1].DelayNs {
		t.Errorf("power was lost at %v, armed at %v", time.Duration(loss.AtNs), time.Duration(armed))
	}
	if !slices.Equal(loss.Nodes, []uint64{2}) {
		t.Errorf("nodes %v lost power", loss.Nodes)
	}
	// What is lost depends on what the disk has done in that millisecond.
	lost := r.Counters["lostUnsyncedWrites"]
	for ; lost == 0 && s.Seed < 2036; s.Seed++ {
		again, err := Run(sc, s, cluster.Options{})
		if err != nil {
			t.Fatal(err)
		}
		lost = again.Counters["lostUnsyncedWrites"]
	}
	if lost == 0 {
		t.Error("no seed lost a write")
	}
}

// leaderAt is the last node that became a group's leader before a time.
func leaderAt(r *cluster.Result, group, ns int64) uint64 {
	var lead uint64
	for _, m := range marks(r, cluster.MarkLeader) {
		if int64(m.Group) == group && m.AtNs <= ns {
			lead = m.Node
		}
	}
	return lead
}
