package cluster

import (
	"slices"
	"testing"
	"time"
)

func TestFaultsInWords(t *testing.T) {
	for want, f := range map[string]Fault{
		"power loss of nodes 1 2, all unsynced writes lost, for 1.9s":                {Kind: PowerLoss, Mode: "all", ForNs: 1_899_999_999},
		"crash of nodes 1 2, 245µs after a write, for 105ms":                         {Kind: Crash, On: OnWrite, DelayNs: 244_840, ForNs: 104_722_192},
		"failure of the next sync of nodes 1 2, if there is one within 3s":           {Kind: FailSync, ForNs: int64(3 * time.Second)},
		"jump of the wall clock of nodes 1 2 by -2.5s":                               {Kind: WallJump, LatencyNs: -2_500_400_000},
		"degraded links of nodes 1 2, 47.7ms slower, 2.5% lost, 1% twice, for 3.31s": {Kind: Degrade, LatencyNs: 47_666_143, LossPPM: 25_000, DuplicatePPM: 10_000, ForNs: 3_310_867_449},
	} {
		if got := f.text([]uint64{1, 2}); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	f := Fault{Kind: Pause, Role: RoleLeader, ForNs: 1}
	if got := f.text([]uint64{3}); got != "pause of node 3 (leader), for 1ns" {
		t.Error(got)
	}
}

func TestNotesTellWhatBelongsTogether(t *testing.T) {
	got := notes([]Mark{
		{AtNs: 1, Kind: MarkRecovered, Node: 1, Group: 1},
		{AtNs: 1, Kind: MarkServes, Node: 1},
		{AtNs: 2, Kind: MarkServes, Node: 2}, // the last one to start
		{AtNs: 2, Kind: MarkLoad},
		{AtNs: 3, Kind: MarkLeader, Node: 1, Group: 1, Term: 1},
		{AtNs: 3, Kind: MarkISR, Node: 1, Group: 1, Nodes: []uint64{1, 3}},
		{AtNs: 4, Kind: MarkFault, Text: "crash of node 1, for 1s"},
		{AtNs: 5, Kind: MarkOver, Text: "crash of node 1 is over"},
		{AtNs: 6, Kind: MarkRecovered, Node: 1, Group: 1, Term: 7},
		{AtNs: 7, Kind: MarkServes, Node: 1, Term: 2},
		{AtNs: 8, Kind: MarkISR, Node: 1, Group: 1, Nodes: []uint64{1, 2, 3}},
	}, 2)
	want := []Note{
		{2, "", "all nodes serve, the load begins"},
		{3, "", "group 1: node 1 leads in term 1, in-sync set {1 3}"},
		{4, "!", "crash of node 1, for 1s"},
		{5, "<", "crash of node 1 is over"},
		{7, "", "node 1 serves (boot 2), group 1 recovered up to index 7"},
		{8, "", "group 1: in-sync set {1 2 3}"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
}
