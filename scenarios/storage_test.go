package scenarios

import (
	"strings"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/sim/cluster"
)

func TestReachedNamesWhatIsMissing(t *testing.T) {
	r := &cluster.Result{Probes: map[string]uint64{"storage/scrubbed": 2}}
	v := verdict{scenario: "s"}
	v.reached(r, "storage/scrubbed", "storage/trimmed|storage/scrubbed")
	if len(v.found) != 0 {
		t.Errorf("%v", v.found)
	}
	v.reached(r, "storage/trimmed|storage/torn-tail", "storage/nonsense")
	if len(v.found) != 2 {
		t.Fatalf("%v", v.found)
	}
	for i, want := range []string{"let its oldest records go", "no probe"} {
		if !strings.Contains(v.found[i].Message, want) {
			t.Errorf("%q lacks %q", v.found[i].Message, want)
		}
	}
}

// TestStorageStaysWithinTheAtlas: whatever a storage scenario draws, only one
// node's disk is damaged for good, and it begins early enough to be found.
func TestStorageStaysWithinTheAtlas(t *testing.T) {
	forGood := map[string]bool{
		cluster.Rot: true, cluster.BadRead: true, cluster.LostWrite: true, cluster.MisdirectedWrite: true, cluster.LostDisk: true,
	}
	for _, sc := range storage() {
		for seed := range uint64(200) {
			s := sc.Schedule(seed)
			node := uint64(0)
			for _, f := range s.Faults {
				if f.AtNs+int64(time.Second) > s.DurationNs {
					t.Errorf("%s, seed %d: %s begins at %v of %v", sc.Name, seed, f.Kind, time.Duration(f.AtNs), time.Duration(s.DurationNs))
				}
				if !forGood[f.Kind] {
					continue
				}
				if len(f.Nodes) != 1 || node != 0 && f.Nodes[0] != node {
					t.Errorf("%s, seed %d: %s of %v after node %d", sc.Name, seed, f.Kind, f.Nodes, node)
				}
				node = f.Nodes[0]
			}
		}
	}
}
