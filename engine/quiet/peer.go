package quiet

import (
	"maps"
	"slices"
	"time"

	"github.com/lockstep-log/lockstep/engine/env"
)

// never is before every reading of a clock.
const never time.Duration = -1 << 62

// peer is what a node knows of another one, and of the groups that rest between
// the two.
type peer struct {
	node  env.NodeID
	life  uint64 // 0: not heard of
	heard uint64 // its newest stamp in that life

	up       bool
	fresh    time.Duration // when the newest of our beats that it answered was sent
	notUntil time.Duration // answers to older beats count no more

	out outgoing
	in  incoming
}

// outgoing is the set of grants from here to the peer. The peer mirrors it, and
// nobody but this node changes it.
type outgoing struct {
	era     uint64
	version uint64 // number of the last change
	digest  digest
	acked   uint64                 // the peer has the set as of this change
	grants  map[env.GroupID]member // the set
	changes []Change               // acked+1 to version
}

// incoming is the mirror of the peer's outgoing set.
type incoming struct {
	era     uint64 // 0: none yet
	version uint64
	digest  digest
	grants  map[env.GroupID]member
	awake   map[env.GroupID]struct{} // those of them that do not rest
	broken  bool                     // void; nothing of this era rests any more
}

// member of a set: the grant, and which change added it.
type member struct {
	grant  Grant
	number uint64
}

func (o *outgoing) begin(era uint64) {
	*o = outgoing{era: era, grants: map[env.GroupID]member{}}
}

func (o *outgoing) add(key uint64, g Grant) {
	o.version++
	o.digest.toggle(key, g)
	o.grants[g.Group] = member{grant: g, number: o.version}
	o.changes = append(o.changes, Change{Grant: g, Rest: true})
}

func (o *outgoing) remove(key uint64, group env.GroupID) {
	o.version++
	o.digest.toggle(key, o.grants[group].grant)
	delete(o.grants, group)
	o.changes = append(o.changes, Change{Grant: Grant{Group: group}})
}

// acknowledged drops what the peer has, and calls added for each grant that was
// added by it and is still in the set.
func (o *outgoing) acknowledged(number uint64, added func(env.GroupID)) {
	if number <= o.acked || number > o.version {
		return
	}
	n := int(number - o.acked)
	done := o.changes[:n]
	from := o.acked + 1
	o.acked = number
	o.changes = slices.Clone(o.changes[n:])
	for i, c := range done {
		if m, ok := o.grants[c.Group]; c.Rest && ok && m.number == from+uint64(i) {
			added(c.Group)
		}
	}
}

func (in *incoming) begin(era uint64) {
	*in = incoming{era: era, grants: map[env.GroupID]member{}, awake: map[env.GroupID]struct{}{}}
}

// beat is what this node tells the peer now.
func (p *peer) beat(now time.Duration) Beat {
	b := Beat{
		Yours: p.life, Stamp: uint64(now), Echo: p.heard,
		Era: p.out.era, First: p.out.acked + 1, Digest: uint64(p.out.digest), Changes: p.out.changes,
		AckEra: p.in.era, Ack: p.in.version, Broken: p.in.broken,
	}
	if len(p.in.awake) > 0 {
		for _, g := range slices.Sorted(maps.Keys(p.in.awake)) {
			b.Awake = append(b.Awake, Awake{Group: g, Number: p.in.grants[g].number})
		}
	}
	return b
}
