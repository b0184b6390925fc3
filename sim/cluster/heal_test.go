package cluster

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/checker"
	"github.com/lockstep-log/lockstep/engine/env"
)

// quorum is a short run whose second phase heals a quorum only.
func quorum(seed uint64, nodes int) Schedule {
	s := Defaults(seed)
	s.Nodes, s.Partitions, s.Replication, s.MinISR = nodes, 3, 3, 2
	s.DurationNs = int64(3 * time.Second)
	s.Heal = HealQuorum
	return s
}

func TestAQuorumGoesOnWhileTheRestIsBroken(t *testing.T) {
	ways := map[string]bool{}
	for seed := range uint64(30) {
		r := run(t, quorum(seed, 3+2*int(seed%2)), Options{})
		mustPass(t, r)
		if r.Probes[probes[coreSettled].Name] != 1 {
			t.Errorf("seed %d: probes %v", seed, r.Probes)
		}
		var order []MarkKind
		for _, m := range r.Timeline {
			switch m.Kind {
			case MarkHealed:
				if m.Text != "" {
					ways[strings.Join(strings.Fields(strings.Split(m.Text, ",")[0])[2:], " ")] = true
				}
				order = append(order, m.Kind)
			case MarkCoreSettled, MarkRestHealed, MarkConverged:
				order = append(order, m.Kind)
			default:
			}
		}
		if want := []MarkKind{MarkHealed, MarkCoreSettled, MarkRestHealed, MarkConverged}; !slices.Equal(order, want) {
			t.Errorf("seed %d: marks %v", seed, order)
		}
	}
	if len(ways) != 6 {
		t.Errorf("nodes broke in the ways %v", ways)
	}
}

func TestTheCoreHoldsAQuorumOfEveryGroup(t *testing.T) {
	sizes := map[int]bool{}
	for seed := range uint64(200) {
		c := newCluster(quorum(seed, 5), Options{})
		c.hosts[seed%5].damage.node = true
		core := c.chooseCore()
		sizes[len(core)] = true
		for _, g := range c.groups {
			if n := g.whole(core); n < g.quorum() {
				t.Fatalf("seed %d: %d whole replicas of group %d among nodes %v", seed, n, g.id, ids(core))
			}
		}
	}
	if sizes[5] || !sizes[4] || !sizes[3] {
		t.Errorf("cores of the sizes %v", sizes)
	}
}

// mute drops all that a node sends once the load has ended.
type mute struct {
	env.Network
	c *Cluster
}

func (m mute) Send(to env.NodeID, lane env.Lane, frame []byte) {
	if !m.c.healed {
		m.Network.Send(to, lane, frame)
	}
}

// TestAStuckCoreIsAnError: healed nodes that never speak again are no leader's
// followers, and no disk excuses that.
func TestAStuckCoreIsAnError(t *testing.T) {
	for _, beyond := range []bool{false, true} {
		s := quorum(1, 3)
		s.Beyond, s.HealNs = beyond, int64(3*time.Second)
		c := newCluster(s, Options{})
		c.options.network = func(_ env.NodeID, n env.Network) env.Network { return mute{n, c} }
		restore := c.entropy.install()
		if !c.boot() {
			t.Fatal(c.found)
		}
		c.disturb()
		if c.converge() {
			t.Error("it came to rest")
		}
		c.shutdown()
		restore()
		if len(c.found) != 1 || c.found[0].Oracle != checker.Convergence || c.proof != "" {
			t.Errorf("beyond %v: violations %v, proof %q", beyond, c.found, c.proof)
		}
	}
}

// lost takes the disks of two of three nodes.
func lost(beyond bool) Schedule {
	s := Defaults(2)
	s.DurationNs, s.HealNs, s.Beyond = int64(6*time.Second), int64(5*time.Second), beyond
	for i, node := range []uint64{1, 2} {
		f := at(2000+int64(i)*1000, 500)
		f.Kind, f.Nodes = LostDisk, []uint64{node}
		s.Faults = append(s.Faults, f)
	}
	return s
}

func TestTheAtlasSparesAMajority(t *testing.T) {
	r := run(t, lost(false), Options{})
	mustPass(t, r)
	if r.Counters["damages"] != 1 || r.Counters["damagesWithheld"] != 1 || r.Unrecoverable != "" {
		t.Errorf("%d damages, %d withheld, proof %q", r.Counters["damages"], r.Counters["damagesWithheld"], r.Unrecoverable)
	}
	if r.Probes[probes[diskLost].Name] != 1 || r.Probes[probes[damageWithheld].Name] != 1 {
		t.Errorf("probes %v", r.Probes)
	}
}

func TestBeyondTheAtlasTheDisksProveTheLoss(t *testing.T) {
	r := run(t, lost(true), Options{})
	mustPass(t, r)
	why := "its disk was lost, and nobody has given it another id"
	want := "group 1 needs 2 whole replicas and has 1 (node 1: " + why + "; node 2: " + why + ")"
	if r.Unrecoverable != want || r.Counters["damages"] != 2 {
		t.Errorf("proof %q after %d damages", r.Unrecoverable, r.Counters["damages"])
	}
}

// TestDamageStrikesItsArea: what is struck is what was asked for.
func TestDamageStrikesItsArea(t *testing.T) {
	for kind, areas := range map[string][]string{
		// The index of a segment is not synced, so that nothing is on the medium; a
		// checkpoint is written at once and has no other place in its file.
		Rot:              {AreaJournal, AreaSegment, AreaCheckpoint},
		BadRead:          {AreaSegment, AreaCheckpoint},
		LostEntry:        {AreaJournal, AreaSegment, AreaIndex, AreaCheckpoint},
		LostWrite:        {AreaSegment, AreaIndex, AreaCheckpoint},
		MisdirectedWrite: {AreaSegment},
	} {
		for _, area := range areas {
			t.Run(kind+" "+area, func(t *testing.T) {
				f := at(5000, 4000)
				f.Kind, f.Area, f.Nodes, f.Sectors = kind, area, []uint64{2}, 2
				s := Defaults(5)
				s.DurationNs = int64(12 * time.Second)
				s.Engine.SegmentBytes, s.Engine.CheckpointBytes, s.Engine.ScrubBytesPerSecond = 12<<10, 4<<10, 1<<20
				s.Workload.ProducesPerMinute = 3000
				back := at(10_500, 200)
				back.Kind, back.Nodes = Crash, []uint64{2}
				s.Faults = []Fault{f, back}
				r := run(t, s, Options{})
				mustPass(t, r)
				struck := 0
				for _, m := range r.Timeline {
					if m.Kind == MarkDamage {
						struck++
						if got, _ := areaOf(strings.Fields(m.Text)[slices.Index(strings.Fields(m.Text), "in")+1]); got != area {
							t.Errorf("%s is of area %q", m.Text, got)
						}
					}
				}
				if kind == LostEntry && r.Probes[probes[nameTaken].Name] != 1 {
					t.Errorf("probes %v", r.Probes)
				}
				if struck == 0 {
					t.Errorf("nothing was damaged: %v", r.Notes)
				}
			})
		}
	}
}

// TestSegmentsRotProvesNothing: two of three replicas have a rotten sector each,
// in different places. They can vote, and every byte is on some disk.
func TestSegmentsRotProvesNothing(t *testing.T) {
	s := Defaults(3)
	s.Workload.ProducesPerMinute = 3000
	s.DurationNs = int64(8 * time.Second)
	c := newCluster(s, Options{})
	t.Cleanup(c.entropy.install())
	if !c.boot() {
		t.Fatal(c.found)
	}
	c.disturb()
	t.Cleanup(c.shutdown)
	segment := ""
	for _, name := range c.hosts[0].disk.Files() {
		if area, _ := areaOf(name); area == AreaSegment {
			segment = name
			break
		}
	}
	rot := func(h int, off int64) {
		if !c.hosts[h].disk.Rot(segment, off, 1) {
			t.Fatalf("no byte %d in %s of node %d", off, segment, h+1)
		}
		c.damaged(c.hosts[h], segment, "rot", off)
	}
	rot(0, 10)
	rot(1, 2000)
	if proof := c.unrecoverable(); proof != "" {
		t.Errorf("proven: %s", proof)
	}
	rot(1, 10)
	rot(2, 10)
	want := "group 1 has lost 1 bytes of " + segment + " at 10 (node 1: rot in " + segment + " at 10; node 2: rot in " + segment + " at 10; node 3: rot in " + segment + " at 10)"
	if proof := c.unrecoverable(); proof != want {
		t.Errorf("proven: %q, want %q", proof, want)
	}
}

// TestAFullDiskExcusesNothingLater: a replica that takes nothing any more after
// its disk was full for a moment is an error.
func TestAFullDiskExcusesNothingLater(t *testing.T) {
	f := at(1000, 1)
	f.Kind, f.Nodes = FullDisk, []uint64{3}
	s := Defaults(4)
	s.DurationNs, s.HealNs = int64(4*time.Second), int64(3*time.Second)
	s.Faults = []Fault{f}
	c := newCluster(s, Options{})
	c.options.network = func(node env.NodeID, n env.Network) env.Network {
		if node == 3 {
			return mute{n, c}
		}
		return n
	}
	defer c.entropy.install()()
	if !c.boot() {
		t.Fatal(c.found)
	}
	c.disturb()
	if c.converge() {
		t.Error("it came to rest without node 3")
	}
	c.shutdown()
}
