package netmodel

import (
	"bytes"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/sim"
	"pgregory.net/rapid"
)

// host is a process with a port; it notes what it hears.
type host struct {
	env.Network
	id     env.NodeID
	heard  []string
	frames [][]byte
}

func (h *host) Receive(from env.NodeID, lane env.Lane, frame []byte) {
	h.heard = append(h.heard, fmt.Sprintf("%d/%s/%s", from, lane, frame))
	h.frames = append(h.frames, frame)
}

func (h *host) PeerUp(peer env.NodeID)   { h.heard = append(h.heard, fmt.Sprintf("up %d", peer)) }
func (h *host) PeerDown(peer env.NodeID) { h.heard = append(h.heard, fmt.Sprintf("down %d", peer)) }

// take gives what was heard since the last take.
func (h *host) take() []string {
	heard := h.heard
	h.heard = nil
	return heard
}

// story drives a network of hosts.
type story struct {
	testing.TB
	*sim.Kernel
	*Net
	hosts map[env.NodeID]*host
}

func newStory(t testing.TB, seed uint64, knobs Link, nodes ...env.NodeID) *story {
	k := sim.New(seed)
	s := &story{TB: t, Kernel: k, Net: New(k, Config{Default: knobs}), hosts: map[env.NodeID]*host{}}
	for _, id := range nodes {
		s.boot(id)
	}
	s.settle()
	for _, id := range nodes {
		s.hosts[id].take()
	}
	return s
}

func (s *story) boot(id env.NodeID) *host {
	h := &host{Network: s.Net.Attach(id, func(f func()) { f() }), id: id}
	h.Attach(h)
	s.hosts[id] = h
	return h
}

func (s *story) settle() {
	for s.Step() {
	}
}

// heard checks what a host heard since the last time, in any order.
func (s *story) heard(id env.NodeID, want ...string) {
	s.Helper()
	got := s.hosts[id].take()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		s.Errorf("node %d heard %q, not %q", id, got, want)
	}
}

func (s *story) send(from, to env.NodeID, frame string) {
	s.hosts[from].Send(to, env.Append, []byte(frame))
}

func TestCutsAreOneWayAndAddUp(t *testing.T) {
	s := newStory(t, 1, DefaultLink(), 1, 2)
	s.Cut(1, 2)
	s.Cut(1, 2)
	s.send(1, 2, "lost")
	s.send(2, 1, "arrives")
	s.settle()
	s.heard(1, "2/append/arrives")
	s.heard(2)
	s.Heal(1, 2)
	s.send(1, 2, "lost")
	s.settle()
	s.heard(2)
	s.Heal(1, 2)
	s.Heal(1, 2)
	s.send(1, 2, "arrives")
	s.settle()
	s.heard(2, "1/append/arrives")
	if st := s.Net.Stats(); st.Cut != 2 || st.Sent != 4 || st.Delivered != 2 {
		t.Errorf("%+v", st)
	}
}

func TestACutCatchesWhatIsUnderWay(t *testing.T) {
	s := newStory(t, 1, DefaultLink(), 1, 2)
	s.send(1, 2, "caught")
	s.Cut(1, 2)
	s.settle()
	s.HealAll()
	s.settle()
	s.heard(2)
	if st := s.Net.Stats(); st.Cut != 1 {
		t.Errorf("%+v", st)
	}
}

func TestPartition(t *testing.T) {
	s := newStory(t, 1, DefaultLink(), 1, 2, 3)
	s.Partition([]Addr{1}, []Addr{2, 3})
	if s.Connected(1, 2) || s.Connected(3, 1) || !s.Connected(2, 3) || !s.Connected(1, ClientBase) || s.Connected(1, 9) {
		t.Error("who is connected in a partition")
	}
	for _, to := range []env.NodeID{2, 3} {
		s.send(1, to, "x")
		s.send(to, 1, "x")
	}
	s.send(2, 3, "y")
	s.settle()
	s.heard(1)
	s.heard(2)
	s.heard(3, "2/append/y")
	s.HealPartition([]Addr{1}, []Addr{2, 3})
	s.settle()
	s.heard(1) // the connections were never lost
	s.send(1, 2, "z")
	s.settle()
	s.heard(2, "1/append/z")
}

func TestCrashIsHeardOfAndPowerLossIsNot(t *testing.T) {
	s := newStory(t, 1, DefaultLink(), 1, 2, 3)
	s.Close(1)
	s.PowerOff(2)
	s.settle()
	s.heard(1)
	s.heard(3, "down 1")
	s.boot(1)
	s.boot(2)
	s.settle()
	s.heard(1, "up 2", "up 3")
	s.heard(2, "up 1", "up 3")
	s.heard(3, "up 1", "up 2")
}

func TestACrashBehindACutIsNotHeardOf(t *testing.T) {
	s := newStory(t, 1, DefaultLink(), 1, 2, 3)
	s.Cut(1, 2)
	s.Close(1)
	s.settle()
	s.heard(2)
	s.heard(3, "down 1")
	s.boot(1)
	s.settle()
	s.heard(2)
	s.heard(1, "up 3")
	s.Heal(1, 2)
	s.settle()
	s.heard(2, "up 1")
	s.heard(1, "up 2")
}

func TestACutDuringTheHandshake(t *testing.T) {
	s := newStory(t, 1, DefaultLink(), 1)
	s.boot(2)
	s.Cut(1, 2)
	s.settle()
	s.heard(1, "up 2")
	s.heard(2)
	s.HealAll()
	s.settle()
	s.heard(1, "up 2")
	s.heard(2, "up 1")
}

func TestFramesOfTheDeadArriveAndThoseToThemVanish(t *testing.T) {
	s := newStory(t, 1, DefaultLink(), 1, 2)
	s.send(1, 2, "last words")
	s.send(2, 1, "too late")
	dead := s.hosts[1]
	s.Close(1)
	s.boot(1)
	dead.Send(2, env.Append, []byte("from the grave"))
	s.settle()
	s.heard(1, "up 2")
	s.heard(2, "1/append/last words", "down 1", "up 1")
	if got := dead.take(); len(got) > 0 {
		t.Errorf("a dead process heard %q", got)
	}
	s.send(2, 1, "again")
	s.settle()
	s.heard(1, "2/append/again")
	if st := s.Net.Stats(); st.Unreachable != 1 {
		t.Errorf("%+v", st)
	}
}

// TestDeathBeforeTheLoopIsFree: the frame arrived, the process was paused, and
// died before it looked.
func TestDeathBeforeTheLoopIsFree(t *testing.T) {
	s := newStory(t, 1, DefaultLink(), 1)
	var held []func()
	h := &host{Network: s.Net.Attach(2, func(f func()) { held = append(held, f) })}
	h.Attach(h)
	s.send(1, 2, "unread")
	s.settle()
	s.Close(2)
	for _, f := range held {
		f()
	}
	if len(held) == 0 || len(h.heard) > 0 {
		t.Errorf("%d held, %q heard", len(held), h.heard)
	}
}

func TestLanesDoNotWaitForEachOther(t *testing.T) {
	knobs := Link{Base: time.Millisecond, PerKiB: time.Millisecond}
	s := newStory(t, 1, knobs, 1, 2)
	s.hosts[1].Send(2, env.Bulk, make([]byte, 100<<10))
	s.hosts[1].Send(2, env.Urgent, []byte("vote"))
	s.hosts[1].Send(2, env.Bulk, []byte("small"))
	s.settle()
	got := s.hosts[2].take()
	if len(got) != 3 || got[0] != "1/urgent/vote" || got[2] != "1/bulk/small" {
		t.Errorf("%d heard, first %.20q, last %.20q", len(got), got[0], got[len(got)-1])
	}
}

func TestKnobs(t *testing.T) {
	const count = 20_000
	for name, c := range map[string]struct {
		knobs Link
		count func(s Stats) uint64
	}{
		"loss":      {Link{LossPPM: 50_000}, func(s Stats) uint64 { return s.Lost }},
		"duplicate": {Link{DuplicatePPM: 50_000}, func(s Stats) uint64 { return s.Duplicated }},
		"reorder":   {Link{ReorderPPM: 50_000, ReorderBy: 10 * time.Millisecond}, func(s Stats) uint64 { return s.Reordered }},
		"corrupt":   {Link{CorruptPPM: 50_000}, func(s Stats) uint64 { return s.Corrupted }},
	} {
		c.knobs.Base = time.Millisecond
		s := newStory(t, 1, c.knobs, 1, 2)
		for i := range count {
			s.send(1, 2, fmt.Sprintf("%08d", i))
			s.Run(s.Now() + 1e5)
		}
		s.settle()
		n := c.count(s.Net.Stats())
		if n < count/20*8/10 || n > count/20*12/10 {
			t.Errorf("%s: %d of %d frames at 5%%", name, n, count)
		}
		checkKnob(t, name, s.hosts[2].frames, count, int(n))
	}
}

// checkKnob checks what arrived against the one fault there was.
func checkKnob(t *testing.T, name string, frames [][]byte, count, faults int) {
	t.Helper()
	sorted := slices.IsSortedFunc(frames, bytes.Compare)
	slices.SortFunc(frames, bytes.Compare)
	distinct := len(slices.CompactFunc(slices.Clone(frames), bytes.Equal))
	switch name {
	case "loss":
		if len(frames) != count-faults || !sorted {
			t.Errorf("%d frames arrived, %d were lost; in order: %v", len(frames), faults, sorted)
		}
	case "duplicate":
		if len(frames) != count+faults || distinct != count {
			t.Errorf("%d frames arrived, %d distinct, %d were duplicated", len(frames), distinct, faults)
		}
	case "reorder":
		if len(frames) != count || distinct != count || sorted {
			t.Errorf("%d frames arrived, %d distinct; in order: %v", len(frames), distinct, sorted)
		}
	case "corrupt":
		if len(frames) != count {
			t.Errorf("%d frames arrived", len(frames))
		}
	}
}

// TestDamageIsInACopy: a frame sent to two peers reaches the other one whole.
func TestDamageIsInACopy(t *testing.T) {
	s := newStory(t, 1, Link{Base: time.Millisecond}, 1, 2, 3)
	s.SetLink(1, 2, Link{CorruptPPM: 1_000_000})
	frame := []byte("the same bytes for both")
	clean := bytes.Clone(frame)
	for range 100 {
		s.hosts[1].Send(2, env.Append, frame)
		s.hosts[1].Send(3, env.Append, frame)
		s.hosts[1].Send(2, env.Append, nil)
	}
	s.settle()
	for _, got := range s.hosts[3].frames {
		if !bytes.Equal(got, clean) {
			t.Fatal("the damage reached another receiver")
		}
	}
	most := 0
	for _, got := range s.hosts[2].frames {
		flipped := 0
		for i := range got {
			flipped += bits.OnesCount8(got[i] ^ clean[i])
		}
		most = max(most, flipped)
	}
	if !bytes.Equal(frame, clean) || most != 3 {
		t.Errorf("the sender's bytes changed, or at most %d bits were flipped", most)
	}
}

func TestSetLink(t *testing.T) {
	s := newStory(t, 1, Link{Base: time.Millisecond}, 1, 2)
	begun := s.Now()
	s.SetLink(1, 2, Link{Base: time.Second})
	s.send(1, 2, "x")
	s.settle()
	if took := s.Now() - begun; took != 1e9 {
		t.Errorf("a frame took %d ns on a link of 1 s", took)
	}
	s.ResetLink(1, 2)
	s.SetDefault(Link{Base: 2 * time.Second})
	begun = s.Now()
	s.send(1, 2, "x")
	s.settle()
	if took := s.Now() - begun; took != 2e9 || s.Default().Base != 2*time.Second {
		t.Errorf("a frame took %d ns on a default link of 2 s", took)
	}
}

func TestTransfer(t *testing.T) {
	s := newStory(t, 1, DefaultLink(), 1)
	client := ClientBase + 3
	var order []int
	for i := range 20 {
		if !s.Transfer(client, 1, 100, func() { order = append(order, i) }) {
			t.Fatal("lost on a link without faults")
		}
	}
	s.settle()
	if len(order) != 20 || !slices.IsSorted(order) {
		t.Errorf("arrived: %d", order)
	}
	s.Transfer(client, 1, 100, func() { t.Error("caught by a cut, and delivered") })
	s.Cut(client, 1)
	if s.Transfer(client, 1, 100, func() { t.Error("sent into a cut, and delivered") }) {
		t.Error("on its way into a cut")
	}
	s.settle()
	s.HealAll()
	s.SetDefault(Link{LossPPM: 100_000, CorruptPPM: 100_000})
	arrived := 0
	for range 1000 {
		s.Transfer(1, client, 10, func() { arrived++ })
	}
	s.settle()
	if arrived < 750 || arrived > 850 {
		t.Errorf("%d of 1000 arrived at 20%% loss", arrived)
	}
}

// TestLinksAreIndependent: traffic on one link changes nothing on another.
func TestLinksAreIndependent(t *testing.T) {
	arrivals := func(noise bool) []string {
		s := newStory(t, 5, Link{Base: time.Millisecond, Jitter: time.Millisecond, LossPPM: 100_000}, 1, 2, 3)
		for i := range 100 {
			s.send(1, 2, fmt.Sprint(i))
			if noise {
				s.send(3, 2, "noise")
				s.send(2, 1, "noise")
			}
			s.Run(s.Now() + 1e6)
		}
		s.settle()
		return slices.DeleteFunc(s.hosts[2].take(), func(what string) bool { return strings.Contains(what, "noise") })
	}
	if with, without := arrivals(true), arrivals(false); !slices.Equal(with, without) {
		t.Errorf("with noise elsewhere %d frames arrived, without %d", len(with), len(without))
	}
}

func TestTraceCoversTheNetwork(t *testing.T) {
	run := func(frame string) (uint64, []string) {
		s := newStory(t, 1, DefaultLink(), 1, 2)
		var lines []string
		s.SetSink(func(e sim.Event) { lines = append(lines, Describe(e)) })
		s.send(1, 2, frame)
		s.send(1, 9, frame)
		s.Cut(2, 1)
		s.send(2, 1, frame)
		s.Transfer(ClientBase+1, 2, 7, func() {})
		s.settle()
		return s.Hash(), lines
	}
	hash, lines := run("frame")
	if again, _ := run("frame"); again != hash {
		t.Error("the same story has another hash")
	}
	if other, _ := run("framf"); other == hash {
		t.Error("a flipped bit does not reach the hash")
	}
	for i, want := range []string{"node 1 to node 2, lane append: 5 bytes", "node 1 to node 9, lane append: 5 bytes", "node 2 to node 1, lane append: 5 bytes", "client 1 to node 2, lane append: 7 bytes"} {
		if i >= len(lines) || !strings.HasPrefix(lines[i], want) {
			t.Errorf("line %d of %q does not begin with %q", i, lines, want)
		}
	}
	for i, fate := range []Fate{Arrives, Unreachable, CutOff, Arrives} {
		if !strings.Contains(lines[i], ", "+fate.String()+" after") {
			t.Errorf("%q is not %q", lines[i], fate)
		}
	}
}

func TestMisusePanics(t *testing.T) {
	s := newStory(t, 1, DefaultLink(), 1, 2)
	for name, misuse := range map[string]func(){
		"a lane that is none": func() { s.hosts[1].Send(2, env.Lanes, nil) },
		"a second receiver":   func() { s.hosts[1].Attach(s.hosts[1]) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			misuse()
		}()
	}
}

// TestNetAgainstReference draws sends, cuts, deaths and restarts on links that
// only delay. A frame arrives exactly if nothing stood against it, in order.
func TestNetAgainstReference(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ids := []env.NodeID{1, 2, 3}
		s := newStory(t, rapid.Uint64().Draw(rt, "seed"), Link{Base: time.Millisecond, Jitter: time.Millisecond}, ids...)
		m := &model{T: rt, story: s, cuts: map[pair]int{}, flying: map[pair][]string{}}
		node := rapid.SampledFrom(ids)
		rt.Repeat(map[string]func(*rapid.T){
			"":     func(rt *rapid.T) { m.T = rt },
			"send": func(rt *rapid.T) { m.T = rt; m.send(node.Draw(rt, "from"), node.Draw(rt, "to")) },
			"cut": func(rt *rapid.T) {
				m.T = rt
				m.cut(Addr(node.Draw(rt, "from")), Addr(node.Draw(rt, "to")))
			},
			"heal": func(rt *rapid.T) {
				from, to := Addr(node.Draw(rt, "from")), Addr(node.Draw(rt, "to"))
				s.Heal(from, to)
				m.cuts[pair{from, to}] = max(m.cuts[pair{from, to}]-1, 0)
			},
			"restart": func(rt *rapid.T) { m.T = rt; m.restart(node.Draw(rt, "node"), rapid.Bool().Draw(rt, "power")) },
			"settle":  func(rt *rapid.T) { m.T = rt; m.settle() },
		})
	})
}

// model is what must arrive.
type model struct {
	*rapid.T
	story  *story
	cuts   map[pair]int
	flying map[pair][]string
	next   int
}

func (m *model) send(from, to env.NodeID) {
	m.next++
	frame := fmt.Sprint(m.next)
	m.story.send(from, to, frame)
	if p := (pair{Addr(from), Addr(to)}); m.cuts[p] == 0 {
		m.flying[p] = append(m.flying[p], fmt.Sprintf("%d/append/%s", from, frame))
	}
}

func (m *model) cut(from, to Addr) {
	m.story.Cut(from, to)
	m.cuts[pair{from, to}]++
}

// restart loses what is on its way to the node, and nothing that comes from it.
func (m *model) restart(id env.NodeID, power bool) {
	if power {
		m.story.PowerOff(id)
	} else {
		m.story.Close(id)
	}
	m.story.boot(id)
	for p := range m.flying {
		if p.to == Addr(id) {
			m.flying[p] = nil
		}
	}
}

func (m *model) settle() {
	m.story.settle()
	for id, h := range m.story.hosts {
		heard := h.take()
		for from := range m.story.hosts {
			p := pair{Addr(from), Addr(id)}
			prefix := fmt.Sprintf("%d/", from)
			got := slices.DeleteFunc(slices.Clone(heard), func(what string) bool { return !strings.HasPrefix(what, prefix) })
			want := m.flying[p]
			if m.cuts[p] > 0 {
				want = nil
			}
			if !slices.Equal(got, want) {
				m.Fatalf("from %d to %d arrived %q, not %q", from, id, got, want)
			}
			m.flying[p] = nil
		}
	}
}

func BenchmarkSend(b *testing.B) {
	s := newStory(b, 1, DefaultLink(), 1, 2)
	frame := make([]byte, 200)
	s.hosts[2] = nil
	quiet := s.Net.Attach(2, func(f func()) { f() })
	quiet.Attach(silent{})
	from := s.hosts[1]
	s.settle()
	b.ReportAllocs()
	for b.Loop() {
		from.Send(2, env.Append, frame)
		s.Step()
	}
}

type silent struct{}

func (silent) Receive(env.NodeID, env.Lane, []byte) {}
func (silent) PeerUp(env.NodeID)                    {}
func (silent) PeerDown(env.NodeID)                  {}
