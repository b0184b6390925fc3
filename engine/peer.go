package engine

import (
	"slices"

	"github.com/lockstep-log/lockstep/engine/env"
)

// life is one boot of a node: its disk and the incarnation on it.
type life struct{ disk, incarnation uint64 }

// peer is what is known of another node's lives.
type peer struct {
	now     life
	retired []uint64 // disks that it had before, newest last
}

// mostRetired bounds the disks that are remembered of one node.
const mostRetired = 4

// alive tells whether a node speaks from its newest life, and takes note of a
// new one. On one disk incarnations grow; a new disk begins anew, and its
// predecessor never speaks again.
func (n *Node) alive(node env.NodeID, l life) bool {
	p := n.peers[node]
	switch {
	case p == nil:
		n.peers[node] = &peer{now: l}
		return true
	case l == p.now:
		return true
	case l.disk == p.now.disk && l.incarnation < p.now.incarnation, slices.Contains(p.retired, l.disk):
		return false
	}
	if l.disk != p.now.disk {
		if len(p.retired) == mostRetired {
			p.retired = slices.Delete(p.retired, 0, 1)
		}
		p.retired = append(p.retired, p.now.disk)
	}
	p.now = l
	for _, one := range n.partitions {
		one.replica.PeerRestarted(node)
	}
	return true
}
