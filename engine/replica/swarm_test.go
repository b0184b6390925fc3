package replica

import (
	"encoding/binary"
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
	"github.com/lockstep-log/lockstep/sim"
)

var swarmSeeds = flag.Int("swarm", 40, "how many seeds TestSwarm draws")

// swarm is a group on which drawn things happen for a while.
type swarm struct {
	*cluster
	r    *sim.Rand
	cut  map[env.NodeID]bool // hears nobody and is heard by nobody
	void *node               // the one that forgot, until it is replaced
	old  env.ReplicaID       // its id then
}

// Crashes, power losses, cut nodes and replicas that may have forgotten, one at
// a time of these, in any order: afterwards everybody agrees, nothing
// acknowledged is missing, nobody spoke against what it said, no id had two lives.
func TestSwarm(t *testing.T) {
	var snapshots, replaced, reopened int
	for seed := range *swarmSeeds {
		t.Run(fmt.Sprintf("seed %d", seed+1), func(t *testing.T) {
			c := newClusterOf(t, 3+2*(seed%2), uint64(seed+1))
			s := &swarm{cluster: c, r: c.k.Rand("swarm", 0), cut: map[env.NodeID]bool{}}
			c.drop = func(from, to env.NodeID) bool { return s.cut[from] || s.cut[to] }
			for range 60 {
				s.act()
				c.run(time.Duration(s.r.Uint64()%400) * time.Millisecond)
			}
			s.heal()
			c.settled()
			c.produce(3)
			c.settled()
			for _, n := range c.nodes {
				snapshots += n.events[env.EventSnapshot]
				replaced += n.events[env.EventReplica]
				reopened += n.events[env.EventSnapshotFailed]
			}
		})
	}
	if snapshots == 0 || replaced == 0 || reopened == 0 {
		t.Errorf("%d snapshots, %d replaced, %d snapshots failed", snapshots, replaced, reopened)
	}
}

func (s *swarm) act() {
	n := s.nodes[s.r.Uint64()%uint64(len(s.nodes))]
	switch s.r.Uint64() % 13 {
	case 0, 1:
		n.crash(s.r.Uint64()%2 == 0)
	case 2, 3, 4:
		if !*n.alive {
			n.boot(false)
		}
	case 5:
		s.forget(n)
	case 6:
		s.cut[n.id] = true
	case 7:
		clear(s.cut)
	case 8:
		s.aim(n)
	case 9:
		n.ledgers.slow = time.Duration(s.r.Uint64()%200) * time.Millisecond
	case 10:
		n.ledgers.refuse = errRot // the next snapshot
	default:
		s.propose(int(s.r.Uint64() % 80))
	}
}

// forget voids a replica, unless another is void already: more than a minority
// could not be told from a group that is gone.
func (s *swarm) forget(n *node) {
	if s.void != nil && (s.void.r == nil || !*s.void.alive || s.void.r.State() != Serving || s.void.r.Self() == s.old || !s.voter(s.void)) {
		return
	}
	if *n.alive && n.r != nil && n.r.rn != nil && s.voter(n) {
		s.void, s.old = n, n.r.Self()
		n.void()
	}
}

// voter tells whether a replica votes, as far as it knows.
func (s *swarm) voter(n *node) bool {
	m, ok := n.r.members.Member(n.r.Self())
	return ok && !m.Learner
}

// aim ends a node at an operation soon to come.
func (s *swarm) aim(n *node) {
	power := s.r.Uint64()%2 == 0
	n.atOperation(int(1+s.r.Uint64()%8), func() { n.crash(power) })
}

// propose sends commands to whoever leads, and waits for nothing.
func (s *swarm) propose(count int) {
	for _, n := range s.nodes {
		if !*n.alive || n.r == nil || !n.r.Leading() {
			continue
		}
		n.do(func() {
			for range count {
				s.command++
				value := s.command
				data := append(binary.LittleEndian.AppendUint64(nil, value), make([]byte, 200)...)
				n.r.Propose(AppendCommand(nil, data), time.Second, func(o Outcome) {
					if o.Err == nil {
						s.acked = append(s.acked, value)
					}
				})
			}
		})
	}
}

// heal ends all faults.
func (s *swarm) heal() {
	clear(s.cut)
	for _, n := range s.nodes {
		n.disk.Observe(nil)
		n.ledgers.slow, n.ledgers.refuse = 0, nil
		if !*n.alive {
			n.boot(false)
		}
	}
}
