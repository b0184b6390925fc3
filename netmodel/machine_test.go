package netmodel

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/sim"
)

// TestNetAgainstReference draws sends, transfers, cuts, clogs, resets, deaths,
// restarts and changes of the bandwidth, on links that take a millisecond. At
// every step exactly that has arrived what the reference says, in its order.
func TestNetAgainstReference(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := newMachine(rt)
		way := rapid.SampledFrom(machineWays)
		ends := func(rt *rapid.T) (from, to Addr) {
			p := way.Draw(rt, "way")
			return p.from, p.to
		}
		send := func(rt *rapid.T) {
			from, to := ends(rt)
			for _, bytes := range rapid.SliceOfN(rapid.IntRange(0, 99), 1, 5).Draw(rt, "bytes") {
				m.send(from, to, env.Lane((m.number+bytes)%int(env.Lanes)), bytes)
			}
		}
		run := func(rt *rapid.T) { m.run(times.Draw(rt, "ns")) }
		actions := map[string]func(*rapid.T){
			"":     func(rt *rapid.T) { m.T = rt; m.check() },
			"send": send, "send on": send, "send more": send, "send again": send,
			"run": run, "run on": run, "run more": run, "run again": run,
			"cut":  func(rt *rapid.T) { m.cut(ends(rt)) },
			"heal": func(rt *rapid.T) { m.heal(ends(rt)) },
			"clog": func(rt *rapid.T) {
				from, to := ends(rt)
				m.clog(from, to, m.Now()+5*(times.Draw(rt, "ns")-1e5))
			},
			"unclog": func(rt *rapid.T) { m.unclog(ends(rt)) },
			"reset":  func(rt *rapid.T) { m.reset(ends(rt)) },
			"restart": func(rt *rapid.T) {
				m.restart(rapid.SampledFrom(machineNodes).Draw(rt, "node"), rapid.Bool().Draw(rt, "power"))
			},
			"tune": func(rt *rapid.T) { m.tune(rates.Draw(rt, "bytes per second"), limits.Draw(rt, "queue bytes")) },
			"mend": func(*rapid.T) { m.mend() },
		}
		for range 5 {
			rt.Repeat(actions)
			m.mend()
			m.check()
		}
	})
}

var (
	machineNodes = []env.NodeID{1, 2}
	// Two directions between nodes are enough to meet, and to be confused with
	// each other; the rest is drawn less often.
	machineWays = []pair{{1, 2}, {2, 1}, {1, 2}, {2, 1}, {1, ClientBase}, {ClientBase, 1}, {2, 2}}

	rates  = rapid.SampledFrom([]int64{7_001, 20_000, 1_000_000, 0})
	times  = rapid.SampledFrom([]int64{5e6, 2e6, 999_999, 1e6, 123_456, 1, 0})
	limits = rapid.SampledFrom([]int64{0, 100, 200})
)

// machine drives the network and its reference side by side.
type machine struct {
	*rapid.T
	*sim.Kernel
	*Net
	ports  map[Addr]env.Network
	links  map[pair]*refLink
	heard  map[pair]*[env.Lanes][]string // since the last check
	up     map[pair]bool                 // the last notice from a node at another
	number int
}

func newMachine(rt *rapid.T) *machine {
	k := sim.New(rapid.Uint64().Draw(rt, "seed"))
	m := &machine{
		T: rt, Kernel: k, Net: New(k, Config{}), ports: map[Addr]env.Network{},
		links: map[pair]*refLink{}, heard: map[pair]*[env.Lanes][]string{}, up: map[pair]bool{},
	}
	for _, p := range machineWays {
		m.links[p], m.heard[p] = new(refLink), new([env.Lanes][]string)
	}
	m.tune(rates.Draw(rt, "bytes per second"), limits.Draw(rt, "queue bytes"))
	for _, id := range machineNodes {
		m.boot(id)
	}
	return m
}

// ear is a node's receiver.
type ear struct {
	m  *machine
	at Addr
}

func (e ear) Receive(from env.NodeID, lane env.Lane, frame []byte) {
	e.m.hear(Addr(from), e.at, lane, string(frame))
}
func (e ear) PeerUp(peer env.NodeID)   { e.m.up[pair{Addr(peer), e.at}] = true }
func (e ear) PeerDown(peer env.NodeID) { e.m.up[pair{Addr(peer), e.at}] = false }

func (m *machine) hear(from, to Addr, lane env.Lane, what string) {
	heard := &m.heard[pair{from, to}][lane]
	*heard = append(*heard, what)
}

func (m *machine) boot(id env.NodeID) {
	p := m.Net.Attach(id, func(f func()) { f() })
	p.Attach(ear{m, Addr(id)})
	m.ports[Addr(id)] = p
}

// payload is a text that no other message has, of some more bytes.
func (m *machine) payload(bytes int) string {
	m.number++
	return fmt.Sprintf("%d%s", m.number, strings.Repeat(".", bytes))
}

// send sends a frame, or a transfer where a client is at an end.
func (m *machine) send(from, to Addr, lane env.Lane, bytes int) {
	what := m.payload(bytes)
	l, ref := m.links[pair{from, to}], &refMessage{what: what, lane: lane, bytes: int64(len(what)), frame: true}
	if port := m.ports[from]; port != nil && to < ClientBase {
		port.Send(env.NodeID(to), lane, []byte(what))
		if from != to {
			l.send(ref)
		}
		return
	}
	ref.lane, ref.frame = env.Append, false
	want := l.send(ref)
	if got := m.Transfer(from, to, len(what), func() { m.hear(from, to, env.Append, what) }); got != want {
		m.Fatalf("transfer %s from %s to %s is on its way: %v, not %v", what, from, to, got, want)
	}
}

func (m *machine) cut(from, to Addr) {
	m.Cut(from, to)
	m.links[pair{from, to}].cuts++
}

func (m *machine) heal(from, to Addr) {
	m.Heal(from, to)
	l := m.links[pair{from, to}]
	l.cuts = max(l.cuts-1, 0)
}

func (m *machine) clog(from, to Addr, until sim.Time) {
	m.Clog(from, to, until)
	l := m.links[pair{from, to}]
	l.clogEnd = max(l.clogEnd, until)
}

func (m *machine) unclog(from, to Addr) {
	m.Unclog(from, to)
	l := m.links[pair{from, to}]
	l.clogEnd = min(l.clogEnd, m.Now())
}

func (m *machine) reset(a, b Addr) {
	m.Reset(a, b)
	opens := m.Now() + 2*sim.Time(refLatency)
	m.links[pair{a, b}].reset(opens)
	m.links[pair{b, a}].reset(opens)
}

// restart loses what is on its way to the node, and of what comes from it only
// what waits for bandwidth.
func (m *machine) restart(id env.NodeID, power bool) {
	if power {
		m.PowerOff(id)
	} else {
		m.Close(id)
	}
	m.boot(id)
	for p, l := range m.links {
		if p.from == Addr(id) {
			l.unqueue()
		} else if p.to == Addr(id) {
			l.orphan()
		}
	}
}

func (m *machine) tune(rate, limit int64) {
	m.SetDefault(Link{Base: refLatency, BytesPerSecond: rate, QueueBytes: limit})
	for _, l := range m.links {
		l.tune(rate, limit)
	}
}

func (m *machine) run(ns int64) {
	until := m.Now() + ns
	m.Run(until)
	for _, l := range m.links {
		l.run(until)
	}
}

// mend lifts all faults. Then everything arrives, nobody's fate is unknown, and
// every node was last told that every other is up.
func (m *machine) mend() {
	m.HealAll()
	for _, l := range m.links {
		l.cuts, l.clogEnd = 0, min(l.clogEnd, m.Now())
	}
	m.run(int64(time.Hour))
	for _, a := range machineNodes {
		for _, b := range machineNodes {
			if a != b && !m.up[pair{Addr(a), Addr(b)}] {
				m.Fatalf("all is well, and node %d was last told that %d is down", b, a)
			}
		}
	}
	if s := m.Stats(); s.Sent != s.Delivered+s.Cut+s.Unreachable+s.QueueFull+s.Reset+s.Abandoned || m.Pending() > 0 {
		m.Fatalf("%d events are left, and %+v does not add up", m.Pending(), s)
	}
}

// check compares what arrived since the last time.
func (m *machine) check() {
	m.run(0)
	for p, l := range m.links {
		for lane := range env.Lanes {
			if got, want := m.heard[p][lane], l.arrived[lane]; !slices.Equal(got, want) {
				m.Fatalf("from %s to %s on lane %s arrived %q, not %q", p.from, p.to, lane, got, want)
			}
		}
		l.arrived, *m.heard[p] = [env.Lanes][]string{}, [env.Lanes][]string{}
	}
}
