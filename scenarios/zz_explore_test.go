package scenarios

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/sim/cluster"
)

func TestZZ(t *testing.T) {
	for _, w := range CrashWorkloads() {
		if os.Getenv("W") != "" && os.Getenv("W") != w.Name {
			continue
		}
		s := w.Base()
		s.DurationNs += 50_000_000
		var lines []string
		var last checker.EventKind
		n := 0
		r, err := cluster.Run(s, cluster.Options{OnEvent: func(e checker.Event) {
			switch e.Kind {
			case checker.EventSnapshotSent, checker.EventSnapshotResumed, checker.EventSnapshotStaged, checker.EventSnapshot, checker.EventSnapshotFailed, checker.EventMembers, checker.EventReplica, checker.EventDamaged, checker.EventRepaired, checker.EventUnrepairable, checker.EventTrim, checker.EventScrubbed, checker.EventLostReported, checker.EventFenced, checker.EventBooted, checker.EventCheckpoint, checker.EventRole:
				if e.Kind == checker.EventCheckpoint && last == e.Kind {
					n++
					return
				}
				last = e.Kind
				lines = append(lines, fmt.Sprintf("%v node %d %v %s %s idx %d r%d p%d", time.Duration(e.AtNs), e.Node, e.Kind, e.Text, e.File, e.Index, e.Replica, e.Peer))
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		t.Log(w.Name, r.Passed, r.Violations, time.Duration(r.LoadedNs), r.DiskOperations, r.Faults)
		for _, l := range lines {
			t.Log(l)
		}
		for _, m := range r.Notes {
			t.Log("   note", time.Duration(m.AtNs-r.LoadedNs), m.Text)
		}
		began := time.Now()
		ops, err := w.Operations(cluster.Options{})
		t.Log(w.Name, "OPS", ops, err, time.Since(began))
	}
}
