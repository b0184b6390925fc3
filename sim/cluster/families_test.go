package cluster

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/engine"
	"github.com/lockstep-log/lockstep/netmodel"
)

// still is a cluster that has booted, and whose faults are begun by hand.
func still(t *testing.T, nodes int) *Cluster {
	t.Helper()
	s := Defaults(3)
	s.Nodes, s.Replication = nodes, nodes
	c := newCluster(s, Options{})
	t.Cleanup(c.entropy.install())
	if !c.boot() {
		t.Fatal(c.found)
	}
	t.Cleanup(c.shutdown)
	return c
}

// reach lists, for each node, which nodes it can send to.
func reach(c *Cluster) []string {
	out := make([]string, len(c.hosts))
	for i, a := range c.hosts {
		for _, b := range c.hosts {
			if a != b && c.link(a.addr(), b.addr()).open() {
				out[i] += string(rune('0' + b.id))
			}
		}
	}
	return out
}

func TestPartitionsHaveTheirShapes(t *testing.T) {
	for name, c := range map[string]struct {
		nodes int
		fault Fault
		want  []string
	}{
		"ring of five":     {5, Fault{Kind: Ring, Role: RoleAll}, []string{"25", "13", "24", "35", "14"}},
		"ring of three":    {3, Fault{Kind: Ring, Role: RoleAll}, []string{"23", "13", "12"}},
		"outwards":         {3, Fault{Kind: Ring, Role: RoleAll, Direction: DirectionOut}, []string{"2", "3", "1"}},
		"inwards":          {3, Fault{Kind: Ring, Role: RoleAll, Direction: DirectionIn}, []string{"3", "1", "2"}},
		"bridge of three":  {3, Fault{Kind: Bridge, Nodes: []uint64{2}}, []string{"2", "13", "2"}},
		"one way, nothing": {3, Fault{Kind: OneWay, Nodes: []uint64{3}, Direction: DirectionOut}, []string{"23", "13", ""}},
		"clog":             {3, Fault{Kind: Clog, Nodes: []uint64{1}, Direction: DirectionIn}, []string{"23", "3", "2"}},
	} {
		t.Run(name, func(t *testing.T) {
			cl := still(t, c.nodes)
			whole, targets := reach(cl), cl.targets(&c.fault)
			kinds[c.fault.Kind].begin(cl, &c.fault, targets)
			if got := reach(cl); !slices.Equal(got, c.want) {
				t.Errorf("nodes reach %q, want %q", got, c.want)
			}
			kinds[c.fault.Kind].end(cl, &c.fault, targets)
			if got := reach(cl); !slices.Equal(got, whole) {
				t.Errorf("afterwards nodes reach %q, want %q", got, whole)
			}
		})
	}
}

func TestABridgeOfFiveSplitsTheOthersInHalves(t *testing.T) {
	c := still(t, 5)
	f := Fault{Kind: Bridge, Nodes: []uint64{3}}
	c.beginBridge(&f, c.targets(&f))
	for i, who := range reach(c) {
		if want := map[bool]int{true: 4, false: 2}[i == 2]; len(who) != want {
			t.Errorf("node %d reaches %q", i+1, who)
		}
	}
}

func TestAFlappingPartitionComesAndGoes(t *testing.T) {
	f := Fault{AtNs: int64(2 * time.Second), ForNs: int64(950 * time.Millisecond), Kind: Flap, Nodes: []uint64{1}, PeriodNs: int64(200 * time.Millisecond)}
	s := Defaults(4)
	s.DurationNs = int64(6 * time.Second)
	s.Faults = []Fault{f}
	c := newCluster(s, Options{})
	defer c.entropy.install()()
	if !c.boot() {
		t.Fatal(c.found)
	}
	c.plan()
	changes, open := 0, true
	for c.k.Now() < int64(5*time.Second) {
		c.k.Run(c.k.Now() + int64(10*time.Millisecond))
		if now := c.connected(c.hosts[0], c.hosts[1]); now != open {
			changes++
			open = now
		}
	}
	if changes != 10 || !open {
		t.Errorf("%d changes, open at last: %v", changes, open)
	}
	c.shutdown()
}

func TestAFrozenClockHoldsItsTimers(t *testing.T) {
	c := still(t, 3)
	h := c.hosts[0]
	clock := (*clock)(h.process)
	f := Fault{Kind: Freeze, Nodes: []uint64{1}}
	fired := false
	clock.AfterFunc(time.Second, func() { fired = true })
	c.beginFreeze(&f, []*host{h})
	stood, wall, was := clock.Monotonic(), clock.Wall(), c.k.Now()
	c.k.Run(was + int64(5*time.Second))
	if clock.Monotonic() != stood || clock.Wall() != wall || fired {
		t.Errorf("the clock went on by %v, the wall clock by %d; the timer fired: %v", clock.Monotonic()-stood, clock.Wall()-wall, fired)
	}
	c.endFreeze(&f, []*host{h})
	c.k.Run(c.k.Now() + int64(990*time.Millisecond))
	if fired {
		t.Error("the timer fired early")
	}
	c.k.Run(c.k.Now() + int64(20*time.Millisecond))
	if !fired {
		t.Error("the timer did not fire")
	}
	if lost := epochNs + c.k.Now() + h.clock.wallOffset - clock.Wall(); lost != int64(5*time.Second) {
		t.Errorf("the wall clock lost %v", time.Duration(lost))
	}
}

func TestDriftsAddUpAndEnd(t *testing.T) {
	c := still(t, 3)
	h := c.hosts[0]
	h.clock.run(c.k.Now(), 0)
	h.clock.ownPPM = 0
	clock := (*clock)(h.process)
	a, b := Fault{Kind: Drift, DriftPPM: 100_000}, Fault{Kind: Drift, DriftPPM: -300_000}
	pass := func(want time.Duration) {
		t.Helper()
		from := clock.Monotonic()
		c.k.Run(c.k.Now() + int64(time.Second))
		if got := clock.Monotonic() - from; got.Round(time.Microsecond) != want {
			t.Errorf("a second took %v, want %v", got, want)
		}
	}
	late := time.Duration(0)
	clock.AfterFunc(3*time.Second, func() { late = clock.Monotonic() })
	due := clock.Monotonic() + 3*time.Second
	pass(time.Second)
	c.beginDrift(&a, []*host{h})
	pass(1100 * time.Millisecond)
	c.beginDrift(&b, []*host{h})
	pass(800 * time.Millisecond)
	c.endDrift(&a, []*host{h})
	pass(700 * time.Millisecond)
	c.endDrift(&b, []*host{h})
	pass(time.Second)
	if late < due {
		t.Errorf("a timer of %v fired at %v", due, late)
	}
}

// TestACrashStrikesAtTheChosenOperation: the n-th operation is the last of the
// process, and it never hears of it.
func TestACrashStrikesAtTheChosenOperation(t *testing.T) {
	ends := map[int64]bool{}
	for nth := 1; nth <= 12; nth++ {
		for _, on := range []string{OnIO, OnSync} {
			f := at(2000, 200)
			f.Kind, f.Nodes, f.On, f.Nth = Crash, []uint64{2}, on, nth
			again := at(2001, 200)
			again.Kind, again.Nodes, again.On, again.Nth, again.Mode = PowerLoss, []uint64{2}, OnRecoveryIO, nth, "torn"
			r := under(t, f, again)
			if r.Counters["crashes"] != 1 {
				t.Fatalf("%s %d: %d crashes", on, nth, r.Counters["crashes"])
			}
			i := slices.IndexFunc(r.Timeline, func(m Mark) bool { return m.Kind == MarkFault })
			ends[r.Timeline[i].AtNs] = true
		}
	}
	if len(ends) < 15 {
		t.Errorf("24 crashes struck at %d moments", len(ends))
	}
}

func TestANodeRefusesAnothersDisk(t *testing.T) {
	f := at(2000, 1500)
	f.Kind, f.Nodes = SwapDisks, []uint64{1, 3}
	r := under(t, f)
	refused := 0
	for _, m := range r.Timeline {
		if m.Kind == MarkStopped && strings.Contains(m.Text, "belongs to another node") {
			refused++
		}
	}
	if refused < 2 {
		t.Errorf("%d refusals", refused)
	}
}

func TestDisksSwapBack(t *testing.T) {
	c := still(t, 5)
	own := make([]any, len(c.hosts))
	for i, h := range c.hosts {
		own[i] = h.disk
	}
	f := Fault{Kind: SwapDisks, Role: RoleAll}
	c.beginSwapDisks(&f, c.hosts)
	for i, h := range c.hosts {
		if own[i] == any(h.disk) {
			t.Errorf("node %d has its own disk", h.id)
		}
	}
	c.endSwapDisks(&f, c.hosts)
	for i, h := range c.hosts {
		if own[i] != any(h.disk) {
			t.Errorf("node %d has another's disk", h.id)
		}
	}
}

func TestRolesFindTheirNodes(t *testing.T) {
	c := still(t, 5)
	c.k.Run(int64(3 * time.Second))
	g := c.groups[0]
	leader := g.leaderHost()
	if leader == nil {
		t.Fatal("nobody leads")
	}
	g.members[3].truth.end += 7
	down := g.members[4].host
	if down == leader {
		down = g.members[2].host
	}
	down.crash()
	for role, check := range map[string]func(found []*host) bool{
		RoleLongestLog: func(found []*host) bool { return len(found) == 1 && found[0] == g.members[3].host },
		RoleShortestLog: func(found []*host) bool {
			return len(found) == 1 && found[0].id != g.members[3].host.id && found[0].process != nil
		},
		RoleISRFollower: func(found []*host) bool { return len(found) == 1 && found[0] != leader && found[0].process != nil },
	} {
		if found := c.targets(&Fault{Role: role}); !check(found) {
			t.Errorf("%s: nodes %v", role, ids(found))
		}
	}
}

func TestAResetBreaksClientsConnections(t *testing.T) {
	s := Defaults(11)
	s.DurationNs = int64(4 * time.Second)
	s.Workload.ProducesPerMinute = 60_000
	for i := range int64(40) {
		f := at(2000+i, 0)
		f.Kind, f.Role, f.Clients = Reset, RoleLeader, true
		s.Faults = append(s.Faults, f)
	}
	r := run(t, s, Options{})
	mustPass(t, r)
	if r.Probes[probes[connectionReset].Name] == 0 {
		t.Error("no client's request met the reset")
	}
}

// TestAResetFailsWhatIsUnderWay: a client hears at once of a request, and of an
// answer, that a reset caught on its way.
func TestAResetFailsWhatIsUnderWay(t *testing.T) {
	for _, after := range []time.Duration{5 * time.Millisecond, 15 * time.Millisecond, 25 * time.Millisecond} {
		t.Run(after.String(), func(t *testing.T) {
			c := still(t, 5)
			c.net.SetLink(clientAddr(0), 1, netmodel.Link{Base: 10 * time.Millisecond})
			c.net.SetLink(1, clientAddr(0), netmodel.Link{Base: 10 * time.Millisecond})
			var heard []error
			delivered := 0
			c.call(0, 1, 100, func(_ *engine.Node, reply func(int, func())) {
				c.k.After(10*time.Millisecond, func() { reply(100, func() { delivered++ }) })
			}, func(err error) { heard = append(heard, err) })
			c.k.Run(c.k.Now() + int64(after))
			c.beginReset(&Fault{Kind: Reset, Clients: true}, c.hosts[:1])
			c.k.Run(c.k.Now() + int64(time.Second))
			if delivered != 0 || len(heard) != 1 || !errors.Is(heard[0], errReset) {
				t.Errorf("%d answers, heard %v", delivered, heard)
			}
		})
	}
}

// TestOverlappingSwapsEndAtHome: whatever the order of the ends, the disks in
// force are those of the swaps that are left.
func TestOverlappingSwapsEndAtHome(t *testing.T) {
	c := still(t, 5)
	a, b := Fault{Kind: SwapDisks}, Fault{Kind: SwapDisks}
	first, second := c.hosts[:3], c.hosts[1:4]
	c.beginSwapDisks(&a, first)
	c.beginSwapDisks(&b, second)
	c.endSwapDisks(&a, first)
	for i, h := range c.hosts {
		if swapped := slices.Contains(second, h); h.foreign != swapped {
			t.Errorf("node %d has a foreign disk: %v", i+1, h.foreign)
		}
	}
	c.endSwapDisks(&b, second)
	for _, h := range c.hosts {
		if h.disk != h.home {
			t.Errorf("node %d has another's disk", h.id)
		}
	}
}

// TestOneFaultDoesNotUndoAnother: a short fault within a long one of its kind
// leaves the long one in force.
func TestOneFaultDoesNotUndoAnother(t *testing.T) {
	for kind, struck := range map[string]string{FailSync: "selfStops", LostWrite: "damages"} {
		long, brief := at(2000, 8000), at(2500, 0)
		long.Kind, long.Nodes, long.Area = kind, []uint64{2}, AreaSegment
		brief.Kind, brief.Nodes, brief.Area = kind, []uint64{2}, AreaIndex
		if kind == FailSync {
			long.On, long.Nth = OnSync, 40
		}
		s := Defaults(11)
		s.DurationNs = int64(11 * time.Second)
		s.Engine.CheckpointBytes, s.Engine.ScrubBytesPerSecond = 4<<10, 1<<20
		s.Workload.ProducesPerMinute = 1200
		s.Faults = []Fault{long, brief}
		r := run(t, s, Options{})
		mustPass(t, r)
		if r.Counters[struck] != 1 {
			t.Errorf("%s: %d %s", kind, r.Counters[struck], struck)
		}
	}
}

// TestADiskKeepsNoHostsFaults: what slows a machine's disk stays with the machine.
func TestADiskKeepsNoHostsFaults(t *testing.T) {
	slow, swapped := at(2000, 2000), at(3000, 3000)
	slow.Kind, slow.Nodes, slow.LatencyNs = SlowDisk, []uint64{1}, int64(800*time.Millisecond)
	swapped.Kind, swapped.Nodes = SwapDisks, []uint64{1, 2}
	s := Defaults(11)
	s.DurationNs = int64(12 * time.Second)
	s.Faults = []Fault{slow, swapped}
	r := run(t, s, Options{})
	mustPass(t, r)
	served := int64(0)
	for _, m := range r.Timeline {
		if m.Kind == MarkServes && m.Node == 1 {
			served = m.AtNs
		}
	}
	if back := r.LoadedNs + int64(6*time.Second); served < back || served > back+int64(time.Second) {
		t.Errorf("node 1 serves from %v on", time.Duration(served))
	}
}

func TestNonsenseIsRefused(t *testing.T) {
	for want, f := range map[string]Fault{
		"faults[0].nodes: a node stands there twice":                                {Kind: Crash, Nodes: []uint64{2, 1, 2}},
		"faults[0].nodes: it takes two disks to swap them":                          {Kind: SwapDisks, Role: RoleLeader},
		"faults[0].on: of all its targets together there is no such event":          {Kind: Ring, Role: RoleAll, On: OnWrite},
		"faults[0].bytesPerSecond: 0 throttles nothing":                             {Kind: ThrottleDisk, Role: RoleAll},
		"faults[0].driftPPM: 0 is no drift":                                         {Kind: Drift, Role: RoleAll},
		"faults[0].area: writes to the journal are spared":                          {Kind: LostWrite, Role: RoleAll, Area: AreaJournal},
		"faults[0].area: only what cannot be read may be at the end of the journal": {Kind: Rot, Role: RoleAll, Area: AreaTail},
		"faults[0].periodNs: 0 is not within 10000000 to 86400000000000":            {Kind: Flap, Role: RoleAll},
	} {
		s := Defaults(1)
		s.Faults = []Fault{f}
		if err := s.Validate(); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
