package quiet

import (
	"fmt"
	"slices"

	"go.etcd.io/raft/v3"

	"github.com/lockstep-log/lockstep/engine/env"
)

func (w *world) connected(a, b int) bool {
	return w.nodes[a].runs() && w.nodes[b].runs() && !w.cut[a][b] && !w.cut[b][a]
}

func (w *world) failf(format string, args ...any) {
	if w.fault == "" {
		w.fault = fmt.Sprintf(format, args...)
	}
}

func (w *world) check() {
	for _, n := range w.nodes {
		if n.up && n.runs() {
			w.checkResting(n)
		}
	}
	for g := range groups {
		w.checkLeader(g)
	}
}

// checkResting is the theorem of doc.go: nobody rests for long without a leader
// that leads.
func (w *world) checkResting(n *node) {
	for g := range groups {
		key, p := [2]int{n.id, g}, n.q.resting[env.GroupID(g+1)]
		if p == nil {
			delete(w.bad, key)
			continue
		}
		if !p.up || p.in.broken {
			w.failf("a follower rests behind a pair that is down")
		}
		leader := int(p.node) - 1
		r := w.nodes[leader].replicas[g]
		if w.connected(n.id, leader) && r.role == raft.StateLeader && r.term == n.replicas[g].term {
			delete(w.bad, key)
			continue
		}
		if _, ok := w.bad[key]; !ok {
			w.bad[key] = w.now
		}
		if w.now-max(w.bad[key], n.awoke) > w.cfg.PeerTimeout+tickEvery+2*grain {
			w.failf("a follower rests longer than the pair's timeout without a leader")
		}
	}
}

// led tells whether a group has a leader that somebody follows.
func (w *world) led(g int) bool {
	for _, n := range w.nodes {
		l := n.replicas[g]
		if l == nil || !n.runs() || l.fenced || l.role != raft.StateLeader {
			continue
		}
		for _, other := range w.nodes {
			if f := other.replicas[g]; f != nil && other != n && w.connected(n.id, other.id) && f.term == l.term && f.lead == uint64(l.id) {
				return true
			}
		}
	}
	return false
}

func (w *world) checkLeader(g int) {
	var members []int
	for i := range nodeCount {
		if hosts(i, g) {
			members = append(members, i)
		}
	}
	if w.led(g) {
		w.without[g] = w.now
	}
	for i, a := range members {
		for _, b := range members[i+1:] {
			pair := &w.clique[g][slices.Index(members, a)+slices.Index(members, b)]
			if !w.connected(a, b) || w.nodes[a].replicas[g].fenced || w.nodes[b].replicas[g].fenced || w.slow > 200*ms {
				*pair = w.now
			}
			lonely := w.now - max(*pair, w.without[g])
			w.longest = max(w.longest, lonely)
			if lonely > loneliest {
				w.failf("a group has no leader beyond the budget")
			}
		}
	}
}
