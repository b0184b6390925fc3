package quiet

import (
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lockstep-log/lockstep/engine/env"
)

// invalid tells which invariant does not hold; empty: all do.
func (q *Groups) invalid() string {
	for g, l := range q.led {
		if q.resting[g] != nil {
			return "a group is led and rests as a follower"
		}
		waits := 0
		for _, f := range l.followers {
			out := &q.peer(f.Node).out
			m, ok := out.grants[g]
			if !ok {
				return "a group that is led is missing from a set"
			}
			if m.number > out.acked {
				waits++
			}
		}
		if waits != l.waits {
			return "a leader does not know for whom it waits"
		}
	}
	for g, p := range q.resting {
		if _, ok := p.in.grants[g]; !ok || !p.up || p.in.broken {
			return "a follower rests without a grant, or behind a pair that is not well"
		}
	}
	for _, p := range q.peers {
		var out, in digest
		for g, m := range p.out.grants {
			out.toggle(q.cfg.Key, m.grant)
			if q.led[g] == nil {
				return "a set holds a group that is not led"
			}
		}
		for g, m := range p.in.grants {
			in.toggle(q.cfg.Key, m.grant)
			if _, awake := p.in.awake[g]; awake == (q.resting[g] == p) {
				return "a grant is neither used nor refused"
			}
		}
		if out != p.out.digest || in != p.in.digest {
			return "a digest is not that of its set"
		}
		if uint64(len(p.out.changes)) != p.out.version-p.out.acked || len(p.out.changes) > q.cfg.MaxChanges {
			return "changes are missing, or there are too many"
		}
		if !p.up && len(p.out.grants)+len(p.in.grants) > 0 {
			return "something rests behind a pair that is down"
		}
	}
	return ""
}

// yes is a host of followers that always fit.
type yes struct{ rests map[env.GroupID]bool }

func (h *yes) Rest(_ env.NodeID, g Grant) bool {
	if h.rests[g.Group] {
		panic("rests already")
	}
	h.rests[g.Group] = true
	return true
}

func (h *yes) Wake(g env.GroupID, leader env.NodeID, _ Reason) {
	if leader != 0 && !h.rests[g] {
		panic("is awake already")
	}
	delete(h.rests, g)
}

// couple is two nodes and the beats between them.
type couple struct {
	now     time.Duration
	hosts   [2]*yes
	nodes   [2]*Groups
	lives   [2]uint64
	flights [2][][]byte // toward 0 and 1
	senders [2][]uint64 // their lives
	heard   [2]uint64   // of the other one's life, at the border
}

func newCouple(maxChanges int) *couple {
	c := &couple{now: time.Second}
	c.nodes[0], c.nodes[1] = c.node(0, maxChanges), c.node(1, maxChanges)
	return c
}

func (c *couple) node(i, maxChanges int) *Groups {
	c.lives[i]++
	c.hosts[i] = &yes{rests: map[env.GroupID]bool{}}
	cfg := testConfig()
	cfg.Life, cfg.MaxChanges = c.lives[i], maxChanges
	return New(cfg, c.hosts[i])
}

func (c *couple) beat(from int) {
	b := c.nodes[from].Beat(c.now, env.NodeID(2-from))
	c.flights[1-from] = append(c.flights[1-from], b.Append(nil))
	c.senders[1-from] = append(c.senders[1-from], c.lives[from])
}

// deliver delivers a beat toward a node; kept, it may come again.
func (c *couple) deliver(to, i int, keep bool) {
	bytes, life := c.flights[to][i], c.senders[to][i]
	if !keep {
		c.flights[to] = append(c.flights[to][:i:i], c.flights[to][i+1:]...)
		c.senders[to] = append(c.senders[to][:i:i], c.senders[to][i+1:]...)
	}
	b, err := Decode(bytes)
	if err != nil {
		panic(err)
	}
	if life < c.heard[to] {
		return
	}
	c.heard[to] = life
	if c.nodes[to].Receive(c.now, env.NodeID(2-to), life, &b) {
		c.beat(to)
	}
}

func (c *couple) offer(from int, g env.GroupID) bool {
	return c.nodes[from].Offer(c.now, g, Leader{Term: 3, Last: 7, Followers: []Follower{{Node: env.NodeID(2 - from), Replica: 5, Match: 7}}})
}

// settle exchanges beats without loss.
func (c *couple) settle() {
	for range 4 {
		c.beat(0)
		c.beat(1)
		for to := range 2 {
			for len(c.flights[to]) > 0 {
				c.deliver(to, 0, false)
			}
		}
	}
}

// agree lets two nodes and what is between them do anything, as long as there is
// more, and then lets the beats through. It returns what went wrong.
func agree(choose func(n int) int, more func() bool) string {
	c := newCouple(6)
	for more() {
		c.act(choose)
		for _, q := range c.nodes {
			if fault := q.invalid(); fault != "" {
				return fault
			}
		}
	}
	c.flights, c.senders = [2][][]byte{}, [2][]uint64{}
	c.settle()
	for i, q := range c.nodes {
		other := c.nodes[1-i]
		if !q.Up(env.NodeID(2 - i)) {
			return "a pair is down although beats come through"
		}
		for g, l := range q.led {
			if other.resting[g] == nil || l.waits != 0 {
				return "a group is led here and does not rest there"
			}
		}
		for g := range q.resting {
			if other.led[g] == nil {
				return "a group rests here and is not led there"
			}
		}
	}
	return ""
}

func (c *couple) act(choose func(n int) int) {
	i, g := choose(2), env.GroupID(1+choose(8))
	switch choose(16) {
	case 0, 1, 2, 3:
		c.offer(i, g)
	case 4, 5:
		c.nodes[i].Wake(g)
	case 6, 7, 8:
		c.beat(i)
	case 9, 10, 11, 12:
		if n := len(c.flights[i]); n > 0 {
			c.deliver(i, choose(n), choose(8) == 0)
		}
	case 13:
		c.now += time.Duration(choose(30)) * 10 * ms
	case 14:
		c.nodes[i].Tick(c.now)
	default:
		switch choose(16) {
		case 0:
			c.nodes[i] = c.node(i, 6)
		case 1:
			c.nodes[i].PeerDown(c.now, env.NodeID(2-i))
		}
	}
}

// Whatever is lost, late, repeated or out of order: the invariants hold, and once
// the beats come through again both nodes agree.
func TestTwoNodesAgree(t *testing.T) {
	seeds := uint64(5000)
	if testing.Short() {
		seeds = 500
	}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 7))
		steps := 400
		if fault := agree(r.IntN, func() bool { steps--; return steps > 0 }); fault != "" {
			t.Fatalf("seed %d: %s", seed, fault)
		}
	}
}

// The same, with a schedule that shrinks.
func TestTwoNodesAgreeShrinking(t *testing.T) {
	schedule := rapid.SliceOfN(rapid.Byte(), 200, 2000)
	rapid.Check(t, func(t *rapid.T) {
		bytes := schedule.Draw(t, "schedule")
		fault := agree(func(n int) int {
			if len(bytes) == 0 {
				return 0
			}
			b := bytes[0]
			bytes = bytes[1:]
			return int(b) % n
		}, func() bool { return len(bytes) > 0 })
		if fault != "" {
			t.Fatal(fault)
		}
	})
}
