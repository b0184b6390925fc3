package netmodel

import (
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/sim"
)

// Link are the knobs of one direction between two addresses. Chances are in
// parts per million of the frames.
type Link struct {
	Base         time.Duration `json:"baseNs"`       // simulated: 50 us to 20 ms
	Jitter       time.Duration `json:"jitterNs"`     // uniform on top; simulated: 0 to 20 ms
	PerKiB       time.Duration `json:"perKiBNs"`     // simulated: 0 to 100 us
	TailPPM      uint64        `json:"tailPPM"`      // frames with a heavy tail; simulated: 0 to 50,000
	Tail         time.Duration `json:"tailNs"`       // least value of that tail; simulated: 0 to 10 ms, so 1 s at worst
	LossPPM      uint64        `json:"lossPPM"`      // simulated: 0 to 100,000
	DuplicatePPM uint64        `json:"duplicatePPM"` // simulated: 0 to 50,000
	ReorderPPM   uint64        `json:"reorderPPM"`   // frames that others may overtake; simulated: 0 to 50,000
	ReorderBy    time.Duration `json:"reorderByNs"`  // at most that much later; simulated: 0 to 100 ms
	CorruptPPM   uint64        `json:"corruptPPM"`   // frames with flipped bits; simulated: 0 to 10,000

	// All lanes share the bandwidth, see the package comment; 0: there is no
	// limit. Simulated: 100 KB/s to 1 GB/s.
	BytesPerSecond int64 `json:"bytesPerSecond"`
	// What may wait for the bandwidth on each lane, in bytes; 0: there is no limit.
	// Simulated: 64 KiB to 16 MiB.
	QueueBytes int64 `json:"queueBytes"`
}

// DefaultLink resembles one data centre without faults.
func DefaultLink() Link {
	return Link{Base: 200 * time.Microsecond, Jitter: 100 * time.Microsecond, PerKiB: time.Microsecond, TailPPM: 500, Tail: time.Millisecond}
}

// notices is the lane of PeerUp and PeerDown on a link.
const notices = env.Lanes

// link is the state of one direction.
type link struct {
	net      *Net
	from, to Addr
	knobs    *Link // the default's, or own
	own      Link
	cuts     int
	rand     *sim.Rand
	latest   [env.Lanes + 1]sim.Time // when the last frame of each lane arrives
	pipe     pipe

	clog    sim.Timer // pending: nothing arrives
	clogEnd sim.Time
	held    line   // what came meanwhile
	release func() // lets it arrive

	epoch uint64   // counts resets
	opens sim.Time // when the connection stands again after the last of them
}

type pair struct{ from, to Addr }

func (n *Net) link(from, to Addr) *link {
	l := n.links[pair{from, to}]
	if l == nil {
		l = &link{net: n, from: from, to: to, knobs: &n.def}
		l.rand = n.kernel.Rand("net.link", sim.Mix(uint64(from), uint64(to)))
		l.pipe.sent, l.release = l.transmitted, l.unheld
		n.links[pair{from, to}] = l
		n.made = append(n.made, l)
	}
	return l
}

// latency draws how long a message of some bytes takes.
func (l *link) latency(bytes int) time.Duration {
	k := l.knobs
	d := k.Base + k.PerKiB*time.Duration(bytes)/1024
	if k.Jitter > 0 {
		d += l.rand.Duration(0, k.Jitter)
	}
	if l.rand.PPM(k.TailPPM) {
		d += l.rand.Tail(k.Tail)
	}
	return d
}

// inOrder gives the arrival of a message that keeps its place on its lane.
func (l *link) inOrder(lane env.Lane, at sim.Time) sim.Time {
	at = max(at, l.latest[lane])
	l.latest[lane] = at
	return at
}

// SetDefault changes the knobs of all links that have none of their own.
func (n *Net) SetDefault(knobs Link) {
	n.def = knobs
	for _, l := range n.made {
		l.retune()
	}
}

// Default gives the knobs of links that have none of their own.
func (n *Net) Default() Link { return n.def }

// SetLink gives one direction knobs of its own.
func (n *Net) SetLink(from, to Addr, knobs Link) {
	l := n.link(from, to)
	l.own = knobs
	l.knobs = &l.own
	l.retune()
}

// ResetLink gives one direction the default knobs again.
func (n *Net) ResetLink(from, to Addr) {
	l := n.link(from, to)
	l.knobs = &n.def
	l.retune()
}

// Cut stops one direction. Cuts add up.
func (n *Net) Cut(from, to Addr) { n.link(from, to).cuts++ }

// Heal takes one cut back; the link carries again when none is left. Without a
// cut it does nothing.
func (n *Net) Heal(from, to Addr) {
	l := n.link(from, to)
	l.cuts = max(l.cuts-1, 0)
	n.reconnect(from, to)
}

// HealAll takes all cuts back and ends all clogs.
func (n *Net) HealAll() {
	for _, l := range n.made {
		l.cuts = 0
		l.unclog()
	}
	for i, a := range n.ports {
		for _, b := range n.ports[i+1:] {
			n.reconnect(a.addr, b.addr)
		}
	}
}

// Partition cuts both directions between every address in a and every one in b.
func (n *Net) Partition(a, b []Addr) { each(a, b, n.Cut) }

// HealPartition takes one Partition of the same groups back.
func (n *Net) HealPartition(a, b []Addr) { each(a, b, n.Heal) }

func each(a, b []Addr, act func(from, to Addr)) {
	for _, x := range a {
		for _, y := range b {
			if x != y {
				act(x, y)
				act(y, x)
			}
		}
	}
}

// severed tells whether either direction is cut.
func (n *Net) severed(a, b Addr) bool { return n.link(a, b).cuts > 0 || n.link(b, a).cuts > 0 }
